//! What a real broker does not do when it is asked to: librdkafka's imitation of a cluster refuses a batch, or has no
//! coordinator for a group.

use std::time::{Duration, Instant};

use rdkafka::bindings::rd_kafka_resp_err_t as RDKafkaRespErr;
use rdkafka::mocking::{MockCluster, MockCoordinator};
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

/// The group is another broker's than the transaction, and that one has gone.
#[test]
fn who_cannot_find_the_coordinator_of_its_group_is_not_kept_for_ever() {
    let cluster = MockCluster::new(2).expect("an imitated cluster");
    for topic in ["inputs", "results"] {
        cluster.create_topic(topic, 1, 1).expect("a topic");
    }
    cluster.partition_leader("results", 0, Some(1)).expect("a leader");
    for (of, broker) in [
        (MockCoordinator::Transaction("torn".to_owned()), 1),
        (MockCoordinator::Group("group".to_owned()), 2),
    ] {
        cluster.coordinator(of, broker).expect("a coordinator");
    }
    let settings = ClientSettings {
        brokers: cluster.bootstrap_servers(),
        producer: vec![("transaction.timeout.ms".to_owned(), "2000".to_owned())],
        ..ClientSettings::default()
    };
    let clients = KafkaClients::new(settings);
    let mut producer = ready(&clients);
    written(&mut producer).expect("a record");
    cluster.broker_down(2).expect("a broker goes");
    let place = TopicPartition { topic: "inputs".to_owned(), partition: 0 };
    let offsets = [(place, CommittedOffset { offset: 7, metadata: String::new() })];
    let group =
        GroupMetadata { group: "group".into(), generation: 1, member: "member".into(), instance: None };
    let start = Instant::now();
    let late = producer.send_offsets(&offsets, &group).expect_err("nobody to send them to");
    let took = start.elapsed();
    assert!(late.timed_out().is_some() && took < Duration::from_secs(20), "{late} after {took:?}");
    // What becomes of them is decided by the next one that takes the id.
    assert!(producer.abort().is_err());
    drop(producer);
    cluster.broker_up(2).expect("a broker comes");
    let mut producer = ready(&clients);
    written(&mut producer).expect("a record");
    producer.send_offsets(&offsets, &group).expect("offsets");
    assert!(matches!(producer.commit(), CommitOutcome::Committed));
}
