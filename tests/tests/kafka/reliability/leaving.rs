//! Who leaves for good is missed by nobody: the others have the tasks long before a session could time out.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use streams_tests::broker::Broker;
use streams_tests::broker::tools::{
    Isolation, Message, PATIENCE, Producer, create_topic, group, read_until, until,
};

use super::application::Application;
use super::words::{STORES, Words};

/// What the broker would wait for a member that says nothing.
const SESSION: &str = "45000";

/// Far less than that.
const SOON: Duration = Duration::from_secs(10);

/// Waits until so many members share these many partitions, and each has some.
#[track_caller]
fn until_shared(broker: &Broker, id: &str, members: usize, partitions: usize) {
    until("the group to settle", PATIENCE, || {
        let group = group(&broker.bootstrap(), id)?;
        let given: BTreeSet<_> = group.members.iter().flat_map(|member| member.assigned.clone()).collect();
        let all = group.members.len() == members && given.len() == partitions;
        let each = group.members.iter().all(|member| !member.assigned.is_empty());
        (all && each && group.state == "Stable").then_some(())
    });
}

fn instances(topology: &str, id: &str, broker: &Broker) -> [Application; 2] {
    ["stays", "leaves"].map(|name| {
        let mut app = Application::named(topology, id, name, &broker.bootstrap()).on_disk();
        app.set("consumer.session.timeout.ms", SESSION).set("commit.interval.ms", "50");
        app
    })
}

/// One of two is asked to end; returns when the other has everything.
fn leaves(broker: &Broker, id: &str, leaving: &Application, partitions: usize) {
    let start = Instant::now();
    leaving.stop();
    let left = start.elapsed();
    until_shared(broker, id, 1, partitions);
    println!("{id}: left after {left:?}, the other one has everything after {:?}", start.elapsed());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn without_stores_the_others_take_over_at_once() {
    let broker = Broker::start();
    for topic in ["greetings", "greetings-spanish", "greetings-uppercase"] {
        create_topic(&broker.bootstrap(), topic, 4, &[]);
    }
    let [mut stays, mut leaving] = instances("greetings", "leave-empty", &broker);
    stays.start();
    leaving.start();
    until_shared(&broker, "leave-empty", 2, 4);
    let producer = Producer::new(&broker.bootstrap());
    let mut written = 0;
    let mut greet = || {
        producer.write((0..40).map(|number| {
            let text = json!({ "message": format!("good day {number}"), "timeStamp": "2026-01-01T00:00:00" });
            Message::to("greetings").partition(number % 4).value(text.to_string())
        }));
        written += 40;
        let all = |read: &[_]| read.len() == written;
        read_until(&broker.bootstrap(), "greetings-uppercase", Isolation::Committed, PATIENCE, all);
    };
    greet();
    leaves(&broker, "leave-empty", &leaving, 4);
    greet();
    stays.stop();
}

#[test]
fn with_stores_the_others_take_over_at_once_if_it_is_told_to_leave() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 31);
    let [mut stays, mut leaving] = instances("tally", "leave-stores", &broker);
    leaving.set("leave.group.on.close", "true");
    stays.start();
    leaving.start();
    until_shared(&broker, "leave-stores", 2, STORES);
    words.write(50);
    words.until_counted();
    leaves(&broker, "leave-stores", &leaving, STORES);
    let start = Instant::now();
    words.write(50);
    words.until_counted();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    words.check(&[&stays]);
}
