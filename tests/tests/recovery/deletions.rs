//! Deletions that a changelog does not keep for ever: a store that was not there for so long must not be replayed.

use streams_runtime::commit::Commit;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::{Fault, Marker, MarkerTarget, MemoryLog, TopicSettings};
use streams_runtime::worker::Worker;

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
