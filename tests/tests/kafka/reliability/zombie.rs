//! An instance that was held for so long that others took its tasks over, and wakes up in the middle of a transaction.

use std::time::Duration;

use streams_tests::broker::Broker;
use streams_tests::broker::proxy::{Api, Fault};
use streams_tests::broker::supervised::Signal;
use streams_tests::broker::tools::{PATIENCE, committed, group, until};

use super::application::Application;
use super::words::{STORES, Words};

/// Holds an instance that has written results and not committed them.
fn hold_before_a_commit(app: &Application, words: &mut Words) {
    until("results nobody has committed", PATIENCE, || {
        let (visible, written) = (words.results().len(), words.written());
        words.write(20);
        until("more results", PATIENCE, || (words.written() > written).then_some(()));
        app.signal(Signal::Stop);
        if words.results().len() == visible {
            return Some(());
        }
        // It was about to commit.
        app.signal(Signal::Continue);
        None
    });
}

/// Waits until everything that was written has been processed under committed offsets.
fn until_processed(broker: &Broker, id: &str, words: &Words) {
    until("offsets of everything", PATIENCE, || {
        let offsets = committed(&broker.bootstrap(), id, "votes").values().sum::<i64>();
        (usize::try_from(offsets) == Ok(words.total())).then_some(())
    });
}

/// Waits until two members have a partition each.
fn until_shared(broker: &Broker, id: &str) {
    until("both to take part", PATIENCE, || {
        let group = group(&broker.bootstrap(), id)?;
        let shares: Vec<usize> = group.members.iter().map(|member| member.assigned.len()).collect();
        (group.state == "Stable" && shares == [1, 1]).then_some(())
    });
}

fn zombie(id: &str, on_disk: bool, transaction_timeout: &str) {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 7);
    let instance = |name: &str| {
        let mut app = Application::named("tally", id, name, &broker.bootstrap());
        app.set("producer.transaction.timeout.ms", transaction_timeout);
        if on_disk { app.on_disk() } else { app }
    };
    let (mut first, mut second) = (instance("first"), instance("second"));
    first.set("commit.interval.ms", "2500");
    second.set("commit.interval.ms", "50");
    first.start();
    first.until_restored(STORES);
    words.write(20);
    words.until_counted();

    hold_before_a_commit(&first, &mut words);
    second.start();
    second.until_restored(STORES);
    words.write(20);
    until_processed(&broker, id, &words);

    first.signal(Signal::Continue);
    words.until_counted();
    until_shared(&broker, id);
    words.write(20);
    // The one that was held goes on by itself.
    words.check(&[&first, &second]);
}

/// Its transaction is still open: the group is what refuses it.
#[test]
fn a_zombie_whose_transaction_is_open_is_refused_by_the_group() {
    zombie("zombie-open", true, "60000");
}

/// Its transaction ran out of time: the broker has given its producer's place away.
#[test]
fn a_zombie_whose_transaction_ran_out_of_time_is_fenced() {
    zombie("zombie-late", false, "3000");
}

/// It had sent its offsets, and only the last word was missing: its successor waits for that, and it never comes.
#[test]
fn offsets_of_a_zombie_are_waited_for_and_taken_back() {
    let broker = Broker::start();
    let proxy = broker.proxy();
    let mut words = Words::votes(&broker.bootstrap(), 8);
    let mut first = Application::named("tally", "zombie-offsets", "first", &proxy.bootstrap()).on_disk();
    let mut second = Application::named("tally", "zombie-offsets", "second", &broker.bootstrap());
    for app in [&mut first, &mut second] {
        app.set("commit.interval.ms", "50").set("producer.transaction.timeout.ms", "6000");
    }
    first.start();
    words.write(20);
    words.until_counted();

    let asked = proxy.struck(Api::END_TXN);
    proxy.script(Api::END_TXN, |_| Some(Fault::LoseRequest));
    words.write(20);
    until("a commit", PATIENCE, || (proxy.struck(Api::END_TXN) > asked).then_some(()));
    first.signal(Signal::Stop);
    second.start();
    second.until_restored(STORES);
    words.until_counted();

    proxy.heal();
    first.signal(Signal::Continue);
    until_shared(&broker, "zombie-offsets");
    words.write(20);
    words.check(&[&first, &second]);
    assert_eq!(first.exit(Duration::ZERO), Some(0));
}
