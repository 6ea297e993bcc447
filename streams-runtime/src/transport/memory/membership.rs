//! Members of a group on the in-process log: forgotten ones, static ones, ones that hear late; and the offsets of a group that
//! nobody is in.

use super::*;
use crate::transport::{Consumer, Event, Producer, TransportError};

fn log(partitions: u32) -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic("t", partitions).unwrap();
    log
}

fn place(partition: u32) -> TopicPartition {
    TopicPartition { topic: "t".into(), partition }
}

fn at(offset: i64) -> CommittedOffset {
    CommittedOffset { offset, metadata: String::new() }
}

fn begun(log: &MemoryLog, id: &str) -> MemoryProducer {
    let mut producer = log.producer(Some(id));
    producer.init().unwrap();
    producer.begin().unwrap();
    producer
}

/// What a member learned of its group by a poll.
fn news(consumer: &mut MemoryConsumer) -> Vec<(&'static str, Vec<u32>)> {
    let mut events = Vec::new();
    consumer.poll(&mut events, 0).unwrap();
    let numbers = |places: &[TopicPartition]| places.iter().map(|place| place.partition).collect();
    let told = events.iter().filter_map(|event| match event {
        Event::Assigned(places) => Some(("assigned", numbers(places))),
        Event::Revoked(places) => Some(("revoked", numbers(places))),
        Event::Lost(places) => Some(("lost", numbers(places))),
        _ => None,
    });
    told.collect()
}

fn subscribed(mut consumer: MemoryConsumer) -> MemoryConsumer {
    consumer.subscribe(&["t".to_owned()]).unwrap();
    consumer
}

fn dynamic(log: &MemoryLog, client: &str) -> MemoryConsumer {
    subscribed(log.consumer("g", client, Isolation::ReadCommitted))
}

fn named(log: &MemoryLog, instance: &str) -> MemoryConsumer {
    subscribed(log.static_consumer("g", instance, instance, Isolation::ReadCommitted))
}

/// Two members that have one partition each.
fn shared(mut one: MemoryConsumer, mut two: MemoryConsumer) -> (MemoryConsumer, MemoryConsumer) {
    news(&mut one);
    assert_eq!(news(&mut two), []);
    assert_eq!(news(&mut one), [("revoked", vec![1])]);
    one.revoked(&[place(1)]).unwrap();
    assert_eq!((news(&mut one), news(&mut two)), (vec![], vec![("assigned", vec![1])]));
    (one, two)
}

#[test]
fn a_member_that_was_forgotten_and_is_back_is_told_of_both_at_once() {
    let log = log(2);
    let mut one = dynamic(&log, "one");
    assert_eq!(news(&mut one), [("assigned", vec![0, 1])]);
    let before = one.group_metadata().unwrap();
    assert!(!log.rejoin("g", "one-1"), "it is a member");
    assert!(log.expel("g", "one-1"));
    assert_eq!(one.group_metadata().map(|m| m.member), Some(before.member.clone()), "nobody told it");
    assert!(log.rejoin("g", "one-1"));
    assert_eq!(one.group_metadata(), None, "its client is somebody else");
    let refused = one.commit(&[(place(0), at(1))]).unwrap_err();
    assert!(matches!(refused, TransportError::StaleGeneration { .. }), "{refused}");
    assert_eq!(news(&mut one), [("lost", vec![0, 1]), ("assigned", vec![0, 1])]);
    assert!(one.group_metadata().is_some_and(|now| now.member != before.member));
    one.commit(&[(place(0), at(1))]).unwrap();
}

#[test]
fn what_a_forgotten_member_had_may_have_gone_and_come_back() {
    let log = log(2);
    let (mut one, mut two) = shared(dynamic(&log, "one"), dynamic(&log, "two"));
    log.expel("g", "one-1");
    assert_eq!(news(&mut two), [("assigned", vec![0])]);
    log.rejoin("g", "one-1");
    let [("revoked", back)] = &news(&mut two)[..] else { panic!("two gives something back") };
    assert_eq!(news(&mut one), [("lost", vec![0])]);
    two.revoked(&[place(back[0])]).unwrap();
    assert_eq!(news(&mut one), [("assigned", back.clone())]);
    // Once he has noticed it is an ordinary member.
    assert!(!log.rejoin("g", "one-1"));
}

#[test]
fn a_crash_takes_whoever_joined_in_its_place_along() {
    let log = log(1);
    let one = {
        let mut one = dynamic(&log, "one");
        news(&mut one);
        one
    };
    log.expel("g", "one-1");
    log.rejoin("g", "one-1");
    drop(one);
    log.set_time_ms(45_000);
    assert_eq!(news(&mut dynamic(&log, "two")), [("assigned", vec![0])]);
}

#[test]
fn a_static_member_that_closes_has_its_place_when_it_is_back() {
    let log = log(2);
    let (mut one, mut two) = shared(named(&log, "one"), named(&log, "two"));
    let generation = log.generation("g");
    one.close().unwrap();
    assert_eq!((log.generation("g"), news(&mut two)), (generation, vec![]));
    log.set_time_ms(44_999);
    let mut one = named(&log, "one");
    assert_eq!((news(&mut one), log.generation("g")), (vec![("assigned", vec![0])], generation));
    // One that does not come back is forgotten with its session, one that leaves at once.
    one.close().unwrap();
    log.set_time_ms(44_999 + 45_000);
    assert_eq!(news(&mut two), [("assigned", vec![0])]);
    two.leave().unwrap();
    assert_eq!(news(&mut named(&log, "three")), [("assigned", vec![0, 1])]);
}

#[test]
fn of_two_under_one_name_the_first_is_told_and_refused() {
    let log = log(2);
    let mut first = named(&log, "one");
    news(&mut first);
    let mut second = named(&log, "one");
    assert_eq!(news(&mut second), [("assigned", vec![0, 1])]);
    let refused = first.commit(&[(place(0), at(1))]).unwrap_err();
    assert!(matches!(refused, TransportError::StaleGeneration { .. }), "{refused}");
    assert_eq!(news(&mut first), [("lost", vec![0, 1])]);
    assert!(first.has_news());
    for _ in 0..2 {
        let error = first.poll(&mut Vec::new(), 1).unwrap_err().to_string();
        assert!(error.contains("group `g`, member `one`: another client"), "{error}");
    }
    first.close().unwrap();
    drop(first);
    log.set_time_ms(100_000);
    second.commit(&[(place(0), at(1))]).unwrap();
}

#[test]
fn one_that_was_back_unnoticed_and_replaced_then_is_told_of_both() {
    let log = log(1);
    let mut first = named(&log, "one");
    news(&mut first);
    assert!(log.expel("g", "one-1") && log.rejoin("g", "one-1"));
    let mut second = named(&log, "one");
    assert_eq!(news(&mut second), [("assigned", vec![0])]);
    assert_eq!(news(&mut first), [("lost", vec![0])]);
    assert_eq!(news(&mut first), []);
    first.poll(&mut Vec::new(), 1).unwrap_err();
    second.commit(&[(place(0), at(1))]).unwrap();
}

#[test]
fn a_client_that_lags_is_refused_and_loses_nothing() {
    let log = log(2);
    let mut one = dynamic(&log, "one");
    news(&mut one);
    // Somebody comes who wants nothing of it.
    log.create_topic("other", 1).unwrap();
    let mut two = log.consumer("g", "two", Isolation::ReadCommitted);
    two.subscribe(&["other".to_owned()]).unwrap();
    two.poll(&mut Vec::new(), 1).unwrap();
    log.lag_generations(1);
    let (mut producer, proof) = (begun(&log, "id"), one.group_metadata().unwrap());
    let refused = producer.send_offsets(&[(place(0), at(1))], &proof).unwrap_err();
    assert!(matches!(refused, TransportError::StaleGeneration { .. }), "{refused}");
    producer.abort().unwrap();
    producer.begin().unwrap();
    producer.send_offsets(&[(place(0), at(1))], &one.group_metadata().unwrap()).unwrap();
    assert_eq!(news(&mut one), []);
}

#[test]
fn a_group_without_members_keeps_its_offsets_for_so_long() {
    let log = log(1);
    log.set_offsets_retention_ms(1_000);
    let mut one = dynamic(&log, "one");
    news(&mut one);
    one.commit(&[(place(0), at(1))]).unwrap();
    log.set_time_ms(5_000);
    let kept = || log.committed("g", "t", 0).unwrap().map(|committed| committed.offset);
    assert_eq!(kept(), Some(1), "somebody subscribes to it");
    one.leave().unwrap();
    log.set_time_ms(5_999);
    assert_eq!(kept(), Some(1));
    log.set_time_ms(6_000);
    assert_eq!(kept(), None);
}
