//! Partitions get another leader epoch when their broker is started again, and clients learn of it.

use std::time::{Duration, Instant};

use streams_runtime::transport::kafka::{ClientSettings, KafkaClients, KafkaConsumer};
use streams_runtime::transport::{Consumer as _, TopicPartition, Watermarks};
use streams_tests::broker::Broker;
use streams_tests::broker::tools::create_topic;

/// Clients come back by themselves, each at its own moment. Some are told of the topic before its partition has its new
/// epoch: of so many there is always one.
const CLIENTS: usize = 40;

/// Far less than the five minutes after which a client asks about its topics by itself.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn ends_are_told_after_the_broker_was_started_again() {
    let mut broker = Broker::start();
    create_topic(&broker.bootstrap(), "ends", 1, &[]);
    let partition = TopicPartition { topic: "ends".to_owned(), partition: 0 };
    let settings = ClientSettings { brokers: broker.bootstrap(), ..ClientSettings::default() };
    let clients = KafkaClients::new(settings);
    let mut readers: Vec<KafkaConsumer> =
        (0..CLIENTS).map(|n| clients.restore_consumer("ends", &format!("reader-{n}")).unwrap()).collect();
    readers.iter_mut().for_each(|reader| assert_eq!(told(reader, &partition).high, 0));
    broker.kill();
    broker.restart();
    readers.iter_mut().for_each(|reader| assert_eq!(told(reader, &partition).high, 0));
}

#[track_caller]
fn told(reader: &mut KafkaConsumer, partition: &TopicPartition) -> Watermarks {
    let start = Instant::now();
    loop {
        match reader.watermarks(partition) {
            Ok(ends) => return ends,
            Err(error) if error.timed_out().is_some() => {
                assert!(start.elapsed() < PATIENCE, "it is never told")
            }
            Err(error) => panic!("{error}"),
        }
        reader.wait(10);
    }
}
