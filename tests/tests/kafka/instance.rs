//! An instance that is steered by the program it is part of: threads, states, pauses, failures, and what it tells of stores.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use streams_runtime::prelude::*;
use streams_runtime::{Builder, Error, OnFailure, RestoreStage, Running, State, StateChange, ThreadState};
use streams_tests::broker::Broker;
use streams_tests::broker::tools::{
    Follower, Isolation, Message, PATIENCE, Producer, create_topic, end_offsets, read, unique, until,
};

#[topic(name = "visits", key = String, value = String)]
struct Visits;
#[topic(name = "visit-counts", key = String, value = i64)]
struct VisitCounts;
#[ktable(store = "visit-counts", from = Visits, count, to = VisitCounts)]
struct CountOfVisits;
topology!(Counting = [CountOfVisits]);

#[topic(name = "letters", key = String, value = String)]
struct Letters;
#[topic(name = "stamped", key = String, value = String)]
struct Stamped;
#[processor(from = Letters, map_values, to = Stamped)]
fn stamp(letter: &str) -> Result<String, String> {
    if letter == "bomb" && !DISARMED.load(Ordering::Acquire) {
        return Err("it would go off".to_owned());
    }
    assert!(letter != "mine" || WENT_OFF.swap(true, Ordering::AcqRel), "nobody saw it");
    Ok(format!("{letter}!"))
}
topology!(Stamping = [stamp]);

/// Whether [`stamp`] takes anything. Of the one test that has failures that pass.
static DISARMED: AtomicBool = AtomicBool::new(false);
static WENT_OFF: AtomicBool = AtomicBool::new(false);

/// Runs what a test waits for; the runtime's threads are no tokio tasks.
fn on_tokio<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test)
}

/// A folder of one instance, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Folder(std::env::temp_dir().join(unique(name)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn application(builder: Builder, broker: &Broker, folder: &Folder) -> Builder {
    builder
        .brokers(broker.bootstrap())
        .state_dir(&folder.0)
        .commit_interval(Duration::from_millis(50))
        .property("consumer.session.timeout.ms", "6000")
        .property("consumer.heartbeat.interval.ms", "300")
}

async fn until_state(running: &Running, state: State) {
    let mut states = running.states();
    let wait = async {
        while running.state() != state {
            assert!(states.next().await.is_some(), "ended in {}", running.state());
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("still {}", running.state()));
}

/// How many tasks each thread has, once there are so many in all and everybody has some.
fn shares(running: &Running, threads: usize, tasks: usize) -> Vec<usize> {
    until("the threads to share the tasks", PATIENCE, || {
        let shares: Vec<usize> = running.threads().iter().map(|thread| thread.tasks.len()).collect();
        let fair = shares.len() == threads && shares.iter().sum::<usize>() == tasks;
        (fair && !shares.contains(&0)).then_some(shares)
    })
}

#[test]
fn threads_are_added_and_removed_while_it_counts() {
    let broker = Broker::start();
    create_topic(&broker.bootstrap(), "visits", 4, &[]);
    create_topic(&broker.bootstrap(), "visit-counts", 1, &[]);
    let (producer, mut visits) = (Producer::new(&broker.bootstrap()), 0);
    let mut visit = |n: i64| {
        (0..n).for_each(|_| {
            producer.send(&Message::to("visits").key(format!("k{}", visits % 20)).value("v"));
            visits += 1;
        });
        producer.flush();
    };
    let folder = Folder::new("threads-come-and-go");
    on_tokio(async {
        let changes: Arc<Mutex<Vec<StateChange>>> = Arc::default();
        let hears = changes.clone();
        let app = application(Counting::builder("come-and-go"), &broker, &folder);
        let app = app.on_state_change(move |change| hears.lock().expect("whole").push(change));
        let running = app.start().await.expect("it starts");
        until_state(&running, State::Running).await;
        assert_eq!(shares(&running, 1, 4), [4]);
        visit(200);

        let names = [running.add_thread().await.unwrap(), running.add_thread().await.unwrap()];
        assert!(names[0].ends_with("-1") && names[1].ends_with("-2"), "{names:?}");
        visit(200);
        shares(&running, 3, 4);
        until_state(&running, State::Running).await;
        visit(200);

        assert_eq!(running.remove_thread().await.as_ref(), Some(&names[1]));
        visit(200);
        shares(&running, 2, 4);
        // More than there are tasks: those without one run as well.
        for _ in 0..4 {
            running.add_thread().await.unwrap();
        }
        let all_run = || running.threads().iter().all(|thread| thread.state == ThreadState::Running);
        until("six threads to run", PATIENCE, || (running.threads().len() == 6 && all_run()).then_some(()));
        until_state(&running, State::Running).await;
        visit(200);

        until("every visit to be counted", PATIENCE, || {
            let counts = read(&broker.bootstrap(), "visit-counts", Isolation::Committed);
            let last: BTreeMap<String, i64> = counts
                .iter()
                .map(|r| (r.key_text(), i64::from_be_bytes(r.value.as_deref().unwrap().try_into().unwrap())))
                .collect();
            // Each count once: nothing was counted twice, and nothing is missing.
            let mut seen: Vec<_> = counts.iter().map(|r| (r.key_text(), r.value.clone())).collect();
            seen.sort();
            assert!(seen.windows(2).all(|two| two[0] != two[1]), "a count was written twice");
            (last.len() == 20 && last.values().all(|count| *count == 50)).then_some(())
        });
        running.close().await.expect("it ends");
        let changes: Vec<String> = changes.lock().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(changes[..2], ["CREATED to REBALANCING", "REBALANCING to RUNNING"]);
        let end = ["RUNNING to PENDING_SHUTDOWN", "PENDING_SHUTDOWN to NOT_RUNNING"];
        assert_eq!(changes[changes.len() - 2..], end, "{changes:?}");
        assert!(matches!(running.add_thread().await, Err(Error::Stopping)));
        assert_eq!((running.remove_thread().await, running.threads()), (None, Vec::new()));
    });
}

#[test]
fn a_thread_without_tasks_runs_under_the_newer_protocol_too() {
    let broker = Broker::start();
    create_topic(&broker.bootstrap(), "letters", 1, &[]);
    create_topic(&broker.bootstrap(), "stamped", 1, &[]);
    let folder = Folder::new("newer");
    on_tokio(async {
        let app = application(Stamping::builder("newer"), &broker, &folder).threads(3);
        let running = app.property("group.protocol", "consumer").start().await.expect("it starts");
        // A member is one under this protocol before it is told that it has something.
        until("one thread to have the task", PATIENCE, || {
            (running.threads().iter().map(|thread| thread.tasks.len()).sum::<usize>() == 1).then_some(())
        });
        until_state(&running, State::Running).await;
        assert_eq!(running.threads().len(), 3);
        running.leave().await.expect("it ends");
    });
}

#[test]
fn nothing_is_processed_while_it_is_paused_and_everything_afterwards() {
    let broker = Broker::start();
    create_topic(&broker.bootstrap(), "letters", 2, &[]);
    create_topic(&broker.bootstrap(), "stamped", 1, &[]);
    let producer = Producer::new(&broker.bootstrap());
    let written = || end_offsets(&broker.bootstrap(), "stamped", Isolation::Committed).iter().sum::<i64>();
    let folder = Folder::new("paused");
    on_tokio(async {
        let running =
            application(Stamping::builder("paused"), &broker, &folder).start().await.expect("it starts");
        until_state(&running, State::Running).await;
        producer.write([Message::to("letters").key("a").value("one")]);
        until("a letter", PATIENCE, || (written() > 0).then_some(()));
        running.pause();
        // What had begun is over by then.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = written();
        producer.write((0..50).map(|n| Message::to("letters").key(format!("k{n}")).value("more")));
        // Longer than a session would last if nobody polled.
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!((written(), running.is_paused(), running.state()), (before, true, State::Running));
        running.resume();
        until("the other letters", PATIENCE, || {
            (read(&broker.bootstrap(), "stamped", Isolation::Committed).len() == 51).then_some(())
        });
        running.close().await.expect("it ends");
    });
}

#[test]
fn a_thread_that_failed_is_replaced_and_goes_on_where_it_stood() {
    let broker = Broker::start();
    create_topic(&broker.bootstrap(), "letters", 1, &[]);
    create_topic(&broker.bootstrap(), "stamped", 1, &[]);
    let producer = Producer::new(&broker.bootstrap());
    let letters = ["one", "bomb", "three", "mine", "five"];
    producer.write(letters.map(|text| Message::to("letters").key("k").value(text)));
    let folder = Folder::new("replaced");
    let failures: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = failures.clone();
    DISARMED.store(false, Ordering::Release);
    on_tokio(async {
        let app = application(Stamping::builder("replaced"), &broker, &folder).on_failure(move |failure| {
            let mut told = told.lock().expect("whole");
            told.push(failure.to_string());
            // The second attempt fails as well, the third one does not.
            DISARMED.store(told.len() >= 2, Ordering::Release);
            OnFailure::ReplaceThread
        });
        let running = app.start().await.expect("it starts");
        until("all letters", PATIENCE, || {
            (read(&broker.bootstrap(), "stamped", Isolation::Committed).len() == 5).then_some(())
        });
        until_state(&running, State::Running).await;
        running.close().await.expect("no failure is left");
    });
    let texts: Vec<String> =
        read(&broker.bootstrap(), "stamped", Isolation::Committed).iter().map(|r| r.value_text()).collect();
    assert_eq!(texts, ["one!", "bomb!", "three!", "mine!", "five!"]);
    let failures = failures.lock().unwrap();
    assert_eq!(failures.len(), 3, "{failures:?}");
    for (failure, parts) in [
        (0, ["step `stamp` failed", "topic letters, partition 0, offset 1", "it would go off"]),
        (1, ["step `stamp` failed", "topic letters, partition 0, offset 1", "it would go off"]),
        (2, ["step `stamp` panicked", "topic letters, partition 0, offset 3", "nobody saw it"]),
    ] {
        for part in ["thread `replaced-"].into_iter().chain(parts) {
            assert!(failures[failure].contains(part), "{part} in {}", failures[failure]);
        }
    }
}

#[topic(name = "orders-to-all", key = String, value = String)]
struct OrdersToAll;
#[topic(name = "done", key = String, value = String)]
struct Done;
#[processor(from = OrdersToAll, map_values, to = Done)]
fn do_it(order: &str) -> Result<String, String> {
    if order == "stop" { Err("it was said".to_owned()) } else { Ok(order.to_owned()) }
}
topology!(Doing = [do_it]);

#[test]
fn all_instances_end_if_the_policy_of_one_says_so() {
    let broker = Broker::start();
    create_topic(&broker.bootstrap(), "orders-to-all", 2, &[]);
    create_topic(&broker.bootstrap(), "done", 1, &[]);
    let folders = [Folder::new("all-end-one"), Folder::new("all-end-two")];
    on_tokio(async {
        let start = |folder| {
            let app = application(Doing::builder("all-end"), &broker, folder);
            app.on_failure(|_| OnFailure::ShutdownApplication).start()
        };
        let one = start(&folders[0]).await.expect("it starts");
        let two = start(&folders[1]).await.expect("it starts");
        until("each to have a task", PATIENCE, || {
            let has = |running: &Running| running.threads().first().map(|thread| thread.tasks.len());
            (has(&one) == Some(1) && has(&two) == Some(1)).then_some(())
        });
        let began = Instant::now();
        Producer::new(&broker.bootstrap()).write([Message::to("orders-to-all").key("k").value("stop")]);
        let ended = tokio::time::timeout(PATIENCE, async { (one.wait().await, two.wait().await) }).await;
        let (one_ended, two_ended) = ended.expect("both end");
        println!("both ended after {:?}", began.elapsed());
        assert_eq!((one.state(), two.state()), (State::Error, State::Error));
        let words = [one_ended.unwrap_err().to_string(), two_ended.unwrap_err().to_string()];
        let says = |part: &str| words.iter().filter(|text| text.contains(part)).count();
        assert_eq!(says("step `do_it` failed"), 1, "{words:?}");
        assert_eq!(says("asked every instance of the application to end"), 1, "{words:?}");
    });
}

#[test]
fn who_listens_hears_of_every_store_that_is_restored() {
    let broker = Broker::start();
    create_topic(&broker.bootstrap(), "visits", 2, &[]);
    create_topic(&broker.bootstrap(), "visit-counts", 1, &[]);
    let producer = Producer::new(&broker.bootstrap());
    producer.write((0..500).map(|n| Message::to("visits").key(format!("key-{n}")).value("v")));
    on_tokio(async {
        let first = Folder::new("restored-first");
        let running =
            application(Counting::builder("restored"), &broker, &first).start().await.expect("it starts");
        until("all counts", PATIENCE, || {
            (read(&broker.bootstrap(), "visit-counts", Isolation::Committed).len() == 500).then_some(())
        });
        running.leave().await.expect("it ends");

        let second = Folder::new("restored-second");
        let heard: Arc<Mutex<Vec<streams_runtime::Restoring>>> = Arc::default();
        let hears = heard.clone();
        let app = application(Counting::builder("restored"), &broker, &second);
        let app = app.on_restore(move |restoring| hears.lock().expect("whole").push(restoring.clone()));
        let running = app.start().await.expect("it starts");
        until_state(&running, State::Running).await;
        let heard = heard.lock().unwrap().clone();
        let at = |stage| heard.iter().filter(move |restoring| restoring.stage == stage);
        assert_eq!((at(RestoreStage::Begun).count(), at(RestoreStage::Ended).count()), (2, 2), "{heard:?}");
        assert!(at(RestoreStage::Batch).count() >= 2, "{heard:?}");
        assert_eq!(at(RestoreStage::Ended).map(|restoring| restoring.records).sum::<u64>(), 500);
        assert!(at(RestoreStage::Ended).all(|restoring| restoring.share() == 1.0 && restoring.bytes > 0));
        assert!(heard.iter().all(|restoring| restoring.store == "visit-counts"));
        running.close().await.expect("it ends");
    });
}

/// How many rows are restored beside a task that processes.
const ROWS: i64 = 1_500_000;

#[test]
fn a_task_goes_on_while_another_one_is_restored_beside_it() {
    let broker = Broker::start();
    let bootstrap = broker.bootstrap();
    create_topic(&bootstrap, "visits", 2, &[]);
    create_topic(&bootstrap, "visit-counts", 2, &[]);
    let producer = Producer::new(&bootstrap);
    let folders = [Folder::new("beside-first"), Folder::new("beside-second")];
    on_tokio(async {
        // The application makes its topics; then one partition of the changelog gets what would have taken long to count.
        let running =
            application(Counting::builder("beside"), &broker, &folders[0]).start().await.expect("it starts");
        until_state(&running, State::Running).await;
        producer.write(
            (0..2).map(|partition| Message::to("visits").key("first").value("v").partition(partition)),
        );
        until("both to be counted", PATIENCE, || {
            (read(&bootstrap, "visit-counts", Isolation::Committed).len() == 2).then_some(())
        });
        running.leave().await.expect("it ends");
        let changelog = Message::to("beside-visit-counts-changelog").partition(1).value(7_i64.to_be_bytes());
        // As many at a time as a client holds.
        for first in (0..ROWS).step_by(50_000) {
            producer.write((first..first + 50_000).map(|n| changelog.clone().key(format!("row-{n:09}"))));
        }

        let ended: Arc<Mutex<Option<(Instant, u64)>>> = Arc::default();
        let told = ended.clone();
        let app =
            application(Counting::builder("beside"), &broker, &folders[1]).on_restore(move |restoring| {
                if (restoring.changelog.partition, restoring.stage) == (1, RestoreStage::Ended) {
                    *told.lock().expect("whole") = Some((Instant::now(), restoring.records));
                }
            });
        let follower = Follower::start(&bootstrap, "visit-counts", Isolation::Committed);
        let running = app.start().await.expect("it starts");
        until("the small task to run", PATIENCE, || {
            running.threads().first().is_some_and(|thread| thread.tasks.len() == 1).then_some(())
        });
        let began = Instant::now();
        let mut written = Vec::new();
        while ended.lock().expect("whole").is_none() {
            written.push(Instant::now());
            producer.send(
                &Message::to("visits").key(format!("visitor-{}", written.len())).value("v").partition(0),
            );
            producer.flush();
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(began.elapsed() < PATIENCE, "it is not restored");
        }
        let (end, records) = ended.lock().expect("whole").expect("it has ended");
        assert!(records >= ROWS as u64, "{records}");
        until_state(&running, State::Running).await;
        running.close().await.expect("it ends");
        // What came before the end of the restore, as another client saw it.
        let seen: BTreeMap<String, Instant> =
            follower.news().into_iter().map(|(at, record)| (record.key_text(), at)).collect();
        let mut took: Vec<Duration> = (1..)
            .zip(&written)
            .filter(|(_, written)| **written < end)
            .map(|(n, written)| seen[&format!("visitor-{n}")].saturating_duration_since(*written))
            .collect();
        took.sort();
        let at = |share: usize| took[(took.len() - 1) * share / 100].as_millis();
        println!(
            "{records} rows restored in {:?} beside {} records; each seen after {} ms (median), {} ms (99 of 100), {} ms (all)",
            end - began,
            took.len(),
            at(50),
            at(99),
            at(100)
        );
        assert!(took.len() > 5, "{took:?}");
        assert!(at(100) < 3_000, "{took:?}");
    });
}

#[test]
fn what_is_wrong_at_the_start_is_told_by_start() {
    let broker = Broker::start();
    let folder = Folder::new("wrong");
    on_tokio(async {
        let app = application(Stamping::builder("wrong"), &broker, &folder);
        let error = app.start().await.expect_err("the topics are not there").to_string();
        assert!(error.contains("letters") && error.contains("stamped"), "{error}");
        let error = Stamping::builder("nowhere").start().await.expect_err("no brokers");
        assert!(error.to_string().contains("bootstrap.servers"), "{error}");
    });
}
