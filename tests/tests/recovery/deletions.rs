//! Deletions that a changelog does not keep for ever: a store that was not there for so long must not be replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use streams_runtime::commit::Commit;
use streams_runtime::instance::{InProcess, MemoryDisk};
use streams_runtime::prelude::*;
use streams_runtime::state::{Batch, Cursor, Direction, Engine, EngineError, KeyRange, Mark, OverlayLimit};
use streams_runtime::task::TaskId;
use streams_runtime::topology::Plan;
use streams_runtime::transport::memory::{
    Fault, Marker, MarkerTarget, MemoryConsumer, MemoryLog, MemoryProducer, TopicSettings,
};
use streams_runtime::transport::{Message, TransportError};
use streams_runtime::wiring::Engines;
use streams_runtime::worker::{Connect, Worker};

#[topic(name = "questions", partitions = 1, key = String, value = i64)]
struct Questions;
#[topic(name = "people", partitions = 1, key = String, value = Option<i64>)]
struct PeopleTopic;
#[topic(name = "answers", partitions = 1, key = String, value = i64)]
struct Answers;
#[ktable(store = "people", from = PeopleTopic)]
struct People;
#[processor(from = Questions, left_join = People, to = Answers)]
fn answer(_question: &i64, person: Option<&i64>) -> i64 {
    person.copied().unwrap_or(-1)
}
topology!(Asking = [People, answer]);

const CHANGELOG: &str = "asking-people-changelog";
const DAY_MS: i64 = 24 * 3_600_000;

fn append(log: &MemoryLog, topic: &str, value: Option<i64>) {
    let value = value.map(i64::to_be_bytes);
    log.append(topic, 0, Some(b"ann"), value.as_ref().map(|v| &v[..]), 0, &Headers::new()).unwrap();
}

fn rest(worker: &mut Worker<InProcess>) {
    for _ in 0..4 {
        worker.step(usize::MAX).unwrap();
        worker.commit().unwrap();
    }
}

fn log() -> MemoryLog {
    let log = MemoryLog::new();
    for topic in ["questions", "people", "answers"] {
        log.create_topic(topic, 1).unwrap();
    }
    let mut settings = TopicSettings::new(1);
    settings.delete_retention_ms = Some(DAY_MS);
    log.create_topic_with(CHANGELOG, settings).unwrap();
    log
}

/// As a broker compacts it once a deletion is old enough: nothing is left.
fn forget_deletion(log: &MemoryLog) {
    log.set_time_ms(log.time_ms() + DAY_MS);
    let records: Vec<i64> =
        log.read_committed(CHANGELOG, 0, 0).unwrap().map(|record| record.offset()).collect();
    assert_eq!(records.len(), 2);
    log.remove_records(CHANGELOG, 0, &records).unwrap();
}

fn answers(log: &MemoryLog) -> Vec<i64> {
    let answers = log.read_committed("answers", 0, 0).unwrap();
    answers.map(|record| i64::from_be_bytes(record.value().unwrap().try_into().unwrap())).collect()
}

/// The answer to the commit of a deletion is lost, and the machine is suspended until the deletion is gone.
#[test]
fn a_store_that_was_suspended_for_too_long_is_rebuilt() {
    let log = log();
    let mut worker = InProcess::new(&log, "asking", "one").start(Asking::topology()).unwrap();
    append(&log, "people", Some(7));
    rest(&mut worker);
    append(&log, "people", None);
    append(&log, "questions", Some(0));
    worker.step(usize::MAX).unwrap();
    log.inject("asking-one", Fault::CommitAnswerLost);
    assert_eq!(worker.commit().unwrap(), Commit::TakenBack);
    forget_deletion(&log);
    append(&log, "questions", Some(1));
    rest(&mut worker);
    assert_eq!(answers(&log), [-1, -1]);
}

/// A replay is held up by a transaction whose markers are missing, and then by a suspended machine.
#[test]
fn a_replay_that_took_too_long_begins_anew() {
    let log = log();
    let mut one = InProcess::new(&log, "asking", "one").start(Asking::topology()).unwrap();
    append(&log, "people", Some(7));
    rest(&mut one);
    log.hold_markers(true);
    append(&log, "people", None);
    one.step(usize::MAX).unwrap();
    assert_eq!(one.commit().unwrap(), Commit::Done);
    drop(one);
    let of_offsets = |marker: &Marker| matches!(marker.target, MarkerTarget::Offsets(_));
    assert!(log.write_marker(log.pending_markers().iter().position(of_offsets).unwrap()));
    log.set_time_ms(log.time_ms() + 46_000);
    let mut two = InProcess::new(&log, "asking", "two").start(Asking::topology()).unwrap();
    for _ in 0..3 {
        two.step(usize::MAX).unwrap();
    }
    assert_eq!(two.opening().len(), 1);
    log.hold_markers(false);
    forget_deletion(&log);
    append(&log, "questions", Some(1));
    rest(&mut two);
    assert_eq!(answers(&log), [-1]);
}

/// A machine whose disk is full for as long as somebody says.
struct Full(InProcess, Arc<AtomicBool>);

impl Connect for Full {
    type Consumer = MemoryConsumer;
    type Producer = MemoryProducer;

    fn consumer(&self, leaders: u64) -> std::result::Result<MemoryConsumer, TransportError> {
        self.0.consumer(leaders)
    }
    fn is_own(&self, name: &str) -> bool {
        self.0.is_own(name)
    }
    fn restore_consumer(&self) -> std::result::Result<MemoryConsumer, TransportError> {
        self.0.restore_consumer()
    }
    fn producer(&self) -> std::result::Result<MemoryProducer, TransportError> {
        self.0.producer()
    }
    fn engines(&self, task: TaskId) -> Engines {
        let (mut engines, is_full) = (self.0.engines(task), self.1.clone());
        Box::new(move |store| Ok(Box::new(FullEngine(engines(store)?, is_full.clone()))))
    }
    fn overlay(&self) -> OverlayLimit {
        Connect::overlay(&self.0)
    }
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }
}

struct FullEngine(Box<dyn Engine>, Arc<AtomicBool>);

impl Engine for FullEngine {
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> std::result::Result<bool, EngineError> {
        self.0.get(key, out)
    }
    fn apply(&mut self, batch: &mut Batch<'_>, mark: Option<&Mark>) -> std::result::Result<(), EngineError> {
        if self.1.load(Ordering::Relaxed) {
            Err(EngineError::new("no space left"))
        } else {
            self.0.apply(batch, mark)
        }
    }
    fn scan<'a>(
        &'a self,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> std::result::Result<Box<dyn Cursor + 'a>, EngineError> {
        self.0.scan(range, direction)
    }
    fn mark(&self) -> std::result::Result<Option<Mark>, EngineError> {
        self.0.mark()
    }
    fn clear(&mut self) -> std::result::Result<(), EngineError> {
        self.0.clear()
    }
}

/// A machine wakes after days and finds its disk full: that it tried to note how old its store is does not make it younger.
#[test]
fn a_store_that_could_not_be_marked_is_as_old_as_it_was() {
    let (log, disk, is_full) = (log(), MemoryDisk::new(), Arc::new(AtomicBool::new(false)));
    let plan = Plan::of(&Asking::topology(), "asking", |topic, _| log.partitions(topic).ok()).unwrap();
    let full = Full(InProcess::new(&log, "asking", "one").disk(&disk), is_full.clone());
    let mut one = Worker::start(full, Asking::topology(), plan).unwrap();
    append(&log, "people", Some(7));
    for _ in 0..4 {
        one.step(usize::MAX).unwrap();
        one.commit().unwrap();
    }
    log.set_time_ms(10_000);
    one.commit().unwrap();
    // It falls asleep; another one deletes the row, and a day later nobody knows of the deletion.
    log.expel("asking", "asking-one-1");
    let mut two = InProcess::new(&log, "asking", "two").start(Asking::topology()).unwrap();
    append(&log, "people", None);
    rest(&mut two);
    forget_deletion(&log);
    log.set_time_ms(log.time_ms() + DAY_MS);
    is_full.store(true, Ordering::Relaxed);
    one.commit().unwrap_err();
    is_full.store(false, Ordering::Relaxed);
    one.commit().unwrap();
    two.leave().unwrap();
    append(&log, "questions", Some(1));
    for _ in 0..4 {
        one.step(usize::MAX).unwrap();
        one.commit().unwrap();
    }
    assert_eq!(answers(&log), [-1]);
}
