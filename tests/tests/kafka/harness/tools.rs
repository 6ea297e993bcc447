//! What is written is read, transactions are transactions, groups are described.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use streams_tests::broker::Broker;
use streams_tests::broker::tools::{
    Isolation, Message, PATIENCE, Producer, committed, config, create_topic, delete_topic, end_offsets,
    group, read, read_until, topic, topics, unique, until,
};

/// Joins a group, reads so many records, commits them and stays until dropped.
fn member(bootstrap: &str, group: &str, topic: &str) -> BaseConsumer {
    let mut config = config(bootstrap);
    config.set("group.id", group).set("client.id", "reader");
    config.set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

/// How many records a new member of the group reads before it commits and leaves.
pub fn consume_and_commit(bootstrap: &str, group: &str, topic: &str, records: usize) -> usize {
    let consumer = member(bootstrap, group, topic);
    let mut read = 0;
    until("records for a group", PATIENCE, || {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            read += 1;
            consumer.store_offset(message.topic(), message.partition(), message.offset()).unwrap();
        }
        (read >= records).then_some(())
    });
    consumer.commit_consumer_state(CommitMode::Sync).unwrap();
    read
}

fn values(bootstrap: &str, topic: &str, isolation: Isolation) -> Vec<String> {
    read(bootstrap, topic, isolation).iter().map(|record| record.value_text()).collect()
}

#[test]
fn what_is_written_is_read() {
    let bootstrap = Broker::shared().bootstrap();
    let name = unique("written");
    create_topic(&bootstrap, &name, 3, &[("retention.ms", "86400000000")]);
    let producer = Producer::new(&bootstrap);
    let full = Message::to(&name).partition(1).key("k").value("v").timestamp(1_670_000_000_000);
    producer.write([
        full.header("a", Some(b"1")).header("a", None),
        Message::to(&name).partition(1).key("k").timestamp(5),
        Message::to(&name).partition(2).value("").timestamp(6),
    ]);
    let records = read(&bootstrap, &name, Isolation::Committed);
    assert_eq!(records.len(), 3);
    assert_eq!((records[0].partition, records[0].offset, records[0].timestamp), (1, 0, 1_670_000_000_000));
    assert_eq!((records[0].key_text(), records[0].value_text()), ("k".to_owned(), "v".to_owned()));
    assert_eq!(records[0].headers, [("a".to_owned(), Some(b"1".to_vec())), ("a".to_owned(), None)]);
    assert_eq!((records[1].offset, records[1].value.as_deref(), records[1].timestamp), (1, None, 5));
    assert_eq!((records[2].partition, records[2].key.as_deref()), (2, None));
    assert_eq!(records[2].value.as_deref(), Some(&b""[..]));
    assert_eq!(end_offsets(&bootstrap, &name, Isolation::Committed), [0, 2, 1]);
}

#[test]
fn topics_come_and_go() {
    let bootstrap = Broker::shared().bootstrap();
    let name = unique("gone");
    assert_eq!(topic(&bootstrap, &name), None);
    create_topic(&bootstrap, &name, 2, &[("retention.ms", "77")]);
    let described = topic(&bootstrap, &name).unwrap();
    assert_eq!((described.partitions, described.settings["retention.ms"].as_str()), (2, "77"));
    assert!(topics(&bootstrap).contains(&name));
    delete_topic(&bootstrap, &name);
    until("a topic to go", PATIENCE, || (!topics(&bootstrap).contains(&name)).then_some(()));
}

#[test]
fn keys_lie_where_other_clients_put_them() {
    let bootstrap = Broker::shared().bootstrap();
    let name = unique("keyed");
    create_topic(&bootstrap, &name, 4, &[]);
    // The partitions Kafka's own producer chooses for these keys: murmur2, made positive, modulo 4.
    let chosen = [("a", 0), ("b", 0), ("c", 2), ("store_1234", 2), ("d", 1)];
    Producer::new(&bootstrap).write(chosen.map(|(key, _)| Message::to(&name).key(key).value("v")));
    for record in read(&bootstrap, &name, Isolation::Committed) {
        let key = record.key_text();
        let expected = chosen.iter().find(|(chosen, _)| *chosen == key).unwrap().1;
        assert_eq!(record.partition, expected, "{key}");
    }
}

#[test]
fn committed_is_seen_aborted_is_not() {
    let bootstrap = Broker::shared().bootstrap();
    let name = unique("transactions");
    create_topic(&bootstrap, &name, 1, &[]);
    let producer = Producer::transactional(&bootstrap, &unique("transactional"));
    let other = Producer::new(&bootstrap);

    producer.begin();
    producer.write([Message::to(&name).value("aborted")]);
    other.write([Message::to(&name).value("plain")]);
    // Nothing is seen behind an open transaction.
    assert_eq!(values(&bootstrap, &name, Isolation::Committed), [""; 0]);
    assert_eq!(values(&bootstrap, &name, Isolation::Uncommitted), ["aborted", "plain"]);
    assert_eq!(end_offsets(&bootstrap, &name, Isolation::Committed), [0]);
    assert_eq!(end_offsets(&bootstrap, &name, Isolation::Uncommitted), [2]);
    producer.abort();

    producer.begin();
    producer.write([Message::to(&name).value("committed")]);
    producer.commit();
    // The broker answers before the transaction is marked as ended in the topic.
    let seen = read_until(&bootstrap, &name, Isolation::Committed, PATIENCE, |records| records.len() >= 2);
    let seen: Vec<String> = seen.iter().map(|record| record.value_text()).collect();
    assert_eq!(seen, ["plain", "committed"]);
    assert_eq!(values(&bootstrap, &name, Isolation::Uncommitted), ["aborted", "plain", "committed"]);
}

#[test]
fn groups_are_described() {
    let bootstrap = Broker::shared().bootstrap();
    let (name, group_name) = (unique("grouped"), unique("group"));
    create_topic(&bootstrap, &name, 2, &[]);
    Producer::new(&bootstrap).write((0..7).map(|n| Message::to(&name).partition(n % 2).value("v")));
    assert_eq!(group(&bootstrap, &group_name), None);
    assert!(committed(&bootstrap, &group_name, &name).is_empty());

    let consumer = member(&bootstrap, &group_name, &name);
    let described = until("a stable group", PATIENCE, || {
        consumer.poll(Duration::from_millis(10));
        group(&bootstrap, &group_name).filter(|group| group.state == "Stable")
    });
    assert_eq!(described.members.len(), 1);
    assert_eq!(described.members[0].client_id, "reader");
    assert_eq!(described.members[0].assigned, BTreeSet::from([(name.clone(), 0), (name.clone(), 1)]));
    drop(consumer);

    assert_eq!(consume_and_commit(&bootstrap, &group_name, &name, 7), 7);
    assert_eq!(Vec::from_iter(committed(&bootstrap, &group_name, &name)), [(0, 4), (1, 3)]);
}
