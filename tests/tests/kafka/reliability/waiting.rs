//! An instance has a task that runs and one that waits: for a transaction of somebody who died, for a broker that does
//! not answer, for a transaction that nobody ends.

use std::time::{Duration, Instant};

use streams_tests::broker::Broker;
use streams_tests::broker::proxy::{Api, Fault, Proxy};
use streams_tests::broker::tools::{Isolation, Message, PATIENCE, Producer, end_offsets, group, until};

use super::application::Application;
use super::words::{STORES, Words};

/// Until something that was written is seen in the results: a task is not held up.
const AT_ONCE: Duration = Duration::from_secs(1);

/// So often it is asked for while another task waits, half a second apart.
const ROUNDS: usize = 12;

fn instance(id: &str, name: &str, bootstrap: &str) -> Application {
    let mut app = Application::named("tally", id, name, bootstrap);
    app.set("commit.interval.ms", "50").set("producer.transaction.timeout.ms", "20000");
    app
}

fn ends(broker: &Broker, isolation: Isolation) -> Vec<i64> {
    end_offsets(&broker.bootstrap(), "tally", isolation)
}

/// Waits until so many members share both partitions of the votes.
#[track_caller]
fn until_shared(broker: &Broker, id: &str, members: usize) {
    until("the group to settle", PATIENCE, || {
        let group = group(&broker.bootstrap(), id)?;
        let shares = group.members.iter().map(|member| member.assigned.len());
        (group.state == "Stable" && group.members.len() == members && shares.sum::<usize>() == 2)
            .then_some(())
    });
}

/// Results go on in the partition of the task that runs, and not in that of the one that waits.
#[track_caller]
fn goes_on(broker: &Broker, words: &mut Words, runs: usize) {
    let waits = 1 - runs;
    let before = ends(broker, Isolation::Committed);
    let mut longest = Duration::ZERO;
    for _ in 0..ROUNDS {
        let seen = ends(broker, Isolation::Committed)[runs];
        words.write(5);
        let written = Instant::now();
        until("results", PATIENCE, || (ends(broker, Isolation::Committed)[runs] > seen).then_some(()));
        longest = longest.max(written.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    }
    println!("the longest time until a result: {longest:?}");
    assert!(longest < AT_ONCE, "{longest:?}");
    assert_eq!(ends(broker, Isolation::Committed)[waits], before[waits], "it was not to be opened yet");
}

/// Two that share the votes; both have counted something.
fn two(broker: &Broker, id: &str, first: &Proxy, second: &Proxy) -> (Words, Application, Application) {
    let mut words = Words::votes(&broker.bootstrap(), 11);
    let mut first = instance(id, "first", &first.bootstrap());
    let mut second = instance(id, "second", &second.bootstrap());
    first.start();
    first.until_restored(STORES);
    second.start();
    until_shared(broker, id, 2);
    words.write(40);
    words.until_counted();
    (words, first, second)
}

#[test]
fn offsets_of_one_who_died_hold_up_their_own_task_only() {
    let broker = Broker::start();
    let (proxy, other) = (broker.proxy(), broker.proxy());
    let (mut words, first, second) = two(&broker, "pending", &proxy, &other);
    // Everything of its last transaction is there but the last word.
    let asked = proxy.struck(Api::END_TXN);
    proxy.script(Api::END_TXN, |_| Some(Fault::LoseRequest));
    words.write(20);
    until("a commit", PATIENCE, || (proxy.struck(Api::END_TXN) > asked).then_some(()));
    first.kill();
    // What is undecided is in the partition of the one that died.
    let waits = until("the other one to commit", PATIENCE, || {
        let (stable, high) = (ends(&broker, Isolation::Committed), ends(&broker, Isolation::Uncommitted));
        let undecided: Vec<usize> = (0..2).filter(|&at| stable[at] < high[at]).collect();
        (undecided.len() == 1).then(|| undecided[0])
    });
    until_shared(&broker, "pending", 1);
    goes_on(&broker, &mut words, 1 - waits);
    words.check(&[&second]);
}

#[test]
fn a_broker_that_does_not_answer_holds_up_the_task_that_asks_only() {
    let broker = Broker::start();
    let (other, proxy) = (broker.proxy(), broker.proxy());
    let (mut words, first, second) = two(&broker, "unanswered", &other, &proxy);
    let before = ends(&broker, Isolation::Committed);
    proxy.script(Api::OFFSET_FETCH, |_| Some(Fault::WithholdAnswer));
    proxy.script(Api::LIST_OFFSETS, |_| Some(Fault::WithholdAnswer));
    first.kill();
    until("a question about offsets", PATIENCE, || (proxy.struck(Api::OFFSET_FETCH) > 0).then_some(()));
    words.write(20);
    let runs = until("results of one of them", PATIENCE, || {
        let now = ends(&broker, Isolation::Committed);
        (0..2).find(|&at| now[at] > before[at])
    });
    goes_on(&broker, &mut words, runs);
    proxy.script(Api::OFFSET_FETCH, |_| None);
    until("a question about ends", PATIENCE, || (proxy.struck(Api::LIST_OFFSETS) > 0).then_some(()));
    goes_on(&broker, &mut words, runs);
    proxy.heal();
    words.check(&[&second]);
}

#[test]
fn a_transaction_that_hangs_in_a_changelog_is_named() {
    const CHANGELOG: &str = "hanging-tally-changelog";
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 12);
    let mut app = instance("hanging", "hanging", &broker.bootstrap()).on_disk();
    app.set("producer.transaction.timeout.ms", "1000");
    app.start();
    words.write(20);
    words.until_counted();
    app.stop();
    let hanging = Producer::transactional_for(&broker.bootstrap(), "somebody", Duration::from_secs(600));
    hanging.begin();
    hanging.send(&Message::to(CHANGELOG).partition(1).key("word").value([0; 8]));
    hanging.flush();
    let stable = end_offsets(&broker.bootstrap(), CHANGELOG, Isolation::Committed)[1];

    app.start();
    let line = until("a word about it", PATIENCE, || {
        app.log().lines().find(|line| line.contains("kafka-transactions.sh")).map(str::to_owned)
    });
    println!("{line}");
    for part in [
        " WARN ",
        "task=0_1",
        "store=\"tally\"",
        &format!("topic=\"{CHANGELOG}\" partition=1 position={stable} last_stable={stable}"),
        &format!("abort --topic {CHANGELOG} --partition 1 --start-offset {stable}"),
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(app.restored().len(), 1, "the other task waits for nobody");
    hanging.abort();
    words.write(20);
    words.check(&[&app]);
}
