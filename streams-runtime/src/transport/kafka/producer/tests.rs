//! What a real broker does not do when it is asked to: librdkafka's imitation of a cluster refuses a batch.

use std::time::{Duration, Instant};

use rdkafka::bindings::rd_kafka_resp_err_t as RDKafkaRespErr;
use rdkafka::mocking::MockCluster;
use rdkafka::types::RDKafkaApiKey;

use super::*;
use crate::transport::ClientSettings;

const PATIENCE: Duration = Duration::from_secs(30);

fn written(producer: &mut KafkaProducer) -> Result<(), TransportError> {
    producer.begin()?;
    producer.send(Outgoing {
        topic: "results",
        partition: 0,
        key: None,
        value: Some(b"x"),
        timestamp: 1,
        headers: &crate::record::Headers::new(),
        origin: 0,
        is_followed: true,
    })?;
    producer.flush(&mut |_| ())
}

fn ready(clients: &KafkaClients) -> KafkaProducer {
    let mut producer = clients.producer(Some("torn")).expect("a producer");
    let start = Instant::now();
    while let Err(error) = producer.init() {
        assert!(start.elapsed() < PATIENCE, "{error}");
    }
    producer
}

/// Connections that are cut at the wrong moment tear the numbering of what is written. The library then takes another epoch,
/// or gives itself up; a worker takes the transaction back, with another producer if it must.
#[test]
fn torn_numbering_costs_a_transaction_and_not_the_worker() {
    let cluster = MockCluster::new(1).expect("an imitated cluster");
    cluster.create_topic("results", 1, 1).expect("a topic");
    let settings = ClientSettings { brokers: cluster.bootstrap_servers(), ..ClientSettings::default() };
    let clients = KafkaClients::new(settings);
    let mut producer = ready(&clients);
    written(&mut producer).expect("a record");
    assert!(matches!(producer.commit(), CommitOutcome::Committed));
    let torn = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[torn]);
    let refused = written(&mut producer).expect_err("a refusal");
    assert!(refused.timed_out().is_some(), "it may be tried again: {refused}");
    if producer.abort().is_err() {
        producer = ready(&clients);
    }
    written(&mut producer).expect("a record");
    assert!(matches!(producer.commit(), CommitOutcome::Committed));
}
