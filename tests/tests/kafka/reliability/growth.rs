//! Inputs get more partitions while they are read. None of them is left unread in silence.

use std::time::Duration;

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{
    Isolation, Message, Producer, create_topic, grow_topic, read_until, until,
};

use super::PATIENCE;
use super::application::Application;
use super::pairs::Pairs;

/// A broker is asked every five minutes otherwise.
const OFTEN: (&str, &str) = ("topic.metadata.refresh.interval.ms", "1000");

fn picks_up(protocol: &str) {
    let broker = Broker::start();
    for topic in ["claims", "judged"] {
        create_topic(&broker.bootstrap(), topic, 1, &[]);
    }
    let mut app = Application::new("strict", "grows", &broker.bootstrap());
    app.set(OFTEN.0, OFTEN.1);
    if protocol != "classic" {
        app.unset("consumer.session.timeout.ms").unset("consumer.heartbeat.interval.ms");
        app.set("group.protocol", protocol);
    }
    app.start();
    let producer = Producer::new(&broker.bootstrap());
    producer.write([Message::to("claims").key("k").value("first")]);
    let judged = |count: usize| {
        let enough = move |read: &[_]| read.len() >= count;
        let read = read_until(&broker.bootstrap(), "judged", Isolation::Committed, PATIENCE, enough);
        read.iter().map(|record| record.value_text()).collect::<Vec<_>>()
    };
    assert_eq!(judged(1), ["first"]);
    grow_topic(&broker.bootstrap(), "claims", 3);
    Producer::new(&broker.bootstrap())
        .write((0..3).map(|n| Message::to("claims").partition(n).key("k").value(format!("more {n}"))));
    let mut all = judged(4);
    all.sort();
    assert_eq!(all, ["first", "more 0", "more 1", "more 2"]);
    until("words", PATIENCE, || app.log().contains("has grown from 1 to 3 partitions").then_some(()));
    assert!(app.log().contains("the new ones are picked up"), "{}", app.log());
    app.stop();
}

#[test]
fn new_partitions_are_picked_up_where_nothing_is_kept() {
    picks_up("classic");
}

#[test]
fn new_partitions_are_picked_up_under_the_consumer_protocol() {
    picks_up("consumer");
}

#[test]
fn an_input_that_follows_another_and_grows_stops_the_application() {
    let broker = Broker::start();
    let mut pairs = Pairs::new(&broker.bootstrap());
    let mut app = Application::new("together", "pairs", &broker.bootstrap()).on_disk();
    app.set(OFTEN.0, OFTEN.1);
    app.start();
    pairs.write();
    pairs.until_counted();
    grow_topic(&broker.bootstrap(), "right", 4);
    assert_eq!(app.exit(Duration::from_secs(60)), Some(1), "{}", app.log());
    let said = app.log();
    for words in [
        "topic `right` has grown from 2 to 4 partitions while it was read",
        "the rows of `lefts`, `rights` are where they were",
        "give `left`, which is read together with it, 4 partitions too",
        "delete `pairs-lefts-changelog`, `pairs-rights-changelog`, which were made for 2",
        "take the offsets of group `pairs` back",
    ] {
        assert!(said.contains(words), "{words} is missing in:\n{said}");
    }
    // It would not start again as if nothing had happened.
    app.start();
    assert_eq!(app.exit(PATIENCE), Some(1), "{}", app.log());
    assert!(app.log().contains("topic `right` has 4 partitions, but is declared with 2"), "{}", app.log());
}
