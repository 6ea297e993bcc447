//! At least once: nothing is lost whatever happens, and without trouble nothing is doubled. After a crash between
//! outputs and offsets records are processed again, as in Kafka Streams.

use std::cell::RefCell;
use std::collections::BTreeMap;
use streams_runtime::Driver;
use streams_runtime::commit::Commit;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::instance::{InProcess, MemoryDisk};
use streams_runtime::prelude::*;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::{Fault, MemoryLog, TopicSettings};
use streams_runtime::worker::Worker;

#[topic(name = "words", partitions = 2, key = String, value = i64)]
struct Words;
#[topic(name = "seen", partitions = 2, key = String, value = i64)]
struct Seen;
#[topic(name = "counts", partitions = 2, key = String, value = i64)]
struct CountsOut;

#[processor(from = Words, filter, to = Seen)]
fn seen(n: &i64) -> bool {
    *n >= 0
}
#[ktable(store = "counts", from = Words, count, to = CountsOut)]
struct Counts;

topology!(Twice = [seen, Counts]);

const KEYS: [&str; 4] = ["a", "b", "d", "f"];

fn log() -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic("words", 2).unwrap();
    log
}

/// Every record has a number of its own, so that each can be told from its repetition.
fn feed(log: &MemoryLog, numbers: std::ops::Range<i64>) {
    for n in numbers {
        let key = KEYS[n as usize % 4].as_bytes();
        let partition = streams_runtime::partition_of(key, 2);
        log.append("words", partition, Some(key), Some(&n.to_be_bytes()), n, &Headers::new()).unwrap();
    }
}

fn start(log: &MemoryLog, name: &str, disk: &MemoryDisk) -> Worker<InProcess> {
    let instance = InProcess::new(log, "app", name).disk(disk).guarantee(Guarantee::AtLeastOnce);
    instance.start(Twice::graph()).unwrap()
}

fn run(worker: &mut Worker<InProcess>) {
    for _ in 0..1_000 {
        let step = worker.step(usize::MAX).unwrap();
        if worker.commit().unwrap() == Commit::Nothing && step.is_idle() && !worker.is_waiting() {
            return;
        }
    }
    panic!("it never comes to rest");
}

/// Processes and does not commit.
fn process(worker: &mut Worker<InProcess>) {
    while worker.step(usize::MAX).unwrap().processed == 0 {}
}

/// How often each number was written.
fn seen_numbers(log: &MemoryLog) -> BTreeMap<i64, usize> {
    let mut seen = BTreeMap::new();
    for partition in 0..2 {
        for message in log.read_committed("seen", partition, 0).unwrap() {
            *seen.entry(i64::from_be_bytes(message.value().unwrap().try_into().unwrap())).or_default() += 1;
        }
    }
    seen
}

fn last_counts(log: &MemoryLog) -> BTreeMap<Vec<u8>, i64> {
    let mut counts = BTreeMap::new();
    for partition in 0..2 {
        for message in log.read_committed("counts", partition, 0).unwrap() {
            let count = i64::from_be_bytes(message.value().unwrap().try_into().unwrap());
            counts.insert(message.key().unwrap().to_vec(), count);
        }
    }
    counts
}

#[test]
fn without_trouble_each_record_counts_once() {
    let (log, disk) = (log(), MemoryDisk::new());
    for round in 0..3 {
        feed(&log, round * 100..(round + 1) * 100);
        let mut worker = start(&log, "one", &disk);
        run(&mut worker);
        worker.leave().unwrap();
    }
    assert_eq!(seen_numbers(&log), (0..300).map(|n| (n, 1)).collect());
    assert!(last_counts(&log).values().all(|count| *count == 75), "{:?}", last_counts(&log));
}

#[test]
fn what_was_processed_and_not_committed_is_processed_again() {
    let (log, disk) = (log(), MemoryDisk::new());
    feed(&log, 0..100);
    let mut worker = start(&log, "one", &disk);
    run(&mut worker);
    feed(&log, 100..140);
    process(&mut worker);
    drop(worker);
    log.set_time_ms(46_000);
    let mut worker = start(&log, "two", &disk);
    run(&mut worker);
    let seen = seen_numbers(&log);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), (0..140).collect::<Vec<_>>(), "nothing is lost");
    assert!((0..100).all(|n| seen[&n] == 1), "what was committed is not processed again");
    assert!((100..140).any(|n| seen[&n] == 2), "what was only written is written again");
    assert!(last_counts(&log).values().all(|count| *count >= 35));
}

#[test]
fn an_abort_writes_outputs_again_and_counts_once() {
    let (log, disk) = (log(), MemoryDisk::new());
    feed(&log, 0..40);
    let mut worker = start(&log, "one", &disk);
    process(&mut worker);
    worker.abort().unwrap();
    run(&mut worker);
    assert_eq!(seen_numbers(&log).len(), 40);
    assert!(last_counts(&log).values().all(|count| *count == 10), "rows go back with the positions");
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    let (log, disk) = (log(), MemoryDisk::new());
    feed(&log, 0..40);
    let mut worker = start(&log, "one", &disk);
    log.inject("", Fault::AckLost);
    run(&mut worker);
    assert_eq!(seen_numbers(&log).len(), 40);
    assert!(last_counts(&log).values().all(|count| *count == 10));
}

/// A member that was thrown out writes nothing to changelogs above what the new owner wrote.
#[test]
fn a_member_that_was_thrown_out_changes_no_rows() {
    let (log, disk) = (log(), MemoryDisk::new());
    feed(&log, 0..40);
    let mut zombie = start(&log, "one", &disk);
    process(&mut zombie);
    log.expel("app", "app-one-1");
    let mut owner = start(&log, "two", &MemoryDisk::new());
    run(&mut owner);
    feed(&log, 40..80);
    run(&mut owner);
    let changelog = |partition| log.read_committed("app-counts-changelog", partition, 0).unwrap().count();
    let before = [changelog(0), changelog(1)];
    // It finds out as soon as it looks, and a loop looks before each commit.
    zombie.step(usize::MAX).unwrap();
    assert_eq!((zombie.tasks().len(), zombie.commit().unwrap()), (0, Commit::Nothing));
    assert_eq!([changelog(0), changelog(1)], before);
    assert!(last_counts(&log).values().all(|count| *count == 20));
    assert_eq!(seen_numbers(&log).keys().count(), 80);
}

#[topic(name = "texts", partitions = 2, key = String, value = String, encode = skip)]
struct Texts;
#[processor(from = Words, map_values, to = Texts)]
fn text(n: &i64) -> String {
    if let Some(log) = MEANWHILE.take() {
        assert!(log.expel("app", "app-one-1") && log.rejoin("app", "app-one-1"));
    }
    "x".repeat(*n as usize)
}
thread_local! {
    /// Set if the member is thrown out while a record is processed, and its client joins anew.
    static MEANWHILE: RefCell<Option<MemoryLog>> = const { RefCell::new(None) };
}
topology!(Careful = [text, Counts]);

/// Nor does one that looks for a record that is refused, and takes each to the log alone.
#[test]
fn a_member_that_was_thrown_out_changes_no_rows_while_it_goes_carefully() {
    let log = log();
    let narrow = TopicSettings { max_message_bytes: 30, ..TopicSettings::new(2) };
    log.create_topic_with("texts", narrow).unwrap();
    feed(&log, 0..40);
    let instance = InProcess::new(&log, "app", "one").guarantee(Guarantee::AtLeastOnce);
    let mut zombie = instance.start(Careful::graph()).unwrap();
    process(&mut zombie);
    assert_eq!(zombie.commit().unwrap(), Commit::TakenBack, "some record is refused");
    let rows = || (0..2).map(|p| log.watermarks("app-counts-changelog", p).unwrap().high).sum::<i64>();
    let before = rows();
    MEANWHILE.set(Some(log.clone()));
    zombie.step(1).unwrap();
    assert_eq!(rows(), before);
    assert!(MEANWHILE.take().is_none(), "it has processed something");
    run(&mut zombie);
    assert!(rows() > before && last_counts(&log).values().all(|count| *count >= 10), "it takes part again");
}

/// What a worker gave up on does not arrive later, above what the next owner of the task wrote.
#[test]
fn what_is_on_its_way_is_dropped_with_the_attempt() {
    let (log, disk) = (log(), MemoryDisk::new());
    feed(&log, 0..40);
    let mut one = start(&log, "one", &disk);
    run(&mut one);
    feed(&log, 40..80);
    process(&mut one);
    let partition = streams_runtime::partition_of(KEYS[0].as_bytes(), 2);
    log.inject("", Fault::Undelivered { topic: "app-counts-changelog".to_owned(), partition });
    assert_eq!(one.commit().unwrap(), Commit::TakenBack);
    log.expel("app", "app-one-1");
    let mut two = start(&log, "two", &MemoryDisk::new());
    run(&mut two);
    // It comes back, takes part again, and flushes what it writes.
    for round in 0..20 {
        if round == 10 {
            assert_eq!((one.tasks().len(), two.tasks().len()), (1, 1), "they share the tasks");
            feed(&log, 80..120);
        }
        for worker in [&mut one, &mut two] {
            worker.step(usize::MAX).unwrap();
            worker.commit().unwrap();
        }
    }
    let mut counts: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    for partition in 0..2 {
        for row in log.read_committed("app-counts-changelog", partition, 0).unwrap() {
            let count = i64::from_be_bytes(row.value().unwrap()[..8].try_into().unwrap());
            let before = counts.insert(row.key().unwrap().to_vec(), count);
            assert!(before < Some(count), "{count} stands above {before:?}");
        }
    }
    // Of the other partition rows had arrived: those are counted twice, which is what this guarantee allows.
    assert!(counts.values().all(|count| *count >= 30), "{counts:?}");
}

/// A crash between rows and the first offsets would leave rows of which nobody knows where they came from: so where a
/// task begins is committed before it writes anything.
#[test]
fn where_a_task_begins_is_committed_first() {
    let (log, disk) = (log(), MemoryDisk::new());
    feed(&log, 0..40);
    let mut worker = start(&log, "one", &disk);
    process(&mut worker);
    let begins =
        |partition| log.committed("app", "words", partition).unwrap().map(|committed| committed.offset);
    assert_eq!((begins(0), begins(1)), (Some(0), Some(0)));
}

#[test]
fn the_driver_keeps_the_promise_it_is_told() {
    let ends = |guarantee: Guarantee| {
        let driver = Driver::builder(Twice::graph()).guarantee(guarantee).start().unwrap();
        for n in 0..100 {
            driver.input::<Words>().pipe_at(KEYS[n as usize % 4], n, n).unwrap();
        }
        assert_eq!(driver.output::<Seen>().read_all().len(), 100);
        assert_eq!(driver.output::<CountsOut>().read_all().len(), 100);
        let rows: BTreeMap<String, i64> = driver.rows::<Counts>().into_iter().collect();
        assert_eq!(rows, KEYS.map(|key| (key.to_owned(), 25)).into());
        let end = |partition| driver.log().watermarks("seen", partition).unwrap().high;
        end(0) + end(1)
    };
    // Each commit of a transaction leaves its marker where it wrote; without one there is none.
    assert_eq!(ends(Guarantee::ExactlyOnce), 200);
    assert_eq!(ends(Guarantee::AtLeastOnce), 100);
}
