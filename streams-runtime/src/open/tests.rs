//! Tasks on their way, and what is said of them. The order of a takeover, and that nothing is lost on it, is tested
//! where crashes are (`tests/recovery`).

use crate::Result as AnyResult;
use crate::guarantee::Guarantee;
use crate::instance::{InProcess, create_topics};
use crate::prelude::*;
use crate::state::OverlayLimit;
use crate::task::TaskId;
use crate::topology::Plan;
use crate::transport::memory::{MemoryConsumer, MemoryLog, MemoryProducer};
use crate::transport::{CommittedOffset, Consumer, GroupMetadata, Outgoing, Producer, TopicPartition, TransportError};
use crate::wiring::Engines;
use crate::worker::{Connect, Worker};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

#[topic(name = "votes", partitions = 4, key = String, value = i64)]
struct Votes;
#[topic(name = "sums", partitions = 4, key = String, value = i64)]
struct Sums;
#[ktable(store = "sums", from = Votes, aggregate, to = Sums)]
fn sum(sum: &mut i64, vote: &i64) {
    *sum += vote;
}
topology!(Summing = [sum]);

const CHANGELOG: &str = "app-sums-changelog";

fn log() -> MemoryLog {
    let log = MemoryLog::new();
    for topic in ["votes", "sums", CHANGELOG] {
        log.create_topic(topic, 4).unwrap();
    }
    log
}

fn feed(log: &MemoryLog, partition: u32, records: i64) {
    for n in 0..records {
        let key = format!("{}", n % 5);
        log.append("votes", partition, Some(key.as_bytes()), Some(&1_i64.to_be_bytes()), n, &Headers::new())
            .unwrap();
    }
}

/// How many records of a partition are processed and committed.
fn processed(log: &MemoryLog, partition: u32) -> i64 {
    log.committed("app", "votes", partition).unwrap().map_or(0, |committed| committed.offset)
}

fn place(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition { topic: topic.to_owned(), partition }
}

/// A producer whose transactions may be open for an hour.
fn hanging(log: &MemoryLog) -> MemoryProducer {
    log.set_transaction_timeout_ms(3_600_000);
    let mut producer = log.producer(Some("hanging"));
    producer.init().unwrap();
    producer.begin().unwrap();
    log.set_transaction_timeout_ms(60_000);
    producer
}

/// Leaves offsets of partition 0 undecided.
fn pending_offsets(log: &MemoryLog) -> MemoryProducer {
    let mut producer = hanging(log);
    let nobody = GroupMetadata { group: "app".into(), generation: -1, member: "".into(), instance: None };
    let offset = CommittedOffset { offset: 3, metadata: String::new() };
    producer.send_offsets(&[(place("votes", 0), offset)], &nobody).unwrap();
    producer
}

/// Leaves a record undecided at the end of a changelog.
fn open_record(log: &MemoryLog, partition: u32) -> MemoryProducer {
    let mut producer = hanging(log);
    let record = Outgoing {
        topic: CHANGELOG,
        partition,
        key: Some(b"k"),
        value: Some(b"v"),
        timestamp: 0,
        headers: &Headers::new(),
        origin: 0,
        is_followed: false,
    };
    producer.send(record).unwrap();
    producer.flush(&mut |_| {}).unwrap();
    producer
}

fn start(log: &MemoryLog, name: &str) -> Worker<InProcess> {
    InProcess::new(log, "app", name).start(Summing::topology()).unwrap()
}

fn turn<C: Connect>(worker: &mut Worker<C>) {
    worker.step(usize::MAX).unwrap();
    worker.commit().unwrap();
}

fn task(partition: u32) -> TaskId {
    TaskId { sub: 0, partition }
}

#[test]
fn tasks_that_run_do_not_notice_one_that_waits() {
    let log = log();
    (0..4).for_each(|partition| feed(&log, partition, 5));
    let mut other = pending_offsets(&log);
    let mut worker = start(&log, "one");
    (0..3).for_each(|_| turn(&mut worker));
    assert_eq!(worker.opening(), [task(0)]);
    for round in 1..5 {
        (0..4).for_each(|partition| feed(&log, partition, 5));
        worker.step(usize::MAX).unwrap();
        // When to commit is not decided by who waits: a transaction gathers what comes in between.
        assert_eq!(processed(&log, 1), 5 * round, "before the commit of round {round}");
        worker.commit().unwrap();
        let all = [0, 1, 2, 3].map(|partition| processed(&log, partition));
        assert_eq!(all, [0, 5 * round + 5, 5 * round + 5, 5 * round + 5], "round {round}");
    }
    other.abort().unwrap();
    (0..3).for_each(|_| turn(&mut worker));
    assert_eq!((worker.opening().len(), processed(&log, 0)), (0, 25));
}

/// Opening a store takes time on a disk.
struct SlowDisk(InProcess, MemoryLog);

impl Connect for SlowDisk {
    type Consumer = MemoryConsumer;
    type Producer = MemoryProducer;

    fn consumer(&self, leaders: u64) -> AnyResult<MemoryConsumer, TransportError> {
        self.0.consumer(leaders)
    }
    fn is_own(&self, name: &str) -> bool {
        self.0.is_own(name)
    }
    fn restore_consumer(&self) -> AnyResult<MemoryConsumer, TransportError> {
        self.0.restore_consumer()
    }
    fn producer(&self) -> AnyResult<MemoryProducer, TransportError> {
        self.0.producer()
    }
    fn engines(&self, task: TaskId) -> Engines {
        let (mut engines, log) = (self.0.engines(task), self.1.clone());
        Box::new(move |store| {
            log.set_time_ms(log.time_ms() + 300);
            engines(store)
        })
    }
    fn overlay(&self) -> OverlayLimit {
        Connect::overlay(&self.0)
    }
    fn now_ms(&self) -> i64 {
        self.1.time_ms()
    }
}

#[test]
fn records_are_processed_between_one_store_and_the_next() {
    let log = log();
    (0..4).for_each(|partition| feed(&log, partition, 5));
    let partitions = |topic: &str, _| log.partitions(topic).ok();
    let plan = Plan::of(&Summing::topology(), "app", partitions).unwrap();
    create_topics(&log, &plan).unwrap();
    let slow = SlowDisk(InProcess::new(&log, "app", "one"), log.clone());
    let mut worker = Worker::start(slow, Summing::topology(), plan).unwrap();
    let mut before = 0;
    // Half a second while nothing runs, and then one in a step.
    for opened in [2, 3, 4] {
        turn(&mut worker);
        assert_eq!(worker.tasks().len(), opened);
        let done = (0..4).filter(|&partition| processed(&log, partition) == 5).count();
        assert_eq!(done, before, "what was opened before this step");
        before = opened;
    }
}

/// Somebody joins the group while a store is opened, and the client hears of it late.
struct Late(InProcess, MemoryLog, RefCell<Option<MemoryConsumer>>);

impl Connect for Late {
    type Consumer = MemoryConsumer;
    type Producer = MemoryProducer;

    fn consumer(&self, leaders: u64) -> AnyResult<MemoryConsumer, TransportError> {
        self.0.consumer(leaders)
    }
    fn is_own(&self, name: &str) -> bool {
        self.0.is_own(name)
    }
    fn restore_consumer(&self) -> AnyResult<MemoryConsumer, TransportError> {
        self.0.restore_consumer()
    }
    fn producer(&self) -> AnyResult<MemoryProducer, TransportError> {
        self.0.producer()
    }
    fn guarantee(&self) -> Guarantee {
        Connect::guarantee(&self.0)
    }
    fn engines(&self, task: TaskId) -> Engines {
        if let Some(other) = self.2.borrow_mut().as_mut()
            && !other.is_member()
        {
            other.subscribe(&["sums".to_owned()]).unwrap();
            other.poll(&mut Vec::new(), 0).unwrap();
            self.1.lag_generations(2);
        }
        self.0.engines(task)
    }
    fn overlay(&self) -> OverlayLimit {
        Connect::overlay(&self.0)
    }
    fn now_ms(&self) -> i64 {
        self.1.time_ms()
    }
}

/// At least once, also if the first attempt to commit where tasks begin is refused.
#[test]
fn where_tasks_begin_is_committed_before_they_process_anything() {
    let log = log();
    feed(&log, 0, 5);
    let partitions = |topic: &str, _| log.partitions(topic).ok();
    let plan = Plan::of(&Summing::topology(), "app", partitions).unwrap();
    let other = log.consumer("app", "other;leaders=", crate::transport::Isolation::ReadCommitted);
    let one = InProcess::new(&log, "app", "one").guarantee(Guarantee::AtLeastOnce);
    let late = Late(one, log.clone(), RefCell::new(Some(other)));
    let mut worker = Worker::start(late, Summing::topology(), plan).unwrap();
    let begins = || log.committed("app", "votes", 0).unwrap().map(|committed| committed.offset);
    for _ in 0..2 {
        let processed = worker.step(usize::MAX).unwrap().processed;
        assert!(processed == 0 || begins().is_some());
    }
    worker.step(usize::MAX).unwrap();
    assert_eq!((worker.tasks().len(), begins()), (4, Some(0)));
}

/// What is said while something is done.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn during(&self, what: impl FnOnce()) -> Vec<String> {
        tracing::subscriber::with_default(self.clone(), what);
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Said {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// What is said in a minute after another, with a step a second.
fn minutes(log: &MemoryLog, worker: &mut Worker<InProcess>, minutes: usize) -> Vec<Vec<String>> {
    let said = Said::default();
    let minute = |_| {
        said.during(|| {
            for _ in 0..60 {
                turn(worker);
                log.set_time_ms(log.time_ms() + 1_000);
            }
        })
    };
    (0..minutes).map(minute).collect()
}

#[test]
fn a_transaction_that_holds_offsets_and_hangs_is_named() {
    let log = log();
    let _other = pending_offsets(&log);
    let mut worker = start(&log, "one");
    turn(&mut worker);
    turn(&mut worker);
    let said = minutes(&log, &mut worker, 4);
    // It may be open for 60 s, and 10 s more until the broker ends it.
    assert!(said[0].is_empty(), "{said:#?}");
    for minute in &said[1..] {
        let [line] = &minute[..] else { panic!("once a minute: {said:#?}") };
        assert!(line.starts_with("WARN") && line.contains("task=0_0 inputs=\"votes-0\""), "{line}");
        assert!(line.contains("find-hanging --topic __consumer_offsets"), "{line}");
    }
    assert!(said[1][0].ends_with("waited_s=70"), "{}", said[1][0]);
}

#[test]
fn a_transaction_in_a_changelog_that_hangs_is_named() {
    let log = log();
    feed(&log, 1, 5);
    let mut worker = start(&log, "one");
    (0..3).for_each(|_| turn(&mut worker));
    worker.leave().unwrap();
    let end = log.watermarks(CHANGELOG, 1).unwrap().high;
    assert!(end > 0);
    let _other = open_record(&log, 1);
    let mut worker = start(&log, "two");
    (0..3).for_each(|_| turn(&mut worker));
    let said = minutes(&log, &mut worker, 3);
    assert_eq!(worker.opening(), [task(1)]);
    assert_eq!(said[0].iter().filter(|line| line.starts_with("WARN")).count(), 0, "{said:#?}");
    for minute in &said[1..] {
        let [line] = &minute[..] else { panic!("once a minute: {said:#?}") };
        for part in [
            "WARN",
            "task=0_1 store=\"sums\" topic=\"app-sums-changelog\" partition=1",
            &format!("position={end} last_stable={end} end={}", end + 1),
            "describe-producers --topic app-sums-changelog --partition 1",
            &format!("abort --topic app-sums-changelog --partition 1 --start-offset {end}"),
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}

/// Fills a changelog, and commits an offset beside it.
fn fill(log: &MemoryLog, partition: u32, records: i64) {
    for n in 0..records {
        let (key, value) = (n.to_string(), n.to_be_bytes());
        log.append(CHANGELOG, partition, Some(key.as_bytes()), Some(&value), 0, &Headers::new()).unwrap();
    }
    let committed = CommittedOffset { offset: 0, metadata: String::new() };
    let mut reset = log.consumer("app", "reset", crate::transport::Isolation::ReadCommitted);
    crate::transport::Consumer::commit(&mut reset, &[(place("votes", partition), committed)]).unwrap();
}

#[test]
fn a_replay_whose_end_is_gone_ends_in_words_and_others_go_on() {
    let log = log();
    fill(&log, 2, 10_240);
    let mut worker = start(&log, "one");
    for _ in 0..5 {
        worker.step(usize::MAX).unwrap();
    }
    assert_eq!(worker.opening(), [task(2)]);
    // A broker's disk is put back in the middle of it.
    log.lose_records(CHANGELOG, 2, 8_000).unwrap();
    let mut seconds = 0;
    let told = loop {
        feed(&log, 1, 5);
        match worker.step(usize::MAX) {
            Err(error) => break error.to_string(),
            Ok(_) => assert!(seconds < 200, "it is never told"),
        }
        worker.commit().unwrap();
        log.set_time_ms(log.time_ms() + 1_000);
        seconds += 1;
    };
    let words = format!(
        "task 0_2 cannot be opened: store `sums`: its changelog `{CHANGELOG}`, partition 2, ended at 10240 when the \
         replay began and ends at 8000 now; the replay stands at 8000 for 70 s. Records were lost there"
    );
    assert!(told.starts_with(&words), "{told}");
    assert_eq!(worker.set_aside(), [task(2)]);
    feed(&log, 1, 5);
    turn(&mut worker);
    assert_eq!(processed(&log, 1), 5 * seconds + 10);
}

#[test]
fn a_long_restore_tells_how_far_it_is() {
    let log = log();
    fill(&log, 2, 10_240);
    let mut worker = start(&log, "one");
    let said = Said::default().during(|| {
        for _ in 0..12 {
            worker.step(usize::MAX).unwrap();
            log.set_time_ms(log.time_ms() + 6_000);
        }
    });
    let told: Vec<&String> = said.iter().filter(|line| line.contains("message=restoring ")).collect();
    let first = told.first().expect("it is told");
    assert!(first.starts_with("INFO") && first.contains("task=0_2 store=\"sums\" partition=2"), "{first}");
    // After the third batch of ten, 12 s later.
    assert!(
        first.contains("records=3072 bytes=35754 position=3072 end=10240 share=\"30 %\" remaining_s=28"),
        "{first}"
    );
    assert!(told.len() >= 4 && told.last().unwrap().contains("share=\"90 %\" remaining_s=6"), "{told:#?}");
    assert!(worker.opening().is_empty());
}

#[test]
fn who_listens_hears_how_far_a_store_is() {
    let log = log();
    for n in 0..2_500_i64 {
        let (key, value) = (n.to_string(), n.to_be_bytes());
        log.append(CHANGELOG, 2, Some(key.as_bytes()), Some(&value), 0, &Headers::new()).unwrap();
    }
    let committed = CommittedOffset { offset: 0, metadata: String::new() };
    let mut reset = log.consumer("app", "reset", crate::transport::Isolation::ReadCommitted);
    crate::transport::Consumer::commit(&mut reset, &[(place("votes", 2), committed)]).unwrap();
    let heard = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let hears = heard.clone();
    let listening = move |restoring: &crate::Restoring| {
        let crate::Restoring { task, store, changelog, stage, from, position, to, records, .. } = restoring;
        let share = restoring.share();
        let partition = changelog.partition;
        hears.borrow_mut().push(format!(
            "{task} {store}-{partition} {stage:?} {from}..{position}..{to} {records} {share:.2}"
        ));
    };
    let mut worker =
        InProcess::new(&log, "app", "one").on_restore(listening).start(Summing::graph()).unwrap();
    (0..2).for_each(|_| drop(worker.step(usize::MAX)));
    // It goes elsewhere in the middle of it.
    drop(worker.leave());
    let heard = heard.borrow();
    let of_2: Vec<&str> = heard.iter().filter(|line| line.starts_with("0_2")).map(String::as_str).collect();
    assert_eq!(
        of_2,
        [
            "0_2 sums-2 Begun 0..0..2500 0 0.00",
            "0_2 sums-2 Batch 0..1024..2500 1024 0.41",
            "0_2 sums-2 Batch 0..2048..2500 2048 0.82",
            "0_2 sums-2 Suspended 0..2048..2500 2048 0.82",
        ]
    );
    let of_0: Vec<&str> = heard.iter().filter(|line| line.starts_with("0_0")).map(String::as_str).collect();
    assert_eq!(of_0, ["0_0 sums-0 Begun 0..0..0 0 1.00", "0_0 sums-0 Ended 0..0..0 0 1.00"]);
}
