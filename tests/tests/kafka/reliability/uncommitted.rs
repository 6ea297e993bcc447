//! Killed after results were written and before they were committed.

use std::time::{Duration, Instant};

use streams_tests::broker::Broker;
use streams_tests::broker::proxy::{Api, Fault};
use streams_tests::broker::tools::{PATIENCE, until};

use super::application::Application;
use super::words::{STORES, Words};

/// For how long readers would be held up if nobody ended what a killed process left open.
const LONG: &str = "60000";

/// A busy machine takes long, but not as long as the time-out.
const HALF: Duration = Duration::from_secs(30);

#[test]
fn results_of_an_open_transaction_are_never_seen_and_a_restart_ends_it_at_once() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 1);
    let mut app = Application::new("tally", "uncommitted", &broker.bootstrap()).on_disk();
    app.set("producer.transaction.timeout.ms", LONG);
    for kill in 0..3 {
        // Nothing is committed before the process is killed: no run lives that long.
        app.set("commit.interval.ms", "50000");
        app.start();
        app.until_restored(STORES);
        let (visible, written) = (words.results().len(), words.written());
        words.write(100);
        until("results nobody has committed", PATIENCE, || (words.written() > written + 50).then_some(()));
        app.kill();
        assert_eq!(words.results().len(), visible, "kill {kill}");

        app.set("commit.interval.ms", "50");
        let start = Instant::now();
        app.start();
        words.until_counted();
        println!("kill {kill}: all visible {:?} after the start", start.elapsed());
        assert!(start.elapsed() < HALF, "{:?}", start.elapsed());
        app.stop();
    }
    app.start();
    app.until_restored(STORES);
    words.check(&[&app]);
}

#[test]
fn a_transaction_that_lacks_its_last_word_only_is_taken_back() {
    let broker = Broker::start();
    let proxy = broker.proxy();
    let mut words = Words::lines(&broker.bootstrap(), 2);
    let mut app = Application::new("word-count", "last-word", &proxy.bootstrap()).on_disk();
    app.set("producer.transaction.timeout.ms", LONG).set("commit.interval.ms", "50");
    app.start();
    words.write(100);
    words.until_counted();

    // Everything is there, the offsets included; what would make it valid does not arrive.
    let asked = proxy.seen(Api::END_TXN);
    proxy.script(Api::END_TXN, |_| Some(Fault::LoseRequest));
    words.write(50);
    until("a commit", PATIENCE, || (proxy.seen(Api::END_TXN) > asked).then_some(()));
    app.kill();
    let seen = words.results().len();
    assert!(seen < words.total(), "{seen} of {}", words.total());

    proxy.heal();
    let start = Instant::now();
    app.start();
    words.until_counted();
    println!("all visible {:?} after the start", start.elapsed());
    assert!(start.elapsed() < HALF, "{:?}", start.elapsed());
    words.check(&[&app]);
}
