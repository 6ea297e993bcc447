//! Deletions that a changelog does not keep for ever: a store that was not there for so long must not be replayed.

use streams_runtime::commit::Commit;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::{Fault, MemoryLog, TopicSettings};
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

/// The answer to the commit of a deletion is lost, and the machine is suspended until the deletion is gone.
#[test]
fn a_store_that_was_suspended_for_too_long_is_rebuilt() {
    let log = MemoryLog::new();
    for topic in ["questions", "people", "answers"] {
        log.create_topic(topic, 1).unwrap();
    }
    let mut settings = TopicSettings::new(1);
    settings.delete_retention_ms = Some(DAY_MS);
    log.create_topic_with("asking-people-changelog", settings).unwrap();
    let mut worker = InProcess::new(&log, "asking", "one").start(Asking::topology()).unwrap();
    append(&log, "people", Some(7));
    rest(&mut worker);
    append(&log, "people", None);
    append(&log, "questions", Some(0));
    worker.step(usize::MAX).unwrap();
    log.inject("asking-one", Fault::CommitAnswerLost);
    assert_eq!(worker.commit().unwrap(), Commit::TakenBack);
    log.set_time_ms(log.time_ms() + DAY_MS);
    let records: Vec<i64> =
        log.read_committed("asking-people-changelog", 0, 0).unwrap().map(|record| record.offset()).collect();
    assert_eq!(records.len(), 2);
    log.remove_records("asking-people-changelog", 0, &records).unwrap();
    append(&log, "questions", Some(1));
    rest(&mut worker);
    let answers = log.read_committed("answers", 0, 0).unwrap();
    let answers: Vec<_> = answers.map(|record| record.value().map(<[u8]>::to_vec)).collect();
    assert_eq!(answers, [Some((-1_i64).to_be_bytes().to_vec()), Some((-1_i64).to_be_bytes().to_vec())]);
}
