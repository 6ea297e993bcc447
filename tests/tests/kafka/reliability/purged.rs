//! What was consumed goes from repartition topics, and from no other.

use std::time::Duration;

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{Isolation, end_offsets, start_offsets, until};

use super::application::Application;
use super::words::{STORES, Words};

/// Twice as long as it takes until an instance tells what it has consumed (30 s), and more than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn consumed_records_go_from_repartition_topics_and_from_no_other() {
    let broker = Broker::start();
    let (bootstrap, mut words) = (broker.bootstrap(), Words::lines(&broker.bootstrap(), 51));
    let mut app = Application::new("word-count", "purged", &bootstrap).on_disk();
    app.start();
    app.until_restored(STORES);
    words.write(200);
    words.until_counted();
    let repartition = "purged-by_word-repartition";
    let written = end_offsets(&bootstrap, repartition, Isolation::Committed);
    assert!(written.iter().sum::<i64>() > 200, "{written:?}");
    until("what was consumed to go", PATIENCE, || {
        let starts = start_offsets(&bootstrap, repartition);
        starts.iter().zip(&written).all(|(start, end)| start >= end).then_some(())
    });
    for topic in ["lines", "word-counts", "purged-word-counts-changelog"] {
        assert_eq!(start_offsets(&bootstrap, topic).iter().sum::<i64>(), 0, "{topic}");
    }
    // What comes later stands above what is gone.
    words.write(100);
    words.check(&[&app]);
}
