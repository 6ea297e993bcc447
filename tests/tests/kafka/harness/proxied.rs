//! Answers get lost, and what was asked is done once all the same.

use std::time::{Duration, Instant};

use streams_tests::broker::Broker;
use streams_tests::broker::proxy::{Api, Fault, Half};
use streams_tests::broker::tools::{
    Isolation, Message, PATIENCE, Producer, create_topic, read, read_until, topics, unique,
};

const RECORDS: usize = 40;

/// Writes numbered records one by one while every other answer gets lost, and returns what lies in the topic.
fn written_with_lost_answers(settings: &[(&str, &str)]) -> Vec<String> {
    let broker = Broker::shared();
    let (proxy, name) = (broker.proxy(), unique("lost-answers"));
    create_topic(&broker.bootstrap(), &name, 1, &[]);
    proxy.script(Api::PRODUCE, |before| (before % 2 == 0).then_some(Fault::LoseAnswer));
    let producer = Producer::with(&proxy.bootstrap(), settings);
    for number in 0..RECORDS {
        producer.write([Message::to(&name).value(number.to_string())]);
    }
    assert!(proxy.struck(Api::PRODUCE) >= RECORDS / 2);
    read(&broker.bootstrap(), &name, Isolation::Committed).iter().map(|record| record.value_text()).collect()
}

#[test]
fn an_idempotent_producer_writes_once_though_answers_are_lost() {
    let expected: Vec<String> = (0..RECORDS).map(|number| number.to_string()).collect();
    assert_eq!(written_with_lost_answers(&[]), expected);
}

/// Without this, the test above could pass because nothing is lost.
#[test]
fn another_producer_writes_twice() {
    let written = written_with_lost_answers(&[("enable.idempotence", "false"), ("acks", "all")]);
    assert!(written.len() > RECORDS, "{written:?}");
}

#[test]
fn a_transaction_is_committed_though_the_answer_is_lost() {
    let broker = Broker::shared();
    let (proxy, name) = (broker.proxy(), unique("lost-commit"));
    create_topic(&broker.bootstrap(), &name, 1, &[]);
    let producer = Producer::transactional(&proxy.bootstrap(), &unique("lost-commit"));
    for api in [Api::ADD_PARTITIONS_TO_TXN, Api::PRODUCE, Api::END_TXN] {
        proxy.next(api, 1, Fault::LoseAnswer);
        producer.begin();
        producer.write([Message::to(&name).value(format!("{api:?}"))]);
        producer.commit();
        assert_eq!(proxy.struck(api), 1);
    }
    let records =
        read_until(&broker.bootstrap(), &name, Isolation::Committed, PATIENCE, |read| read.len() >= 3);
    assert_eq!(records.len(), 3);
}

#[test]
fn answers_can_come_late_and_connections_can_be_refused() {
    let broker = Broker::shared();
    let (proxy, name) = (broker.proxy(), unique("late"));
    create_topic(&broker.bootstrap(), &name, 1, &[]);
    let producer = Producer::new(&proxy.bootstrap());
    producer.write([Message::to(&name).value("before")]);

    let late = Duration::from_millis(300);
    proxy.next(Api::PRODUCE, 1, Fault::Delay(late));
    let start = Instant::now();
    producer.write([Message::to(&name).value("late")]);
    assert!(start.elapsed() >= late);

    proxy.disconnect();
    producer.send(&Message::to(&name).value("after"));
    std::thread::sleep(late);
    assert_eq!(read(&broker.bootstrap(), &name, Isolation::Committed).len(), 2);
    proxy.reconnect();
    producer.flush();
    assert_eq!(read(&broker.bootstrap(), &name, Isolation::Committed).len(), 3);
    // What goes past the proxy is not its business.
    assert!(topics(&broker.bootstrap()).contains(&name));
    assert_eq!(proxy.seen(Api::CREATE_TOPICS), 0);
}

#[test]
fn connections_can_be_slow() {
    let broker = Broker::shared();
    let (proxy, name) = (broker.proxy(), unique("slow"));
    create_topic(&broker.bootstrap(), &name, 1, &[]);
    let producer = Producer::new(&proxy.bootstrap());
    producer.write([Message::to(&name).value("at once")]);
    proxy.slow(20_000);
    let start = Instant::now();
    producer.write([Message::to(&name).value([7; 10_000])]);
    assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
    proxy.slow(0);
    producer.write([Message::to(&name).value("at once")]);
    assert_eq!(read(&broker.bootstrap(), &name, Isolation::Committed).len(), 3);
}

/// Whoever is cut off hears nothing until he gives up; the one who closed is told. Either way nothing is written twice.
#[test]
fn connections_can_be_closed_by_half() {
    let broker = Broker::shared();
    let (proxy, name) = (broker.proxy(), unique("half-closed"));
    create_topic(&broker.bootstrap(), &name, 1, &[]);
    // How long the client waits for an answer.
    let patience = Duration::from_secs(2);
    let settings = [("socket.timeout.ms", "2000"), ("request.timeout.ms", "2000")];
    let producer = Producer::with(&proxy.bootstrap(), &settings);
    producer.write([Message::to(&name).value("before")]);
    for (half, waits) in [(Half::Requests, true), (Half::Answers, false)] {
        proxy.half_close(half);
        let start = Instant::now();
        producer.write([Message::to(&name).value(format!("{half:?}"))]);
        assert_eq!(start.elapsed() >= patience, waits, "{half:?}: {:?}", start.elapsed());
    }
    let written = read(&broker.bootstrap(), &name, Isolation::Committed);
    let written: Vec<String> = written.iter().map(|record| record.value_text()).collect();
    assert_eq!(written, ["before", "Requests", "Answers"]);
}
