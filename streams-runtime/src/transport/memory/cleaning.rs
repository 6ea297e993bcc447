//! How records go by themselves: a compacted topic keeps the last of each key, one with a retention what is young enough.
//!
//! A broker cleans when it finds the time; here it is done when it is asked for, and then thoroughly.
//!
//! Knows keys, times and what topics were created with. Does not know who still needs a record: no more does a broker.

use std::collections::HashMap;

use super::topics::Place;
use super::{Log, MemoryLog};
use crate::transport::{Isolation, TransportError};

/// When the cleaner first saw that a deletion is the last of its key.
#[derive(Default)]
pub(super) struct Cleaner(HashMap<(Place, i64), i64>);

impl Log {
    fn compact(&mut self, place: Place) {
        let kept_ms = self.topics.topic(place.topic).settings.delete_retention_ms;
        let partition = self.topics.log(place);
        let mut last: HashMap<&[u8], i64> = HashMap::new();
        let mut position = partition.start();
        while let Some(record) = partition.next(&mut position, Isolation::ReadCommitted) {
            last.insert(record.key().unwrap_or_default(), record.offset);
        }
        let mut goes = Vec::new();
        position = partition.start();
        while let Some(record) = partition.next(&mut position, Isolation::ReadCommitted) {
            let superseded = last[record.key().unwrap_or_default()] != record.offset;
            let is_old = record.value().is_none() && {
                let seen_ms = *self.cleaner.0.entry((place, record.offset)).or_insert(self.time_ms);
                kept_ms.is_some_and(|kept_ms| self.time_ms - seen_ms >= kept_ms)
            };
            if superseded || is_old {
                goes.push(record.offset);
            }
        }
        self.topics.log_mut(place).remove(&goes);
    }

    /// Everything before the first record that is young enough, or undecided.
    fn retain(&mut self, place: Place) {
        let Some(kept_ms) = self.topics.topic(place.topic).settings.retention_ms else { return };
        let partition = self.topics.log(place);
        let (mut position, mut to) = (partition.start(), partition.last_stable());
        while let Some(record) = partition.next(&mut position, Isolation::ReadUncommitted) {
            if self.time_ms - record.timestamp() <= kept_ms {
                to = to.min(record.offset);
                break;
            }
        }
        self.topics.log_mut(place).delete_before(to);
    }

    fn each_partition(&mut self, topic: &str, act: impl Fn(&mut Log, Place)) -> Result<(), TransportError> {
        let places: Vec<Place> = self.topics.named(topic)?.places().collect();
        places.into_iter().for_each(|place| act(self, place));
        self.changes += 1;
        Ok(())
    }
}

impl MemoryLog {
    /// Compacts a topic, as far as it is decided: the last record of each key stays. Deletions stay for as long as
    /// [`delete_retention_ms`](super::TopicSettings::delete_retention_ms) says after they were first seen here; for ever if it
    /// says nothing. Offsets of what goes stay gaps.
    ///
    /// # Errors
    /// If there is no such topic.
    pub fn compact(&self, topic: &str) -> Result<(), TransportError> {
        self.0.borrow_mut().each_partition(topic, Log::compact)
    }

    /// Deletes what a topic does not keep any longer ([`retention_ms`](super::TopicSettings::retention_ms)), by the times of
    /// the records and the log's clock: from the start of each partition up to the first record that is young enough.
    ///
    /// # Errors
    /// If there is no such topic.
    pub fn expire_records(&self, topic: &str) -> Result<(), TransportError> {
        self.0.borrow_mut().each_partition(topic, Log::retain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;
    use crate::transport::memory::TopicSettings;
    use crate::transport::{Message, Outgoing, Producer};

    fn log(settings: TopicSettings) -> MemoryLog {
        let log = MemoryLog::new();
        log.create_topic_with("t", settings).unwrap();
        log
    }

    fn append(log: &MemoryLog, key: &str, value: Option<&str>, time: i64) {
        log.append("t", 0, Some(key.as_bytes()), value.map(str::as_bytes), time, &Headers::new()).unwrap();
    }

    fn offsets(log: &MemoryLog) -> Vec<i64> {
        log.read_committed("t", 0, 0).unwrap().map(|record| record.offset()).collect()
    }

    #[test]
    fn the_last_of_each_key_stays_and_deletions_for_a_while() {
        let log = log(TopicSettings { delete_retention_ms: Some(100), ..TopicSettings::new(1) });
        for (key, value) in [("a", Some("1")), ("b", Some("1")), ("a", Some("2")), ("b", None), ("c", None)] {
            append(&log, key, value, 0);
        }
        log.compact("t").unwrap();
        assert_eq!(offsets(&log), [2, 3, 4]);
        log.set_time_ms(99);
        append(&log, "c", Some("1"), 0);
        log.compact("t").unwrap();
        assert_eq!(offsets(&log), [2, 3, 5]);
        log.set_time_ms(100);
        log.compact("t").unwrap();
        assert_eq!(offsets(&log), [2, 5]);
        assert_eq!(log.watermarks("t", 0).unwrap().start, 0, "gaps are no start");
    }

    #[test]
    fn what_is_undecided_is_neither_compacted_nor_deleted() {
        let log = log(TopicSettings { retention_ms: Some(10), ..TopicSettings::new(1) });
        append(&log, "a", Some("1"), 0);
        let mut producer = log.producer(Some("id"));
        producer.init().unwrap();
        producer.begin().unwrap();
        let record = Outgoing {
            topic: "t",
            partition: 0,
            key: Some(b"a"),
            value: Some(b"2"),
            timestamp: 0,
            headers: &Headers::new(),
            origin: 0,
            is_followed: false,
        };
        producer.send(record).unwrap();
        log.set_time_ms(1_000);
        log.compact("t").unwrap();
        assert_eq!(offsets(&log), [0]);
        log.expire_records("t").unwrap();
        assert_eq!(log.watermarks("t", 0).unwrap().start, 1);
        producer.commit();
        assert_eq!(offsets(&log), [1]);
    }

    #[test]
    fn records_go_by_their_own_time_up_to_the_first_that_stays() {
        let log = log(TopicSettings { retention_ms: Some(10), ..TopicSettings::new(1) });
        for (key, time) in [("a", 5), ("b", 30), ("c", 5)] {
            append(&log, key, Some("1"), time);
        }
        log.set_time_ms(15);
        log.expire_records("t").unwrap();
        assert_eq!(offsets(&log), [0, 1, 2]);
        log.set_time_ms(16);
        log.expire_records("t").unwrap();
        assert_eq!(offsets(&log), [1, 2], "an old one behind a young one stays");
        log.set_time_ms(41);
        log.expire_records("t").unwrap();
        assert_eq!((offsets(&log), log.watermarks("t", 0).unwrap().start), (vec![], 3));
    }

    #[test]
    fn what_was_lost_is_gone_and_its_offsets_are_given_again() {
        let log = log(TopicSettings::new(1));
        for n in 0..600 {
            append(&log, "a", Some(&n.to_string()), 0);
        }
        log.remove_records("t", 0, &[19, 20]).unwrap();
        log.delete_records("t", 0, 10).unwrap();
        log.lose_records("t", 0, 20).unwrap();
        let ends = log.watermarks("t", 0).unwrap();
        assert_eq!((ends.start, ends.last_stable, ends.high), (10, 20, 20));
        append(&log, "a", Some("again"), 0);
        let last = log.read_committed("t", 0, 0).unwrap().last().unwrap();
        assert_eq!((last.offset(), last.value()), (20, Some(&b"again"[..])));
        assert_eq!(offsets(&log), (10..19).chain([20]).collect::<Vec<_>>());
    }
}
