//! A broker starts, is killed, comes back, and goes.

use std::time::Instant;

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{
    Isolation, Message, Producer, committed, create_topic, end_offsets, read, topic,
};

use super::tools::consume_and_commit;

#[test]
fn nothing_is_left_of_a_broker() {
    let start = Instant::now();
    let mut broker = Broker::start();
    eprintln!("started in {:?}", start.elapsed());
    let folder = broker.process().folder().to_owned();
    assert!(folder.exists());
    broker.stop();
    drop(broker);
    assert!(!folder.exists());
}

#[test]
fn a_killed_broker_comes_back_with_what_it_acknowledged() {
    let mut broker = Broker::start();
    let bootstrap = broker.bootstrap();
    create_topic(&bootstrap, "kept", 2, &[("cleanup.policy", "compact")]);
    let producer = Producer::new(&bootstrap);
    producer.write((0..100).map(|n| Message::to("kept").key(format!("k{n}")).value("v").timestamp(n)));
    assert_eq!(consume_and_commit(&bootstrap, "group", "kept", 100), 100);
    let before = read(&bootstrap, "kept", Isolation::Committed);
    let offsets = committed(&bootstrap, "group", "kept");

    broker.kill();
    let start = Instant::now();
    broker.restart();
    eprintln!("restarted in {:?}", start.elapsed());

    assert_eq!(broker.bootstrap(), bootstrap);
    assert_eq!(read(&bootstrap, "kept", Isolation::Committed), before);
    assert_eq!(committed(&bootstrap, "group", "kept"), offsets);
    assert_eq!(topic(&bootstrap, "kept").unwrap().settings["cleanup.policy"], "compact");
    // The same producer goes on: it is still known.
    producer.write([Message::to("kept").key("k").value("after")]);
    assert_eq!(end_offsets(&bootstrap, "kept", Isolation::Committed).iter().sum::<i64>(), 101);
}
