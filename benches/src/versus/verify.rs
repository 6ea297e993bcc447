//! Reads an output as its readers see it: committed records only, to the end of every partition.

use super::topics::{PARTITIONS, config};
use crate::workload::Digest;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

/// Everything that was written to a topic.
///
/// # Errors
/// If its end is not reached.
pub fn output(address: &str, topic: &str) -> Result<Digest, String> {
    let reader: BaseConsumer = config(address)
        .set("group.id", "verify")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.queue.backoff.ms", "10")
        .create()
        .map_err(|error| error.to_string())?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let added = list.add_partition_offset(topic, partition, Offset::Beginning);
        added.map_err(|error| error.to_string())?;
    }
    reader.assign(&list).map_err(|error| error.to_string())?;
    let mut digest = Digest::default();
    let mut ends = 0;
    let deadline = Instant::now() + PATIENCE;
    while ends < PARTITIONS {
        match reader.poll(Duration::from_millis(500)) {
            Some(Ok(record)) => {
                digest.add(record.key().unwrap_or_default(), record.payload().unwrap_or_default())
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Err(error)) => return Err(error.to_string()),
            None => {}
        }
        if Instant::now() > deadline {
            return Err(format!("no end of the output within {PATIENCE:?}"));
        }
    }
    Ok(digest)
}
