//! What brokers are asked now and then while an application runs, on a thread of its own: a worker never waits for it.
//!
//! It deletes what was consumed from repartition topics, which keep everything for ever otherwise: their records carry the
//! times of records, not of their writing, so no retention fits (`TaskManager.maybePurgeCommittedRecords`). A worker only
//! tells its committed positions and goes on. And it does its [`Job`]s. What cannot be done now is done another time.
//!
//! Knows positions, what looks after topics, and when. Does not know tasks, nor what a job is for.

use crate::repeated::Repeated;
use crate::transport::topics::Topics;
use crate::transport::{TopicPartition, TransportError};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Something that is done again and again.
pub(crate) struct Job {
    period: Duration,
    next: Instant,
    what: &'static str,
    work: Box<dyn FnMut(&mut dyn Topics) -> Result<(), TransportError> + Send>,
    failed: Repeated,
}

impl Job {
    /// Does it every so often, first after that time. `what`, in the passive, is for the words if it cannot be done.
    pub(crate) fn every(
        period: Duration,
        what: &'static str,
        work: impl FnMut(&mut dyn Topics) -> Result<(), TransportError> + Send + 'static,
    ) -> Job {
        let failed = Repeated::default();
        Job { period, next: Instant::now() + period, what, work: Box::new(work), failed }
    }

    fn run(&mut self, topics: &mut dyn Topics, began: Instant) {
        if let Err(error) = (self.work)(topics) {
            let ms = began.elapsed().as_millis() as i64;
            if let Some(times) = self.failed.happened(ms) {
                tracing::warn!(%error, times, "what should be done could not be: {}", self.what);
            }
        }
        self.next = Instant::now() + self.period;
    }
}

/// Deletes what is told and does its jobs, until nobody tells any more.
pub(crate) fn upkeep(topics: &mut dyn Topics, told: &Receiver<Vec<(TopicPartition, i64)>>, jobs: &mut [Job]) {
    let began = Instant::now();
    loop {
        let next = jobs.iter().map(|job| job.next).min().unwrap_or(began + Duration::from_secs(3_600));
        match told.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(consumed) => purge(topics, &consumed),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        jobs.iter_mut().filter(|job| job.next <= Instant::now()).for_each(|job| job.run(topics, began));
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
    use super::super::watch::Watch;
    use super::*;
    use crate::instance::{InProcess, run_until_idle};
    use crate::prelude::*;
    use crate::transport::memory::MemoryLog;
    use crate::transport::topics::Found;

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
        upkeep(&mut log, &told, &mut []);
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
    fn a_topic_that_was_made_anew_is_told_from_the_one_before() {
        let mut log = MemoryLog::new();
        log.create_topic("out", 1).unwrap();
        let worker = InProcess::new(&log, "app", "one").start(Joined::graph()).unwrap();
        let names = ["a", "b"].map(str::to_owned);
        let described = log.describe(&names).unwrap().into_iter().filter_map(|found| match found {
            Found::Topic(topic) => Some(topic),
            _ => None,
        });
        let started = names.into_iter().zip(described).collect();
        let mut watch = Watch::new(worker.plan.clone()).started_with(&started);
        log.delete_topic("b").unwrap();
        assert_eq!(watch.look(&mut log).unwrap(), None, "while it is missing, who reads it says so");
        log.create_topic("b", 2).unwrap();
        let anew = watch.look(&mut log).unwrap().unwrap().to_string();
        assert!(anew.starts_with("topic `b` was deleted and made anew while it was read"), "{anew}");
        assert!(anew.contains("--reset-offsets --group app --topic b"), "{anew}");
    }

    #[test]
    fn partitions_are_counted_again_and_again() {
        let mut log = MemoryLog::new();
        log.create_topic("out", 1).unwrap();
        let worker = InProcess::new(&log, "app", "one").start(Joined::graph()).unwrap();
        let mut watch = Watch::new(worker.plan.clone());
        log.grow_topic("b", 3).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let (hear, heard) = std::sync::mpsc::channel();
        let count = Job::every(Duration::from_millis(5), "partitions are counted", move |topics| {
            if let Some(growth) = watch.look(topics)? {
                hear.send((growth.topic.clone(), growth.had, growth.has)).unwrap();
            }
            Ok(())
        });
        // A job that fails is tried again, and stops no other.
        let fails =
            Job::every(Duration::from_millis(5), "failed", |_| Err(TransportError::TimedOut("answering")));
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(tell);
        });
        upkeep(&mut log, &told, &mut [fails, count]);
        let heard: Vec<_> = heard.into_iter().collect();
        assert!(heard.len() > 1, "{heard:?}");
        assert!(heard.iter().all(|growth| *growth == ("b".to_owned(), 2, 3)), "{heard:?}");
    }
}
