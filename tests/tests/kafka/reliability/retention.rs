//! Brokers forget committed offsets; those of an input that nobody subscribes to also while its group lives.

use std::time::{Duration, Instant};

use streams_runtime::transport::kafka::{ClientSettings, KafkaClients};
use streams_runtime::transport::{CommittedOffset, Consumer as _, Isolation, TopicPartition};
use streams_tests::broker::Broker;
use streams_tests::broker::tools::{committed, until};

use super::PATIENCE;
use super::application::Application;
use super::pairs::Pairs;

/// Longer than a minute, which is the shortest a broker can be told, and a bit for the broker.
const FORGOTTEN: Duration = Duration::from_secs(150);

#[test]
fn an_input_that_was_silent_for_longer_than_offsets_are_kept_is_not_read_again() {
    let broker =
        Broker::with(&[("offsets.retention.minutes", "1"), ("offsets.retention.check.interval.ms", "1000")]);
    let mut pairs = Pairs::new(&broker.bootstrap());
    let mut app = Application::new("together", "pairs", &broker.bootstrap()).on_disk();
    app.start();
    pairs.write();
    pairs.until_counted();
    let known = |topic: &str| committed(&broker.bootstrap(), "pairs", topic);
    let before = ["left", "right"].map(known);
    assert_eq!(before.each_ref().map(|offsets| offsets.len()), [2, 2]);

    // Somebody else commits once what he does not subscribe to, and is a member all the time.
    let settings = ClientSettings { brokers: broker.bootstrap(), ..ClientSettings::default() };
    let clients = KafkaClients::new(settings);
    let mut other = clients.consumer("other", "other", None, Isolation::ReadCommitted).expect("a consumer");
    other.subscribe(&["left".to_owned()]).expect("a subscription");
    let [left, right] =
        ["left", "right"].map(|topic| TopicPartition { topic: topic.to_owned(), partition: 0 });
    let offset = CommittedOffset { offset: 1, metadata: String::new() };
    let offsets = [(left.clone(), offset.clone()), (right.clone(), offset.clone())];
    let start = Instant::now();
    loop {
        other.poll(&mut Vec::new(), 1).expect("a poll");
        if other.group_metadata().is_some() && other.commit(&offsets).is_ok() {
            break;
        }
        assert!(start.elapsed() < FORGOTTEN, "it joins");
    }
    let start = Instant::now();
    loop {
        other.poll(&mut Vec::new(), 1).expect("a poll");
        other.wait(500);
        assert!(start.elapsed() < FORGOTTEN, "the broker forgets");
        let found = match other.committed(&[left.clone(), right.clone()]) {
            Err(error) if error.timed_out().is_some() => continue,
            found => found.expect("offsets"),
        };
        assert_eq!(found[0].as_ref(), Some(&offset), "somebody subscribes to it");
        if found[1].is_none() {
            break;
        }
    }
    println!("forgotten after {:?}", start.elapsed());

    assert_eq!(["left", "right"].map(known), before);
    app.kill();
    pairs.write();
    app.start();
    pairs.until_counted();
    app.stop();
}

/// A group without members keeps its offsets for so long after the last one went.
#[test]
fn an_application_that_was_away_for_longer_than_offsets_are_kept_says_so() {
    let broker =
        Broker::with(&[("offsets.retention.minutes", "1"), ("offsets.retention.check.interval.ms", "1000")]);
    let mut pairs = Pairs::new(&broker.bootstrap());
    let mut app = Application::new("together", "away", &broker.bootstrap()).on_disk();
    app.start();
    pairs.write();
    pairs.until_counted();
    app.stop();
    until("the broker forgets", FORGOTTEN, || {
        let known = |topic: &str| committed(&broker.bootstrap(), "away", topic).len();
        (["left", "right"].map(known) == [0, 0]).then_some(())
    });
    app.start();
    assert_eq!(app.exit(PATIENCE), Some(1), "{}", app.log());
    for words in ["holds rows of `away-", "no committed offset for any input", "--reset-offsets"] {
        assert!(app.log().contains(words), "{words}: {}", app.log());
    }
    // Nothing was counted again.
    pairs.until_counted();
}
