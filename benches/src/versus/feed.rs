//! Writes inputs into topics, laid out as every Kafka client lays out keys.

use super::topics::config;
use crate::workload::Input;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use std::time::Duration;

/// Writes records to a topic and waits until all of them are there.
///
/// # Panics
/// If the broker refuses.
pub fn feed(address: &str, topic: &str, records: impl Iterator<Item = Input>) {
    let producer: BaseProducer = config(address)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "20")
        .set("queue.buffering.max.messages", "500000")
        .create()
        .expect("a producer can be made");
    for (i, input) in records.enumerate() {
        let Input { key, value, timestamp } = &input;
        let mut record = BaseRecord::to(topic).key(key).payload(value).timestamp(*timestamp);
        while let Err((error, back)) = producer.send(record) {
            let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            assert!(full, "an input cannot be written: {error}");
            producer.poll(Duration::from_millis(5));
            record = back;
        }
        if i.is_multiple_of(256) {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(60)).expect("the inputs are written");
}
