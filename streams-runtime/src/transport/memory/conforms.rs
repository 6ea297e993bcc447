//! The conformance suite on the in-process log, and on a log that was broken on purpose.

use std::cell::Cell;

use super::*;
use crate::transport::suite::{self, Accident, Fixture, Need};

#[derive(Default)]
struct InProcess {
    log: MemoryLog,
    names: Cell<u32>,
    /// Takes every producer's id away: nobody fences anybody, and each open transaction stays.
    amnesia: bool,
}

impl Fixture for InProcess {
    type Consumer = MemoryConsumer;
    type Producer = MemoryProducer;

    fn topic(&self, partitions: u32, max_message_bytes: usize) -> String {
        let name = self.name("topic");
        let settings = TopicSettings { max_message_bytes, ..TopicSettings::new(partitions) };
        self.log.create_topic_with(&name, settings).unwrap();
        name
    }

    fn name(&self, hint: &str) -> String {
        self.names.set(self.names.get() + 1);
        format!("{hint}-{}", self.names.get())
    }

    fn consumer(&self, group: &str, client_id: &str, isolation: Isolation) -> MemoryConsumer {
        self.log.consumer(group, client_id, isolation)
    }

    fn static_consumer(
        &self,
        group: &str,
        client_id: &str,
        instance: &str,
        isolation: Isolation,
    ) -> MemoryConsumer {
        self.log.static_consumer(group, client_id, instance, isolation)
    }

    fn producer(&self, transactional_id: Option<&str>) -> MemoryProducer {
        let forgotten = self.amnesia.then(|| self.name("forgotten"));
        self.log.producer(transactional_id.map(|id| forgotten.as_deref().unwrap_or(id)))
    }

    fn patience(&self) -> usize {
        // Nothing happens between two attempts, so this counts polls, not waits.
        200
    }

    fn supports(&self, need: Need) -> bool {
        match need {
            Need::Nothing | Need::Time | Need::DeleteRecords | Need::Accidents | Need::Compaction => true,
        }
    }

    fn transaction_timeout_ms(&self) -> i64 {
        60_000
    }

    fn advance(&self, ms: i64) {
        self.log.set_time_ms(self.log.time_ms() + ms);
    }

    fn delete_records(&self, partition: &TopicPartition, before: i64) {
        self.log.delete_records(&partition.topic, partition.partition, before).unwrap();
    }

    fn compacted(&self) -> String {
        let name = self.name("compacted");
        let settings = TopicSettings { delete_retention_ms: Some(100), ..TopicSettings::new(1) };
        self.log.create_topic_with(&name, settings).unwrap();
        name
    }

    fn clean(&self, topic: &str) {
        self.log.compact(topic).unwrap();
    }

    fn accident(&self, transactional_id: &str, accident: Accident) {
        let fault = match accident {
            Accident::AckLost => Fault::AckLost,
            Accident::CommitLost => Fault::CommitLost,
            Accident::CommitAnswerLost => Fault::CommitAnswerLost,
            Accident::FencedBeforeCommit => Fault::FencedBeforeCommit,
            Accident::FencedAfterCommit => Fault::FencedAfterCommit,
            Accident::OffsetsLost => Fault::OffsetsLost,
            Accident::AbortAnswerLost => Fault::AbortAnswerLost,
        };
        self.log.inject(transactional_id, fault);
    }
}

#[test]
fn the_in_process_log_conforms() {
    let failed = suite::run(&InProcess::default(), |case, verdict| match verdict {
        // A broker can do all of them.
        None => panic!("skipped: {} ({:?})", case.name, case.need),
        Some(Ok(())) => println!("passed   {}", case.name),
        Some(Err(why)) => println!("FAILED   {}: {why}", case.name),
    });
    assert_eq!(failed, 0);
}

#[test]
fn a_log_that_forgets_ids_does_not() {
    let mut failures = Vec::new();
    let fixture = InProcess { amnesia: true, ..InProcess::default() };
    suite::run(&fixture, |case, verdict| {
        if matches!(verdict, Some(Err(_))) {
            failures.push(case.name);
        }
    });
    for name in [
        "a new producer aborts the open transaction of the old one",
        "the old producer is fenced although it was idle",
        "a fenced producer cannot abort",
        "offsets of a fenced producer do not appear",
    ] {
        assert!(failures.contains(&name), "not noticed: {name}");
    }
}

#[test]
fn a_log_whose_markers_never_come_does_not() {
    let mut failures = Vec::new();
    let fixture = InProcess::default();
    fixture.log.hold_markers(true);
    suite::run(&fixture, |case, verdict| {
        if matches!(verdict, Some(Err(_))) {
            failures.push(case.name);
        }
    });
    for name in
        ["a commit shows the records of all partitions", "offsets appear with their transaction's commit"]
    {
        assert!(failures.contains(&name), "not noticed: {name}");
    }
    assert!(!failures.contains(&"records come back in order with their offsets"));
}
