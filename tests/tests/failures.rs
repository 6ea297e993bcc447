//! A record that fails under `fail`: what is said, what stays invisible, who goes on, and what happens after the
//! record is out of the way.
//!
//! Two tasks on one worker; the failing record is the third of partition 1. The worker must say which record it was
//! and why, commit everything before it and everything of the other task, and nothing of or behind it. Once the
//! record is skipped by hand, a new instance must arrive at what a run without the record arrives at.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use streams_runtime::commit::Commit;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::state::OverlayLimit;
use streams_runtime::task::TaskId;
use streams_runtime::transport::memory::{MemoryLog, TopicSettings};
use streams_runtime::transport::{
    CommitOutcome, Consumer, Isolation, Message, Outgoing, Producer, TopicPartition,
};
use streams_runtime::worker::{Worker, WorkerError};

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Kind {
    Pay,
    Refund,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    kind: Kind,
    amount: i64,
    at: i64,
}

/// Decimal digits; has no form for numbers that end in 15, and a very long one for those that end in 99.
struct Digits;
impl Serde for Digits {
    type Type = i64;
    fn encode(value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        match value % 100 {
            15 => return Err(SerdeError::new("no form for 15")),
            99 => out.extend_from_slice(&[b'0'; 300]),
            _ => {}
        }
        out.extend_from_slice(value.to_string().as_bytes());
        Ok(())
    }
    fn decode(bytes: &[u8]) -> Result<i64, SerdeError> {
        str::from_utf8(bytes).map_err(SerdeError::new)?.parse().map_err(SerdeError::new)
    }
}

#[topic(name = "orders", partitions = 2, key = String, value = Json<Order>, timestamp = ordered_at)]
struct Orders;
fn ordered_at(order: &Order) -> Option<Timestamp> {
    (order.at >= 0).then(|| Timestamp::from_ms(order.at))
}
#[topic(name = "receipts", partitions = 2, key = String, value = Digits)]
struct Receipts;
#[topic(name = "totals", partitions = 2, key = String, value = i64)]
struct Totals;

#[processor(from = Orders, map_values, to = Receipts)]
fn receipt(order: &Order) -> Result<i64, String> {
    match (order.kind, order.amount) {
        (_, 13) => Err("thirteen is not accepted".to_owned()),
        (_, 14) => panic!("fourteen is a bug"),
        (Kind::Pay, amount) => Ok(amount),
        (Kind::Refund, amount) => Ok(-amount),
    }
}
#[ktable(store = "totals", from = Orders, aggregate, to = Totals)]
fn total(total: &mut i64, order: &Order) {
    *total += order.amount;
}
/// Changes its row before it fails.
#[ktable(store = "strict", from = Orders, aggregate)]
fn strict(total: &mut i64, order: &Order) -> Result<(), String> {
    *total += order.amount;
    if order.amount == 17 { Err("seventeen is not accepted".to_owned()) } else { Ok(()) }
}
#[ktable(store = "digits", from = Orders, aggregate, value = Digits)]
fn digits(row: &mut i64, order: &Order) {
    *row = (*row).max(if order.amount >= 1_000 { order.amount } else { 0 });
}
#[ktable(store = "windows", from = Orders, count, late = fail)]
#[window(tumbling = "10s", grace = "0s")]
struct Windows;

topology!(Shop = [total, strict, receipt, digits, Windows]);

const APPLICATION: &str = "shop";

/// Keys that belong to partition 0 and 1, so that each task has its own output partition.
const KEYS: [[&str; 2]; 2] = [["a", "b"], ["d", "f"]];

#[test]
fn keys_lie_where_they_belong() {
    let at = KEYS.map(|keys| keys.map(|key| streams_runtime::partition_of(key.as_bytes(), 2)));
    assert_eq!(at, [[0, 0], [1, 1]]);
}

fn order(amount: i64, at: i64) -> Vec<u8> {
    serde_json::to_vec(&Order { kind: Kind::Pay, amount, at }).unwrap()
}

struct Bad {
    key: Option<&'static str>,
    value: Option<Vec<u8>>,
    timestamp: i64,
    said: &'static [&'static str],
}

fn log() -> MemoryLog {
    let log = MemoryLog::new();
    let small = TopicSettings { max_message_bytes: 200, ..TopicSettings::new(2) };
    log.create_topic("orders", 2).unwrap();
    log.create_topic("totals", 2).unwrap();
    log.create_topic_with("receipts", small.clone()).unwrap();
    log.create_topic_with("shop-digits-changelog", small).unwrap();
    log
}

/// Partition 0 is good, partition 1 has the bad record third.
fn feed(log: &MemoryLog, bad: Option<&Bad>) {
    let none = Headers::new();
    for i in 0..6_i64 {
        for partition in 0..2 {
            if let (Some(bad), 1, 2) = (bad, partition, i) {
                let key = bad.key.map(str::as_bytes);
                log.append("orders", 1, key, bad.value.as_deref(), bad.timestamp, &none).unwrap();
            }
            let value = order(20 + i, i * 11_000);
            let key = KEYS[partition as usize][i as usize % 2].as_bytes();
            log.append("orders", partition, Some(key), Some(&value), 0, &none).unwrap();
        }
    }
}

fn start(log: &MemoryLog, name: &str, overlay: OverlayLimit) -> Worker<InProcess> {
    InProcess::new(log, APPLICATION, name).overlay(overlay).start(Shop::graph()).unwrap()
}

/// Runs until nothing is left to do, over all errors.
fn run(worker: &mut Worker<InProcess>) -> Vec<WorkerError> {
    let mut errors = Vec::new();
    for _ in 0..1_000 {
        let step = worker.step(usize::MAX).map_err(|error| errors.push(error));
        let commit = worker.commit().map_err(|error| errors.push(error));
        if step.is_ok_and(|step| step.is_idle()) && commit == Ok(Commit::Nothing) {
            return errors;
        }
    }
    panic!("it never comes to rest: {errors:?}");
}

type Row = (Option<Vec<u8>>, Option<Vec<u8>>, i64);

fn committed(log: &MemoryLog, topic: &str, partition: u32) -> Vec<Row> {
    let records = log.read_committed(topic, partition, 0).unwrap();
    records.map(|m| (m.key().map(<[u8]>::to_vec), m.value().map(<[u8]>::to_vec), m.timestamp())).collect()
}

/// What all outputs say and what all changelogs lead to.
fn results(log: &MemoryLog) -> BTreeMap<String, Vec<Row>> {
    let mut results = BTreeMap::new();
    for topic in log.topics().into_iter().filter(|topic| topic != "orders") {
        for partition in 0..2 {
            let mut rows = committed(log, &topic, partition);
            if topic.ends_with("-changelog") {
                let last: BTreeMap<_, _> = rows.into_iter().map(|row| (row.0.clone(), row)).collect();
                rows = last.into_values().collect();
            }
            results.insert(format!("{topic}-{partition}"), rows);
        }
    }
    results
}

fn without_the_record() -> BTreeMap<String, Vec<Row>> {
    let log = log();
    feed(&log, None);
    let errors = run(&mut start(&log, "fault-free", OverlayLimit::UNBOUNDED));
    assert!(errors.is_empty(), "{errors:?}");
    results(&log)
}

#[track_caller]
fn fails(bad: Bad) {
    for overlay in [OverlayLimit::NONE, OverlayLimit::values(3), OverlayLimit::UNBOUNDED] {
        let log = log();
        feed(&log, Some(&bad));
        let mut worker = start(&log, "one", overlay);
        let errors = run(&mut worker);
        assert_eq!(errors.len(), 1, "one record, one error, also when it goes on: {errors:?}");
        let said = errors[0].to_string();
        for part in ["task 0_1", "topic orders, partition 1, offset 2"].iter().chain(bad.said) {
            assert!(said.contains(part), "`{part}` is missing in `{said}`, with {overlay:?}");
        }
        assert!(
            matches!(&errors[0], WorkerError::Process { task: TaskId { sub: 0, partition: 1 }, .. }),
            "{errors:?}"
        );
        assert_eq!(worker.set_aside(), [TaskId { sub: 0, partition: 1 }]);

        let fault_free = without_the_record();
        let now = results(&log);
        for (partition, rows) in &now {
            let all = &fault_free[partition];
            match partition.ends_with("-0") {
                true => assert_eq!(rows, all, "the neighbour went on: {partition}"),
                false if partition.contains("changelog") => {}
                false => assert_eq!(rows[..], all[..2], "what is before the record is there: {partition}"),
            }
        }
        let at = |partition| log.committed(APPLICATION, "orders", partition).unwrap().unwrap();
        assert_eq!((at(0).offset, at(1).offset), (6, 2), "the record that failed is the next one");

        // It stays at rest, and does not come back to the record.
        assert!(run(&mut worker).is_empty());
        worker.leave().unwrap();

        // Another instance meets the same record.
        let mut second = start(&log, "two", overlay);
        let again = run(&mut second);
        assert_eq!(again.iter().map(ToString::to_string).collect::<Vec<_>>(), [said]);
        second.leave().unwrap();

        // Skipped by hand.
        let mut tool = log.consumer(APPLICATION, "tool", Isolation::ReadCommitted);
        let partition = TopicPartition { topic: "orders".to_owned(), partition: 1 };
        let mut skipped = at(1);
        skipped.offset += 1;
        tool.commit(&[(partition, skipped)]).unwrap();
        let errors = run(&mut start(&log, "three", overlay));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(results(&log), fault_free);
    }
}

fn amount(amount: i64, said: &'static [&'static str]) {
    fails(Bad { key: Some("d"), value: Some(order(amount, 12_000)), timestamp: 0, said });
}

#[test]
fn bytes_that_cannot_be_read() {
    let value = Some(b"{\"kind\":".to_vec());
    fails(Bad { key: Some("d"), value, timestamp: 0, said: &["cannot read the value", "EOF"] });
}

#[test]
fn an_unknown_branch() {
    let value = Some(br#"{"kind":"Steal","amount":1,"at":12000}"#.to_vec());
    fails(Bad { key: Some("d"), value, timestamp: 0, said: &["cannot read the value", "Steal", "Refund"] });
}

#[test]
fn a_null_key() {
    fails(Bad { key: None, value: Some(order(1, 12_000)), timestamp: 0, said: &["the key is null"] });
}

#[test]
fn a_null_value() {
    fails(Bad { key: Some("d"), value: None, timestamp: 0, said: &["the value is null"] });
}

#[test]
fn no_time() {
    let value = Some(order(1, -5));
    fails(Bad { key: Some("d"), value, timestamp: 0, said: &["has no valid time"] });
}

#[test]
fn an_error_of_a_function() {
    amount(13, &["step `receipt` failed", "thirteen is not accepted"]);
}

#[test]
fn an_error_after_the_row_was_changed() {
    amount(17, &["step `strict` failed", "seventeen is not accepted"]);
}

#[test]
fn a_panic() {
    amount(14, &["step `receipt` panicked", "fourteen is a bug"]);
}

#[test]
fn a_value_without_a_form_in_a_topic() {
    amount(15, &["cannot write a value to `receipts`", "no form for 15", "`encode = skip` on the topic"]);
}

#[test]
fn a_row_without_a_form_in_its_store() {
    // A refund, so that the receipt is another number.
    let value = serde_json::to_vec(&Order { kind: Kind::Refund, amount: 2_015, at: 12_000 }).unwrap();
    fails(Bad {
        key: Some("d"),
        value: Some(value),
        timestamp: 0,
        said: &["`digits`", "no form for 15", "key `d`"],
    });
}

#[test]
fn a_record_that_the_log_refuses() {
    amount(99, &["refused", "`receipts`", "step `receipt`", "allows 200"]);
}

#[test]
fn a_row_that_the_log_refuses() {
    let value = serde_json::to_vec(&Order { kind: Kind::Refund, amount: 2_099, at: 12_000 }).unwrap();
    let said = &["refused", "`shop-digits-changelog`", "store `digits`", "allows 200"];
    fails(Bad { key: Some("d"), value: Some(value), timestamp: 0, said });
}

#[test]
fn a_late_record() {
    let value = Some(order(1, 3));
    fails(Bad { key: Some("d"), value, timestamp: 0, said: &["the window has closed", "`Windows`"] });
}

/// Between the last record that was processed and the one that failed there is a control record: nothing is left to be read, and
/// nobody has to wait for it.
#[test]
fn nothing_is_left_before_a_record_that_fails_behind_a_control_record() {
    let log = log();
    let mut producer = log.producer(Some("shoppers"));
    producer.init().unwrap();
    for amount in [20, 14] {
        producer.begin().unwrap();
        let (value, headers) = (order(amount, 0), Headers::new());
        let record = Outgoing {
            topic: "orders",
            partition: 1,
            key: Some(b"d"),
            value: Some(&value),
            timestamp: 0,
            headers: &headers,
            origin: 0,
            is_followed: false,
        };
        producer.send(record).unwrap();
        assert_eq!(producer.commit(), CommitOutcome::Committed);
    }
    let mut worker = start(&log, "one", OverlayLimit::UNBOUNDED);
    assert_eq!(run(&mut worker).len(), 1);
    assert!(worker.is_at_ends() && !worker.is_changed());
    let task = worker.tasks().iter().find(|task| task.is_set_aside()).unwrap();
    assert!(task.is_done());
    assert_eq!(task.positions().map(|(_, at)| at).collect::<Vec<_>>(), [2]);
    assert_eq!(log.committed(APPLICATION, "orders", 1).unwrap().unwrap().offset, 2);
    worker.leave().unwrap();
}
