//! What only the in-process log promises: exact offsets, its clock, accidents, markers by hand, cost.
//!
//! What every implementation promises is in the conformance suite, which also runs here.

use std::hint::black_box;
use std::time::Instant;

use super::*;
use crate::transport::{
    CommitOutcome, Consumer, Event, GroupMetadata, Message, Outgoing, Producer, TransportError,
};

fn log(partitions: u32) -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic("t", partitions).unwrap();
    log
}

fn ready(log: &MemoryLog, id: &str) -> MemoryProducer {
    let mut producer = log.producer(Some(id));
    producer.init().unwrap();
    producer
}

fn begun(log: &MemoryLog, id: &str) -> MemoryProducer {
    let mut producer = ready(log, id);
    producer.begin().unwrap();
    producer
}

fn send(producer: &mut MemoryProducer, partition: u32, value: &str) {
    try_send(producer, partition, value).unwrap();
}

fn try_send(producer: &mut MemoryProducer, partition: u32, value: &str) -> Result<(), TransportError> {
    let headers = Headers::new();
    let value = Some(value.as_bytes());
    producer.send(Outgoing {
        topic: "t",
        partition,
        key: None,
        value,
        timestamp: 0,
        headers: &headers,
        origin: 9,
        is_followed: true,
    })
}

fn place(partition: u32) -> TopicPartition {
    TopicPartition { topic: "t".into(), partition }
}

fn anybody() -> GroupMetadata {
    GroupMetadata { group: "g".into(), generation: -1, member: "".into(), instance: None }
}

fn at(offset: i64) -> CommittedOffset {
    CommittedOffset { offset, metadata: String::new() }
}

/// Everything committed in a partition, as "offset:value".
fn committed(log: &MemoryLog, partition: u32) -> Vec<String> {
    log.read_committed("t", partition, 0).unwrap().map(|m| show(&m)).collect()
}

fn show(message: &MemoryMessage) -> String {
    format!("{}:{}", message.offset(), String::from_utf8_lossy(message.value().unwrap_or(b"-")))
}

fn polled(consumer: &mut MemoryConsumer) -> Vec<String> {
    let mut events = Vec::new();
    while consumer.poll(&mut events, 3).unwrap() > 0 {}
    let show = |event: &Event<MemoryMessage>| match event {
        Event::Record { slot, message } => format!("{slot}/{}", show(message)),
        Event::End { slot, position } => format!("{slot}/end {position}"),
        other => format!("{other:?}"),
    };
    events.iter().map(show).collect()
}

#[test]
fn every_offset_of_the_drawing_in_log() {
    let log = log(1);
    let (mut a, mut b) = (begun(&log, "a"), begun(&log, "b"));
    let mut plain = log.producer(None);
    plain.init().unwrap();
    send(&mut a, 0, "a1");
    send(&mut b, 0, "b1");
    send(&mut a, 0, "a2");
    assert_eq!(a.commit(), CommitOutcome::Committed);
    assert_eq!(committed(&log, 0), ["0:a1"], "b is open from 1 on");
    send(&mut b, 0, "b2");
    send(&mut plain, 0, "p");
    b.abort().unwrap();
    a.begin().unwrap();
    send(&mut a, 0, "a3");
    assert_eq!(log.watermarks("t", 0).unwrap(), Watermarks { start: 0, last_stable: 7, high: 8 });
    assert_eq!(committed(&log, 0), ["0:a1", "2:a2", "5:p"]);
    let mut raw = log.consumer("g", "c", Isolation::ReadUncommitted);
    raw.assign(&place(0), 0).unwrap();
    assert_eq!(polled(&mut raw), ["0/0:a1", "0/1:b1", "0/2:a2", "0/4:b2", "0/5:p", "0/7:a3", "0/end 8"]);
}

#[test]
fn a_clone_is_the_same_log_and_another_log_is_not() {
    let first = log(1);
    let (same, other) = (first.clone(), log(1));
    first.append("t", 0, None, Some(b"x"), 0, &Headers::new()).unwrap();
    assert_eq!(committed(&same, 0), ["0:x"]);
    assert!(committed(&other, 0).is_empty());
}

#[test]
fn reading_goes_on_where_the_iterator_ended() {
    let log = log(1);
    let mut producer = begun(&log, "p");
    send(&mut producer, 0, "x");
    assert_eq!(producer.commit(), CommitOutcome::Committed);
    let mut records = log.read_committed("t", 0, 0).unwrap();
    assert_eq!(records.by_ref().count(), 1);
    assert_eq!(records.position(), 2, "behind the control record");
    log.append("t", 0, None, Some(b"y"), 0, &Headers::new()).unwrap();
    assert_eq!(records.next().as_ref().map(show), Some("2:y".into()));
}

#[test]
fn keys_values_and_nulls_come_back() {
    let log = log(1);
    type Content = (Option<&'static [u8]>, Option<&'static [u8]>);
    let cases: [Content; 6] = [
        (Some(b"k"), Some(b"v")),
        (None, Some(b"v")),
        (Some(b"k"), None),
        (None, None),
        (Some(b""), Some(b"v")),
        (Some(b"k"), Some(b"")),
    ];
    for (key, value) in cases {
        log.append("t", 0, key, value, -1, &Headers::new()).unwrap();
    }
    let large = vec![7; 200_000];
    log.append("t", 0, Some(b"k"), Some(&large), 5, &Headers::new()).unwrap();
    let read: Vec<MemoryMessage> = log.read_committed("t", 0, 0).unwrap().collect();
    for (message, (key, value)) in read.iter().zip(cases) {
        assert_eq!((message.key(), message.value(), message.timestamp()), (key, value, -1));
    }
    assert_eq!((read.len(), read[6].value()), (7, Some(&large[..])));
}

#[test]
fn deleting_keeps_offsets_and_stops_at_what_is_undecided() {
    let log = log(1);
    let feed = |n: usize| (0..n).for_each(|_| drop(log.append("t", 0, None, Some(b"x"), 0, &Headers::new())));
    let first = || log.read_committed("t", 0, 0).unwrap().next().map(|m| m.offset());
    let (mut high, mut start) = (0, 0);
    // Sizes around those that the log groups its records by.
    for (fed, deleted) in [(1, 1), (254, 100), (1, 155), (1, 1), (700, 256), (0, 444), (3, 1), (600, 601)] {
        feed(fed as usize);
        (high, start) = (high + fed, start + deleted);
        log.delete_records("t", 0, start).unwrap();
        assert_eq!(log.watermarks("t", 0).unwrap(), Watermarks { start, last_stable: high, high });
        assert_eq!(first(), (start < high).then_some(start));
        assert_eq!(log.read_committed("t", 0, 0).unwrap().count() as i64, high - start);
    }
    let mut producer = begun(&log, "p");
    send(&mut producer, 0, "open");
    feed(2);
    log.delete_records("t", 0, high + 2).unwrap();
    assert_eq!(log.watermarks("t", 0).unwrap().start, high, "the open record stays");
    producer.abort().unwrap();
    assert_eq!(committed(&log, 0), [format!("{}:x", high + 1), format!("{}:x", high + 2)]);
}

#[test]
fn the_time_out_is_that_of_the_logs_clock_and_counts_from_the_first_record() {
    let log = log(1);
    log.set_transaction_timeout_ms(1_000);
    let mut producer = begun(&log, "p");
    log.set_time_ms(5_000);
    send(&mut producer, 0, "x");
    log.set_time_ms(5_999);
    assert_eq!(log.watermarks("t", 0).unwrap().last_stable, 0);
    log.set_time_ms(6_000);
    assert_eq!(log.watermarks("t", 0).unwrap().last_stable, 2);
    assert!(committed(&log, 0).is_empty());
    assert_eq!(producer.commit(), CommitOutcome::Unknown(TransportError::Fenced("p".into())));
}

#[test]
fn an_id_that_is_taken_over_fences_on_everything() {
    let log = log(1);
    type Call = fn(&mut MemoryProducer) -> Result<(), TransportError>;
    let calls: [(&str, Call); 5] = [
        ("send", |p| try_send(p, 0, "y")),
        ("flush", |p| p.flush(&mut |_| {})),
        ("send_offsets", |p| p.send_offsets(&[(place(0), at(1))], &anybody())),
        ("abort", |p| p.abort()),
        ("commit", |p| match p.commit() {
            CommitOutcome::Unknown(error) => Err(error),
            other => panic!("{other:?}"),
        }),
    ];
    for (name, call) in calls {
        let mut old = begun(&log, "p");
        send(&mut old, 0, "x");
        let new = ready(&log, "p");
        assert_eq!(call(&mut old), Err(TransportError::Fenced("p".into())), "{name}");
        assert_eq!(old.begin(), Err(TransportError::Fenced("p".into())), "begin after {name}");
        drop(new);
    }
    assert!(committed(&log, 0).is_empty());
}

#[test]
fn misuse_is_told() {
    let log = log(1);
    let misuse =
        |result: Result<(), TransportError>| assert!(matches!(result, Err(TransportError::Misuse(_))));
    let mut early = log.producer(Some("p"));
    misuse(early.begin());
    misuse(try_send(&mut early, 0, "x"));
    early.init().unwrap();
    misuse(early.init());
    misuse(early.abort());
    misuse(try_send(&mut early, 0, "x"));
    early.begin().unwrap();
    misuse(early.begin());
    let mut plain = log.producer(None);
    plain.init().unwrap();
    misuse(plain.begin());
    misuse(log.create_topic("t", 1));
    misuse(log.create_topic("none", 0));
    misuse(log.grow_topic("t", 0));
    assert_eq!(log.watermarks("t", 0).unwrap().high, 0);
}

#[test]
fn markers_are_written_one_at_a_time_while_held() {
    let log = log(2);
    let mut producer = begun(&log, "p");
    send(&mut producer, 0, "x");
    send(&mut producer, 1, "y");
    producer.send_offsets(&[(place(0), at(7))], &anybody()).unwrap();
    log.hold_markers(true);
    assert_eq!(producer.commit(), CommitOutcome::Committed);
    assert_eq!((committed(&log, 0).len(), committed(&log, 1).len()), (0, 0), "decided is not visible");
    assert_eq!(log.pending_markers().len(), 3);
    assert!(log.write_marker(1));
    assert_eq!((committed(&log, 0).len(), committed(&log, 1).len()), (0, 1));
    assert_eq!(log.committed("g", "t", 0).unwrap(), None);
    assert!(log.write_marker(1));
    assert_eq!(log.committed("g", "t", 0).unwrap(), Some(at(7)));

    // The next transaction waits for the last marker, and so does a new producer.
    producer.begin().unwrap();
    send(&mut producer, 0, "z");
    assert!(matches!(producer.flush(&mut |_| {}), Err(TransportError::TimedOut(_))));
    assert_eq!(log.watermarks("t", 0).unwrap().high, 1);
    assert!(log.write_marker(0));
    assert!(!log.write_marker(0));
    assert_eq!(producer.flush(&mut |d| assert_eq!(d.offset, 2)), Ok(()));
    assert_eq!(producer.commit(), CommitOutcome::Committed);
    let mut next = log.producer(Some("p"));
    assert!(matches!(next.init(), Err(TransportError::TimedOut(_))));
    log.hold_markers(false);
    next.init().unwrap();
    assert_eq!(committed(&log, 0), ["0:x", "2:z"]);
}

#[test]
fn a_late_commit_does_not_arrive_after_init() {
    for init_first in [false, true] {
        let log = log(1);
        log.inject("p", Fault::CommitLate);
        let mut producer = begun(&log, "p");
        send(&mut producer, 0, "x");
        assert!(matches!(producer.commit(), CommitOutcome::Unknown(TransportError::TimedOut(_))));
        assert!(committed(&log, 0).is_empty());
        if init_first {
            ready(&log, "p");
        }
        assert_eq!(log.deliver_late(), usize::from(!init_first));
        ready(&log, "p");
        assert_eq!(committed(&log, 0).len(), usize::from(!init_first));
    }
}

#[test]
fn accidents_befall_only_the_named_producer_and_once() {
    let log = log(1);
    log.inject("p", Fault::AbortLost);
    log.inject("p", Fault::InitLost);
    let mut other = begun(&log, "q");
    send(&mut other, 0, "x");
    other.abort().unwrap();
    let mut producer = log.producer(Some("p"));
    assert!(producer.init().is_err());
    producer.init().unwrap();
    producer.begin().unwrap();
    send(&mut producer, 0, "y");
    assert!(matches!(producer.abort(), Err(TransportError::TimedOut(_))));
    assert!(matches!(producer.begin(), Err(TransportError::Misuse(_))), "only init decides it");
    assert_eq!(log.watermarks("t", 0).unwrap().last_stable, 2);
    ready(&log, "p");
    assert_eq!(log.watermarks("t", 0).unwrap().last_stable, 4);
}

#[test]
fn records_too_far_ahead_are_refused_only_where_the_topic_says_so() {
    let log = log(1);
    let settings = TopicSettings { max_ahead_ms: Some(1_000), ..TopicSettings::new(1) };
    log.create_topic_with("strict", settings).unwrap();
    let mut producer = log.producer(None);
    producer.init().unwrap();
    let headers = Headers::new();
    let mut sent = |topic, timestamp| {
        let record = Outgoing {
            topic,
            partition: 0,
            key: None,
            value: None,
            timestamp,
            headers: &headers,
            origin: 3,
            is_followed: true,
        };
        producer.send(record).unwrap();
        producer.flush(&mut |_| {})
    };
    assert_eq!(sent("t", 1_001), Ok(()));
    assert_eq!(sent("strict", 1_000), Ok(()));
    assert!(matches!(sent("strict", 1_001), Err(TransportError::Refused { origin: 3, .. })));
}

#[test]
fn a_topic_created_again_is_another_one() {
    let log = log(1);
    let mut reader = log.consumer("g", "c", Isolation::ReadCommitted);
    reader.assign(&place(0), 0).unwrap();
    reader.commit(&[(place(0), at(1))]).unwrap();
    let mut producer = log.producer(None);
    producer.init().unwrap();
    send(&mut producer, 0, "old");
    let id = log.topic_id("t").unwrap();
    log.delete_topic("t").unwrap();
    assert_eq!(try_send(&mut producer, 0, "x"), Err(TransportError::UnknownTopic("t".into())));
    assert!(log.topics().is_empty());
    log.create_topic("t", 1).unwrap();
    assert_ne!(log.topic_id("t").unwrap(), id);
    assert_eq!(log.committed("g", "t", 0).unwrap(), None);
    send(&mut producer, 0, "new");
    assert_eq!(committed(&log, 0), ["0:new"]);
    assert_eq!(reader.poll(&mut Vec::new(), 1), Err(TransportError::UnknownTopic("t".into())));
    reader.assign(&place(0), 0).unwrap();
    assert_eq!(polled(&mut reader), ["1/0:new", "1/end 1"]);
}

#[test]
fn an_expelled_member_believes_until_it_polls_and_is_refused_meanwhile() {
    let log = log(2);
    let mut member = log.consumer("g", "c", Isolation::ReadCommitted);
    member.subscribe(&["t".into()]).unwrap();
    let mut events = Vec::new();
    member.poll(&mut events, 1).unwrap();
    assert!(matches!(&events[..], [Event::Assigned(all)] if all.len() == 2));
    let before = member.group_metadata().unwrap();
    assert!(log.expel("g", &before.member));
    assert!(!log.expel("g", &before.member));
    assert_eq!(member.group_metadata().as_ref(), Some(&before));
    let refused = member.commit(&[(place(0), at(1))]);
    assert!(matches!(refused, Err(TransportError::StaleGeneration { .. })));
    events.clear();
    member.poll(&mut events, 1).unwrap();
    assert!(matches!(&events[..], [Event::Lost(all)] if all.len() == 2));
    assert_eq!(member.group_metadata(), None);
    member.poll(&mut events, 1).unwrap();
    assert_ne!(member.group_metadata().unwrap().member, before.member);
}

#[test]
fn a_dropped_consumer_stays_a_member_until_the_session_is_over() {
    let log = log(2);
    let join = |client| {
        let mut member = log.consumer("g", client, Isolation::ReadCommitted);
        member.subscribe(&["t".into()]).unwrap();
        member.poll(&mut Vec::new(), 1).unwrap();
        member
    };
    drop(join("dead"));
    let mut alive = join("alive");
    log.set_time_ms(44_999);
    assert!(polled(&mut alive).is_empty(), "one partition was asked back, and nobody gives it");
    log.set_time_ms(45_000);
    let mut events = Vec::new();
    alive.poll(&mut events, 1).unwrap();
    assert!(matches!(&events[..], [Event::Assigned(all)] if all.len() == 2), "{events:?}");
}

#[test]
fn partitions_stay_where_they_are_when_members_come_and_go() {
    use super::assign::{Candidate, assign};
    let places: Vec<Place> = (0..6).map(|partition| Place { topic: 0, partition, at: partition }).collect();
    let mut targets: Vec<Vec<Place>> = vec![Vec::new(); 3];
    let run = |targets: &mut [Vec<Place>]| {
        let mut candidates: Vec<Candidate<'_>> =
            targets.iter_mut().map(|target| Candidate { wants: places.clone(), target }).collect();
        assign(&mut candidates);
    };
    run(&mut targets[..2]);
    let two = targets.clone();
    assert_eq!(two.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 0]);
    run(&mut targets);
    assert_eq!(targets.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
    let kept = |n: usize| targets[n].iter().filter(|place| two[n].contains(place)).count();
    assert_eq!((kept(0), kept(1)), (2, 2), "nothing moved between members that stayed");
}

/// Nanoseconds of the fastest of five runs: the machine is shared, and only delays are added by others.
fn fastest(rounds: u32, mut run: impl FnMut() -> u32) -> u128 {
    let timed = |_| {
        let start = Instant::now();
        assert_eq!(run(), rounds);
        start.elapsed().as_nanos() / u128::from(rounds)
    };
    (0..5).map(timed).min().unwrap()
}

#[test]
fn news_are_known_without_a_poll() {
    let log = log(1);
    let mut consumer = log.consumer("g", "c", Isolation::ReadCommitted);
    let mut events = Vec::new();
    consumer.subscribe(&["t".to_owned()]).unwrap();
    assert!(consumer.has_news(), "it has not joined");
    consumer.poll(&mut events, 10).unwrap();
    assert!(!consumer.has_news());
    consumer.assign(&place(0), 0).unwrap();
    assert!(consumer.has_news(), "the end was not told");
    consumer.poll(&mut events, 10).unwrap();
    assert!(!consumer.has_news());
    log.append("t", 0, None, Some(b"v"), 0, &Headers::new()).unwrap();
    assert!(consumer.has_news(), "a record");
    consumer.poll(&mut events, 10).unwrap();
    assert!(!consumer.has_news());
    let mut other = log.consumer("g", "d", Isolation::ReadCommitted);
    other.subscribe(&["t".to_owned()]).unwrap();
    other.poll(&mut events, 10).unwrap();
    assert!(consumer.has_news(), "another member");
}

#[test]
fn one_record_at_a_time() {
    let rounds = if cfg!(debug_assertions) { 1_000 } else { 20_000 };
    let headers = Headers::new();
    let (key, value) = (Some(&b"some-key"[..]), Some(&[7u8; 40][..]));
    let record = |origin| Outgoing {
        topic: "out",
        partition: 0,
        key,
        value,
        timestamp: 1,
        headers: &headers,
        origin,
        is_followed: true,
    };
    let offsets = [(place(0), at(0))];
    let fresh = || {
        let log = log(1);
        log.create_topic("out", 1).unwrap();
        let mut consumer = log.consumer("g", "c", Isolation::ReadCommitted);
        consumer.assign(&place(0), 0).unwrap();
        let producer = ready(&log, "p");
        (log, consumer, producer)
    };
    let transaction = |producer: &mut MemoryProducer, n| {
        producer.begin().unwrap();
        producer.send(record(n)).unwrap();
        producer.send_offsets(&offsets, &anybody()).unwrap();
        assert_eq!(producer.commit(), CommitOutcome::Committed);
    };

    let feed = |log: &MemoryLog| {
        for _ in 0..rounds {
            log.append("t", 0, key, value, 1, &headers).unwrap();
        }
        rounds
    };
    let append = fastest(rounds, || feed(&fresh().0));
    let (log, mut consumer, _) = fresh();
    feed(&log);
    let mut events = Vec::new();
    let poll = fastest(rounds, || {
        consumer.assign(&place(0), 0).unwrap();
        let mut seen = 0;
        for _ in 0..rounds {
            events.clear();
            seen += black_box(consumer.poll(&mut events, 1).unwrap()) as u32;
        }
        seen
    });
    let send = fastest(rounds, || {
        let (_log, _, mut producer) = fresh();
        producer.begin().unwrap();
        (0..u64::from(rounds)).for_each(|n| producer.send(record(n)).unwrap());
        let mut delivered = 0;
        producer.flush(&mut |_| delivered += 1).unwrap();
        delivered
    });
    let commit = fastest(rounds, || {
        let (log, _, mut producer) = fresh();
        (0..u64::from(rounds)).for_each(|n| transaction(&mut producer, n));
        log.read_committed("out", 0, 0).unwrap().count() as u32
    });
    let all = fastest(rounds, || {
        let (log, mut consumer, mut producer) = fresh();
        let mut records = log.read_committed("out", 0, 0).unwrap();
        let mut seen = 0;
        for n in 0..u64::from(rounds) {
            log.append("t", 0, key, value, 1, &headers).unwrap();
            events.clear();
            consumer.poll(&mut events, 1).unwrap();
            transaction(&mut producer, n);
            seen += u32::from(black_box(records.next()).is_some());
        }
        seen
    });
    println!(
        "ns: append {append}, poll {poll}, send {send}, begin+send+offsets+commit {commit}, \
         append+poll+transaction+read {all}"
    );
    // Ten times what it takes, so that only a change of kind (a search, a copy of the log) is found.
    let limit = if cfg!(debug_assertions) { 100_000 } else { 3_000 };
    assert!(all < limit, "{all} ns for one record");
}
