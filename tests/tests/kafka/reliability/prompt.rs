//! At least once, results are visible as soon as they are written: no reader waits for a commit.

use std::time::{Duration, Instant};

use streams_tests::broker::Broker;
use streams_tests::broker::tools::Isolation;
use streams_tests::broker::tools::read_until;

use super::PATIENCE;
use super::application::Application;
use super::words::{STORES, Words};

/// What readers may have to wait for: several batches on their way through a repartition topic, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn at_least_once_results_do_not_wait_for_a_commit() {
    let broker = Broker::start();
    let mut words = Words::lines(&broker.bootstrap(), 11);
    let mut app = Application::new("word-count", "prompt", &broker.bootstrap()).on_disk();
    app.set("processing.guarantee", "at_least_once").set("commit.interval.ms", "30000");
    // All of the input is there when it starts, so that everything is processed at full speed.
    words.write(5_000);
    app.start();
    app.until_restored(STORES);
    for round in 0..2 {
        let start = Instant::now();
        let all = |read: &[_]| read.len() >= words.total();
        read_until(&broker.bootstrap(), "word-counts", Isolation::Committed, PATIENCE, all);
        println!("round {round}: {} results after {:?}", words.total(), start.elapsed());
        assert!(start.elapsed() < SOON, "round {round}: {:?}", start.elapsed());
        words.write(100);
    }
}
