//! Deletes what was consumed from repartition topics, which keep everything for ever otherwise: their records carry the
//! times of records, not of their writing, so no retention fits (`TaskManager.maybePurgeCommittedRecords`).
//!
//! A thread of its own, since brokers are asked: a worker only tells its committed positions and goes on. What cannot be
//! deleted now is deleted another time.
//!
//! Knows positions and what looks after topics. Does not know tasks.

use crate::transport::TopicPartition;
use crate::transport::topics::Topics;
use std::sync::mpsc::Receiver;

/// Deletes what is told, until nobody tells any more.
pub(crate) fn purge(topics: &mut dyn Topics, told: &Receiver<Vec<(TopicPartition, i64)>>) {
    while let Ok(consumed) = told.recv() {
        if !consumed.is_empty()
            && let Err(error) = topics.delete_records(&consumed)
        {
            tracing::warn!(%error, "what was consumed from repartition topics is not deleted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{InProcess, run_until_idle};
    use crate::prelude::*;
    use crate::transport::memory::MemoryLog;

    #[topic(name = "numbers", key = i64, value = i64)]
    struct Numbers;
    #[topic(name = "sums", key = i64, value = i64)]
    struct Sums;
    #[processor(from = Numbers, select_key, repartition)]
    fn by_parity(n: &i64) -> i64 {
        n % 2
    }
    #[ktable(store = "sums", from = by_parity, aggregate, to = Sums)]
    fn sum(sum: &mut i64, n: &i64) {
        *sum += n;
    }
    topology!(Parity = [by_parity, sum]);

    #[test]
    fn what_was_consumed_goes_from_repartition_topics_and_from_no_other() {
        let mut log = MemoryLog::new();
        log.create_topic("numbers", 1).unwrap();
        let mut worker = InProcess::new(&log, "parity", "one").start(Parity::graph()).unwrap();
        for n in 0..5_i64 {
            let bytes = n.to_be_bytes();
            log.append("numbers", 0, Some(&bytes), Some(&bytes), n, &Headers::new()).unwrap();
        }
        run_until_idle(&mut worker).unwrap();
        let consumed = worker.consumed();
        let names: Vec<&str> = consumed.iter().map(|(place, _)| place.topic.as_str()).collect();
        assert_eq!(names, ["parity-by_parity-repartition"]);
        let left = |log: &MemoryLog, topic: &str| log.read_committed(topic, 0, 0).map(Iterator::count);
        assert_eq!(left(&log, "parity-by_parity-repartition").unwrap(), 5);
        let (tell, told) = std::sync::mpsc::channel();
        tell.send(consumed).unwrap();
        drop(tell);
        purge(&mut log, &told);
        assert_eq!(left(&log, "parity-by_parity-repartition").unwrap(), 0);
        assert_eq!((left(&log, "numbers").unwrap(), left(&log, "sums").unwrap()), (5, 5));
    }
}
