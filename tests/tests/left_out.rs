//! Records that the log refuses after they were processed, at a topic with `encode = skip`: the record that caused
//! them is processed all the same, what cannot be written is left out and counted, and nothing goes round in circles.

use std::collections::BTreeMap;
use streams_runtime::commit::Commit;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::{MemoryLog, TopicSettings};
use streams_runtime::worker::Worker;

#[topic(name = "lengths", partitions = 2, key = String, value = i64)]
struct Lengths;
#[topic(name = "texts", partitions = 2, key = String, value = String, encode = skip)]
struct Texts;
#[topic(name = "totals", partitions = 2, key = String, value = i64)]
struct Totals;

/// A text of that length, and one of twice that.
#[processor(from = Lengths, flat_map_values, to = Texts)]
fn texts(length: &i64) -> [String; 2] {
    [1, 2].map(|times| "x".repeat((length * times) as usize))
}
#[ktable(store = "totals", from = Lengths, aggregate, to = Totals)]
fn total(total: &mut i64, length: &i64) {
    *total += length;
}

topology!(Shop = [texts, total]);

/// What the log takes as a record of `texts`.
const LARGEST: i64 = 100;

fn log() -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic("lengths", 2).unwrap();
    let small = TopicSettings { max_message_bytes: LARGEST as usize + 1, ..TopicSettings::new(2) };
    log.create_topic_with("texts", small).unwrap();
    log
}

/// Runs until nothing is left to do; returns how many transactions were taken back.
fn run(worker: &mut Worker<InProcess>) -> usize {
    let mut taken_back = 0;
    for _ in 0..1_000 {
        let step = worker.step(usize::MAX).unwrap();
        let commit = worker.commit().unwrap();
        taken_back += usize::from(commit == Commit::TakenBack);
        if step.is_idle() && commit == Commit::Nothing {
            return taken_back;
        }
    }
    panic!("it never comes to rest");
}

fn values(log: &MemoryLog, topic: &str, partition: u32) -> Vec<Vec<u8>> {
    let records = log.read_committed(topic, partition, 0).unwrap();
    records.map(|message| message.value().unwrap().to_vec()).collect()
}

/// Feeds these lengths to both partitions by turns, and compares with what should come of it.
fn leaves_out(lengths: &[i64]) {
    let log = log();
    let none = Headers::new();
    for (n, length) in lengths.iter().enumerate() {
        let (partition, key) = ([0, 1][n % 2], ["a", "d"][n % 2]);
        let (key, value) = (key.as_bytes(), length.to_be_bytes());
        log.append("lengths", partition, Some(key), Some(&value), n as i64, &none).unwrap();
    }
    let mut worker = InProcess::new(&log, "shop", "one").start(Shop::graph()).unwrap();
    run(&mut worker);
    let (mut texts, mut totals): (BTreeMap<u32, Vec<Vec<u8>>>, BTreeMap<u32, Vec<Vec<u8>>>) =
        Default::default();
    let mut sums = [0; 2];
    for (n, length) in lengths.iter().enumerate() {
        let partition = n as u32 % 2;
        sums[n % 2] += length;
        totals.entry(partition).or_default().push(sums[n % 2].to_be_bytes().to_vec());
        let fitting = [*length, 2 * length].into_iter().filter(|length| *length <= LARGEST);
        texts.entry(partition).or_default().extend(fitting.map(|length| vec![b'x'; length as usize]));
    }
    for partition in 0..2 {
        let none = Vec::new();
        assert_eq!(values(&log, "texts", partition), *texts.get(&partition).unwrap_or(&none));
        assert_eq!(values(&log, "totals", partition), *totals.get(&partition).unwrap_or(&none));
    }
    let left_out = lengths.iter().flat_map(|length| [*length, 2 * length]).filter(|l| *l > LARGEST).count();
    let dropped: u64 = worker.tasks().iter().map(|task| task.dropped()).sum();
    assert_eq!(dropped, left_out as u64, "each is counted once, however often it was tried");
    for (partition, offset) in [(0, lengths.len().div_ceil(2)), (1, lengths.len() / 2)] {
        let committed = log.committed("shop", "lengths", partition).unwrap();
        assert_eq!(committed.map(|c| c.offset), Some(offset as i64));
    }
}

#[test]
fn one_of_two_that_a_record_wrote() {
    leaves_out(&[1, 2, 3, 60, 4]);
}

#[test]
fn both_that_a_record_wrote() {
    leaves_out(&[1, 2, 3, 101, 4, 5]);
}

#[test]
fn the_only_record() {
    leaves_out(&[101]);
}

#[test]
fn many_in_a_row_and_in_both_tasks() {
    leaves_out(&(0..80).map(|n| if n % 7 < 3 { 60 } else { n % 40 }).collect::<Vec<_>>());
}
