//! Inputs that are deleted and made anew under their names: with them go the committed offsets of their partitions, or those of
//! the topic before are committed once more by who has not noticed. Either is said, and nothing is read.

use std::time::Instant;

use streams_runtime::transport::kafka::{ClientSettings, KafkaClients};
use streams_runtime::transport::{CommittedOffset, Consumer as _, Isolation, TopicPartition};
use streams_tests::broker::Broker;
use streams_tests::broker::tools::{committed, create_topic, delete_topic, until};

use super::PATIENCE;
use super::application::Application;
use super::pairs::Pairs;

/// Commits these of `right`, as soon as nobody is in the group.
fn commit(broker: &Broker, group: &str, offsets: [CommittedOffset; 2]) {
    let settings = ClientSettings { brokers: broker.bootstrap(), ..ClientSettings::default() };
    let mut tool = KafkaClients::new(settings)
        .consumer(group, "tool", None, Isolation::ReadCommitted)
        .expect("a consumer");
    let place = |partition| TopicPartition { topic: "right".to_owned(), partition };
    let offsets: Vec<_> = (0..).map(place).zip(offsets).collect();
    let start = Instant::now();
    while let Err(error) = tool.commit(&offsets) {
        assert!(start.elapsed() < PATIENCE, "{error}");
        tool.wait(200);
    }
}

fn at(offset: i64, metadata: &str) -> CommittedOffset {
    CommittedOffset { offset, metadata: metadata.to_owned() }
}

/// What stands beside the offset of a partition of `right`.
fn metadata(broker: &Broker, group: &str) -> String {
    let settings = ClientSettings { brokers: broker.bootstrap(), ..ClientSettings::default() };
    let mut tool = KafkaClients::new(settings)
        .consumer(group, "tool", None, Isolation::ReadCommitted)
        .expect("a consumer");
    let place = TopicPartition { topic: "right".to_owned(), partition: 0 };
    until("an offset", PATIENCE, || {
        let found = tool.committed(std::slice::from_ref(&place)).ok()?;
        Some(found[0].clone()?.metadata)
    })
}

#[track_caller]
fn refuses(app: &mut Application, words: &[&str]) {
    app.start();
    assert_eq!(app.exit(PATIENCE), Some(1), "{}", app.log());
    for words in words {
        assert!(app.log().contains(words), "{words}: {}", app.log());
    }
}

#[test]
fn an_input_that_was_made_anew_is_not_taken_for_the_one_before() {
    let broker = Broker::start();
    let mut pairs = Pairs::new(&broker.bootstrap());
    let mut app = Application::new("together", "anew", &broker.bootstrap()).on_disk();
    app.start();
    pairs.write();
    pairs.until_counted();
    app.stop();
    let before = metadata(&broker, "anew");
    assert!(before.contains("of:"), "{before}");

    delete_topic(&broker.bootstrap(), "right");
    create_topic(&broker.bootstrap(), "right", 2, &[]);
    until("the broker forgets", PATIENCE, || {
        committed(&broker.bootstrap(), "anew", "right").is_empty().then_some(())
    });
    pairs.write();
    refuses(&mut app, &["of topic `right`", "the topic was deleted and made anew", "--topic right"]);

    // Somebody who has not noticed commits what he had.
    commit(&broker, "anew", [at(1, &before), at(1, &before)]);
    refuses(&mut app, &["topic `right` was deleted and made anew", "committed offset 1 of its partition"]);

    // Somebody says from where.
    commit(&broker, "anew", [at(0, ""), at(0, "")]);
    app.start();
    pairs.until_counted();
    app.stop();
}
