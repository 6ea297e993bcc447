//! Answers of the broker get lost, and everything is done once all the same.

use std::time::{Duration, Instant};

use streams_tests::broker::Broker;
use streams_tests::broker::proxy::{Api, Fault, Proxy};
use streams_tests::broker::tools::{PATIENCE, until};

use super::application::Application;
use super::words::{STORES, Words};

/// An application behind a proxy, with everything counted that was written.
fn counting(id: &str, broker: &Broker, proxy: &Proxy, words: &mut Words) -> Application {
    counting_with(&[], id, broker, proxy, words)
}

fn counting_with(
    settings: &[(&str, &str)],
    id: &str,
    broker: &Broker,
    proxy: &Proxy,
    words: &mut Words,
) -> Application {
    let mut app = Application::new("word-count", id, &proxy.bootstrap()).on_disk();
    app.set("commit.interval.ms", "50");
    for (name, value) in settings {
        app.set(name, value);
    }
    app.start();
    words.write(50);
    words.until_counted();
    assert_ne!(broker.bootstrap(), proxy.bootstrap());
    app
}

/// Writes until so many requests of this kind met with a fault.
fn write_until_struck(words: &mut Words, proxy: &Proxy, api: Api, times: usize) {
    let before = proxy.struck(api);
    until("requests to be struck", PATIENCE, || {
        words.write(10);
        (proxy.struck(api) >= before + times).then_some(())
    });
}

/// Each lost answer costs a connection, and the next one waits for its turn, longer from time to time. A transaction has
/// as long as nobody says otherwise: with the three seconds of the others it would be given up more often than not, and
/// be hit again.
#[test]
fn records_are_written_once_though_the_answer_is_lost() {
    let broker = Broker::start();
    let proxy = broker.proxy();
    let mut words = Words::lines(&broker.bootstrap(), 3);
    let settings = [("producer.transaction.timeout.ms", "10000")];
    let app = counting_with(&settings, "lost-produce", &broker, &proxy, &mut words);
    proxy.script(Api::PRODUCE, |before| (before % 4 == 0).then_some(Fault::LoseAnswer));
    let start = Instant::now();
    write_until_struck(&mut words, &proxy, Api::PRODUCE, 8);
    // Goes on while answers get lost, not only afterwards.
    words.until_counted();
    println!("8 answers lost and {} words counted after {:?}", words.total(), start.elapsed());
    proxy.heal();
    words.check(&[&app]);
}

/// Every request of a transaction in turn, again and again: asked again, the broker says what it did.
#[test]
fn a_transaction_is_committed_once_though_any_of_its_answers_is_lost() {
    let broker = Broker::start();
    let proxy = broker.proxy();
    let mut words = Words::lines(&broker.bootstrap(), 4);
    let app = counting("lost-steps", &broker, &proxy, &mut words);
    for api in [Api::ADD_PARTITIONS_TO_TXN, Api::ADD_OFFSETS_TO_TXN, Api::TXN_OFFSET_COMMIT, Api::END_TXN] {
        proxy.script(api, |before| (before % 3 == 0).then_some(Fault::LoseAnswer));
        write_until_struck(&mut words, &proxy, api, 5);
        proxy.heal();
    }
    words.check(&[&app]);
}

/// The broker commits, and whoever asked learns nothing until it gives up: nobody knows whether it is committed.
#[test]
fn a_commit_of_unknown_outcome_is_decided_and_the_stores_are_brought_up() {
    for (id, fault) in [("unknown-done", Fault::WithholdAnswer), ("unknown-not-done", Fault::LoseRequest)] {
        let broker = Broker::start();
        let proxy = broker.proxy();
        let mut words = Words::lines(&broker.bootstrap(), 5);
        let app = counting(id, &broker, &proxy, &mut words);
        let before = app.restored();
        // For longer than the 3 s of a transaction and the 5 s of patience behind it.
        proxy.script(Api::END_TXN, move |_| Some(fault));
        words.write(20);
        until("a commit", PATIENCE, || (proxy.struck(Api::END_TXN) > 0).then_some(()));
        // Both stores are opened once more.
        let again = app.until_restored(before.len() + STORES);
        proxy.heal();
        println!("{id}: {again:?}");
        words.write(20);
        words.check(&[&app]);
    }
}

/// The answers to offsets come so late that their transaction is given up.
#[test]
fn offsets_whose_answer_does_not_come_are_sent_again_with_their_records() {
    let broker = Broker::start();
    let proxy = broker.proxy();
    let mut words = Words::lines(&broker.bootstrap(), 6);
    let app = counting("withheld-offsets", &broker, &proxy, &mut words);
    proxy.next(Api::TXN_OFFSET_COMMIT, 1, Fault::Delay(Duration::from_secs(10)));
    words.write(20);
    until("offsets", PATIENCE, || (proxy.struck(Api::TXN_OFFSET_COMMIT) > 0).then_some(()));
    words.write(20);
    words.check(&[&app]);
}
