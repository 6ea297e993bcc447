//! What brokers are asked to do while an application runs, on a thread of its own: a worker never waits for it.
//!
//! It deletes what was consumed from repartition topics, which keep everything for ever otherwise: their records carry the
//! times of records, not of their writing, so no retention fits (`TaskManager.maybePurgeCommittedRecords`). A worker only
//! tells its committed positions and goes on. And it counts the partitions of inputs (`watch`). What cannot be done now is
//! done another time. On the same thread, stores are deleted that nobody has here (`directory`).
//!
//! Knows positions, what looks after topics, and when. Does not know tasks.

use super::watch::Watch;
use crate::directory::Cleaner;
use crate::topology::Growth;
use crate::transport::TopicPartition;
use crate::transport::topics::Topics;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Deletes what is told, and counts partitions every `period`, until nobody tells any more. `stop` hears of a topic that
/// cannot be read on.
pub(crate) fn upkeep(
    topics: &mut dyn Topics,
    told: &Receiver<Vec<(TopicPartition, i64)>>,
    watch: &mut Watch,
    period: Duration,
    stop: &dyn Fn(Growth),
    cleaner: &mut Cleaner,
) {
    let mut next = Instant::now() + period;
    loop {
        let until = cleaner.next().map_or(next, |cleaning| cleaning.min(next));
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(consumed) => purge(topics, &consumed),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        cleaner.clean();
        if Instant::now() >= next {
            match watch.look(topics) {
                Ok(growth) => growth.into_iter().for_each(stop),
                Err(error) => tracing::warn!(%error, "partitions of inputs are not counted"),
            }
            next = Instant::now() + period;
        }
    }
}

fn purge(topics: &mut dyn Topics, consumed: &[(TopicPartition, i64)]) {
    if !consumed.is_empty()
        && let Err(error) = topics.delete_records(consumed)
    {
        tracing::warn!(%error, "what was consumed from repartition topics is not deleted");
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
        let mut watch = Watch::new(worker.plan.clone());
        upkeep(
            &mut log,
            &told,
            &mut watch,
            Duration::from_secs(3_600),
            &|growth| panic!("{growth}"),
            &mut Cleaner::default(),
        );
        assert_eq!(left(&log, "parity-by_parity-repartition").unwrap(), 0);
        assert_eq!((left(&log, "numbers").unwrap(), left(&log, "sums").unwrap()), (5, 5));
    }

    #[topic(name = "a", partitions = 2, key = i64, value = i64)]
    struct A;
    #[topic(name = "b", partitions = 2, key = i64, value = i64, null_value = skip)]
    struct B;
    #[topic(name = "out", key = i64, value = i64)]
    struct Out;
    #[processor(from = A, filter, to = Out)]
    fn alone(_n: &i64) -> bool {
        true
    }
    #[processor(from = [A, B], filter, to = Out)]
    fn merged(_n: &i64) -> bool {
        true
    }
    #[ktable(store = "rows", from = B)]
    struct Rows;
    #[processor(from = A, left_join = Rows, to = Out)]
    fn joined(n: &i64, row: Option<&i64>) -> i64 {
        n + row.copied().unwrap_or_default()
    }
    topology!(Alone = [alone]);
    topology!(Merged = [merged]);
    topology!(Joined = [Rows, joined]);

    /// What stops an application when topics get so many partitions, one after the other.
    fn grown(topology: crate::Topology, steps: &[(&str, u32)]) -> Option<String> {
        let mut log = MemoryLog::new();
        for topic in ["a", "b", "out"] {
            log.create_topic(topic, 2).unwrap();
        }
        let worker = InProcess::new(&log, "app", "one").start(topology).unwrap();
        let mut watch = Watch::new(worker.plan.clone());
        assert_eq!(watch.look(&mut log).unwrap(), None);
        for (topic, partitions) in steps {
            log.grow_topic(topic, *partitions).unwrap();
            if let Some(growth) = watch.look(&mut log).unwrap() {
                return Some(growth.to_string());
            }
        }
        None
    }

    #[test]
    fn new_partitions_of_a_topic_that_leads_are_read_where_nothing_is_kept() {
        assert_eq!(grown(Alone::graph(), &[("a", 4), ("a", 5), ("out", 9), ("b", 3)]), None);
        assert_eq!(grown(Merged::graph(), &[("a", 4)]), None);
    }

    #[test]
    fn what_follows_is_not_read_in_silence() {
        expect_test::expect![[r#"
            topic `b` has grown from 2 to 3 partitions while it was read: it follows `a`, which is shared out, so that nobody would read the new ones
              help: give `a` 3 partitions too, declare that number where one is declared, and start again"#]].assert_eq(&grown(Merged::graph(), &[("b", 3)]).unwrap());
        expect_test::expect![[r#"
            topic `b` has grown from 2 to 4 partitions while it was read: the tasks that are to read the new ones are open without them
              help: declare the number of partitions anew where one is declared, and start again"#]].assert_eq(&grown(Merged::graph(), &[("a", 4), ("b", 4)]).unwrap());
    }

    #[test]
    fn where_rows_are_kept_growth_stops() {
        expect_test::expect![[r#"
            topic `b` has grown from 2 to 3 partitions while it was read: its keys are spread anew, and the rows of `rows` are where they were
              help: stop all instances, give `a`, which is read together with it, 3 partitions too; then start under another application id, which reads everything from its beginning, or delete `app-rows-changelog`, which were made for 2, and take the offsets of group `app` back"#]].assert_eq(&grown(Joined::graph(), &[("b", 3)]).unwrap());
        expect_test::expect![[r#"
            topic `a` has grown from 2 to 4 partitions while it was read: its keys are spread anew, and the rows of `rows` are where they were
              help: stop all instances, give `b`, which is read together with it, 4 partitions too; then start under another application id, which reads everything from its beginning, or delete `app-rows-changelog`, which were made for 2, and take the offsets of group `app` back"#]].assert_eq(&grown(Joined::graph(), &[("a", 4)]).unwrap());
        expect_test::expect![[r#"
            topic `app-by_parity-repartition` has grown from 1 to 6 partitions while it was read: its keys are spread anew, and the rows of `sums` are where they were
              help: stop all instances; then start under another application id, which reads everything from its beginning, or delete `app-by_parity-repartition`, `app-sums-changelog`, which were made for 1, and take the offsets of group `app` back"#]]
            .assert_eq(&grown(Parity::graph(), &[("numbers", 3), ("app-by_parity-repartition", 6)]).unwrap());
    }

    #[test]
    fn partitions_are_counted_again_and_again() {
        let mut log = MemoryLog::new();
        log.create_topic("out", 1).unwrap();
        let worker = InProcess::new(&log, "app", "one").start(Joined::graph()).unwrap();
        let mut watch = Watch::new(worker.plan.clone());
        log.grow_topic("b", 3).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        // Whoever heard of it, ends.
        let tell = std::cell::Cell::new(Some(tell));
        let heard = std::cell::Cell::new(0);
        upkeep(
            &mut log,
            &told,
            &mut watch,
            Duration::from_millis(5),
            &|growth| {
                assert_eq!((growth.topic.as_str(), growth.had, growth.has), ("b", 2, 3));
                heard.set(heard.get() + 1);
                drop(tell.take());
            },
            &mut Cleaner::default(),
        );
        assert_eq!(heard.get(), 1);
    }
}
