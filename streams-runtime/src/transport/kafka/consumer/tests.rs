//! What one real broker cannot show, or not in time: a group that is handed over from one broker to another, or that nobody
//! can be asked about. librdkafka's imitation of a cluster can, nearly: it does not know questions about topics, so those
//! are answered beforehand.

use rdkafka::bindings::rd_kafka_resp_err_t as RDKafkaRespErr;
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::types::RDKafkaApiKey;

use std::time::Duration;

use super::*;
use crate::transport::{ClientSettings, Isolation};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn committed_offsets_are_asked_of_the_coordinator_of_now() {
    let cluster = MockCluster::new(2).expect("an imitated cluster");
    cluster.create_topic("inputs", 1, 1).expect("a topic");
    let coordinator = |broker| {
        cluster.coordinator(MockCoordinator::Group("group".to_owned()), broker).expect("a coordinator");
    };
    coordinator(1);
    let settings = ClientSettings { brokers: cluster.bootstrap_servers(), ..ClientSettings::default() };
    let clients = KafkaClients::new(settings);
    let mut consumer = clients.consumer("group", "client", None, Isolation::ReadCommitted).unwrap();
    let place = TopicPartition { topic: "inputs".to_owned(), partition: 0 };
    let committed = CommittedOffset { offset: 7, metadata: String::new() };
    while consumer.commit(&[(place.clone(), committed.clone())]).is_err() {}
    let mut found = || {
        let start = Instant::now();
        loop {
            consumer.described.insert(place.topic.clone(), (Instant::now(), Known { id: 1, partitions: 1 }));
            match consumer.committed(std::slice::from_ref(&place)) {
                Ok(found) => break (found, consumer.questions.group_client()),
                Err(TransportError::TimedOut(what)) => {
                    assert!(start.elapsed() < PATIENCE, "it is never answered: {what}");
                    consumer.wait(10);
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    let (offsets, asked) = found();
    assert_eq!(offsets, [Some(committed.clone())]);
    // The imitation answers whoever is asked, so it has to be told to refuse.
    coordinator(2);
    cluster.request_errors(RDKafkaApiKey::OffsetFetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR]);
    let (offsets, another) = found();
    assert_eq!(offsets, [Some(committed)]);
    assert!(!Rc::ptr_eq(&asked, &another));
}

#[test]
fn a_group_that_nobody_can_be_asked_about_for_long_is_asked_about_again() {
    let cluster = MockCluster::new(1).expect("an imitated cluster");
    cluster.create_topic("inputs", 1, 1).expect("a topic");
    let settings = ClientSettings { brokers: cluster.bootstrap_servers(), ..ClientSettings::default() };
    let clients = KafkaClients::new(settings);
    let mut consumer = clients.consumer("group", "client", None, Isolation::ReadCommitted).unwrap();
    let place = TopicPartition { topic: "inputs".to_owned(), partition: 0 };
    let mut ask = |for_ms: u64| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(for_ms) {
            consumer.described.insert(place.topic.clone(), (Instant::now(), Known { id: 1, partitions: 1 }));
            match consumer.committed(std::slice::from_ref(&place)) {
                Ok(found) => return Some(found),
                Err(TransportError::TimedOut(_)) => consumer.wait(10),
                Err(error) => panic!("{error}"),
            }
        }
        None
    };
    assert_eq!(ask(30_000), Some(vec![None]));
    cluster.broker_down(1).expect("a broker goes");
    // For longer than one question lives.
    assert_eq!(ask(7_000), None);
    cluster.broker_up(1).expect("a broker comes");
    assert_eq!(ask(30_000), Some(vec![None]));
}

#[test]
fn who_closes_while_nobody_answers_its_commit_is_not_kept_for_a_session() {
    let cluster = MockCluster::new(1).expect("an imitated cluster");
    cluster.create_topic("inputs", 1, 1).expect("a topic");
    let settings = ClientSettings { brokers: cluster.bootstrap_servers(), ..ClientSettings::default() };
    let mut consumer =
        KafkaClients::new(settings).consumer("group", "client", None, Isolation::ReadCommitted).unwrap();
    consumer.subscribe(&["inputs".to_owned()]).unwrap();
    let (start, mut events) = (Instant::now(), Vec::new());
    while events.is_empty() || consumer.group_metadata().is_none() {
        assert!(start.elapsed() < PATIENCE, "it is given nothing");
        consumer.poll(&mut events, 1).unwrap();
        consumer.wait(10);
    }
    cluster.broker_down(1).expect("a broker goes");
    let place = TopicPartition { topic: "inputs".to_owned(), partition: 0 };
    let unanswered = consumer.commit(&[(place, CommittedOffset { offset: 7, metadata: String::new() })]);
    assert!(unanswered.is_err());
    let start = Instant::now();
    assert!(consumer.close().is_err());
    drop(consumer);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}
