//! What one real broker cannot show: a group that is handed over from one broker to another. librdkafka's imitation of a
//! cluster can, but does not know questions about topics, so those are answered beforehand.

use rdkafka::mocking::{MockCluster, MockCoordinator};

use super::*;
use crate::transport::ClientSettings;

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
    for broker in [1, 2, 1] {
        coordinator(broker);
        let start = Instant::now();
        let found = loop {
            consumer.described.insert(place.topic.clone(), (Instant::now(), Known { id: 1, partitions: 1 }));
            match consumer.committed(std::slice::from_ref(&place)) {
                Ok(found) => break found,
                Err(TransportError::TimedOut(what)) => {
                    assert!(start.elapsed() < PATIENCE, "broker {broker} is never asked: {what}");
                    consumer.wait(10);
                }
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(found, [Some(committed.clone())]);
    }
}
