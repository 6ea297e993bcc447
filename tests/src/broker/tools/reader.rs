//! Reads a topic, each time from its beginning and with a consumer of its own.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::{ANSWER, PATIENCE, Record, config, until};

/// What a reader sees of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Only what was committed; nothing behind the first open transaction.
    Committed,
    /// Everything, aborted and open transactions included.
    Uncommitted,
}

impl Isolation {
    fn setting(self) -> &'static str {
        match self {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        }
    }
}

/// All records a reader can see now, ordered by partition and offset.
#[track_caller]
pub fn read(bootstrap: &str, topic: &str, isolation: Isolation) -> Vec<Record> {
    let mut reader = Reader::new(bootstrap, topic, isolation);
    let deadline = Instant::now() + PATIENCE;
    while reader.ended.len() < reader.partitions {
        assert!(Instant::now() < deadline, "topic {topic} has no end; read {:?}", reader.records);
        reader.poll();
    }
    reader.sorted()
}

/// Reads on until there is enough; panics with what there is when it is not in time.
#[track_caller]
pub fn read_until(
    bootstrap: &str,
    topic: &str,
    isolation: Isolation,
    within: Duration,
    enough: impl Fn(&[Record]) -> bool,
) -> Vec<Record> {
    let mut reader = Reader::new(bootstrap, topic, isolation);
    let deadline = Instant::now() + within;
    while !enough(&reader.records) {
        let (records, last) = (reader.records.len(), reader.records.last());
        assert!(
            Instant::now() < deadline,
            "not enough in {topic} within {within:?}: {records} records, the last {last:?}"
        );
        reader.poll();
    }
    reader.sorted()
}

/// The end of each partition: behind the last record, or with [`Isolation::Committed`] before the first one of an
/// open transaction.
#[track_caller]
pub fn end_offsets(bootstrap: &str, topic: &str, isolation: Isolation) -> Vec<i64> {
    watermarks(bootstrap, topic, isolation).into_iter().map(|(_, end)| end).collect()
}

/// The start of each partition: the first record that was not deleted.
#[track_caller]
pub fn start_offsets(bootstrap: &str, topic: &str) -> Vec<i64> {
    watermarks(bootstrap, topic, Isolation::Uncommitted).into_iter().map(|(start, _)| start).collect()
}

#[track_caller]
fn watermarks(bootstrap: &str, topic: &str, isolation: Isolation) -> Vec<(i64, i64)> {
    let client = consumer(bootstrap, isolation);
    let found = (0..partitions(&client, topic)).map(|partition| {
        let number = i32::try_from(partition).expect("partitions are counted in 32 bits");
        // A broker that was just started leads nothing yet.
        let what = format!("the ends of {topic}, partition {partition}");
        until(&what, PATIENCE, || client.fetch_watermarks(topic, number, ANSWER).ok())
    });
    found.collect()
}

/// A consumer of a whole topic, from its beginning.
pub(super) struct Reader {
    client: BaseConsumer,
    partitions: usize,
    /// Partitions whose end was seen.
    ended: BTreeSet<i32>,
    records: Vec<Record>,
}

impl Reader {
    #[track_caller]
    pub(super) fn new(bootstrap: &str, topic: &str, isolation: Isolation) -> Self {
        let client = consumer(bootstrap, isolation);
        let partitions = partitions(&client, topic);
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            let number = i32::try_from(partition).expect("partitions are counted in 32 bits");
            assignment.add_partition_offset(topic, number, Offset::Beginning).expect("a valid offset");
        }
        client.assign(&assignment).expect("a consumer reads what it is told to");
        Self { client, partitions, ended: BTreeSet::new(), records: Vec::new() }
    }

    pub(super) fn poll(&mut self) {
        match self.client.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                self.ended.remove(&message.partition());
                self.records.push(Record::of(&message));
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(self.ended.insert(partition)),
            // A broker that is not there at this moment; the deadline decides.
            Some(Err(_)) | None => {}
        }
    }

    /// What has come, which is then the caller's.
    pub(super) fn take(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    fn sorted(mut self) -> Vec<Record> {
        self.records.sort_by_key(|record| (record.partition, record.offset));
        self.records
    }
}

fn consumer(bootstrap: &str, isolation: Isolation) -> BaseConsumer {
    let mut config = config(bootstrap);
    config.set("isolation.level", isolation.setting());
    // The library wants a name; nobody joins under it and nothing is committed.
    config.set("group.id", "reader");
    config.set("enable.partition.eof", "true").set("enable.auto.commit", "false");
    // The end of a partition is told by an empty answer; waiting for a full one would only take time.
    config.set("fetch.wait.max.ms", "10").set("fetch.error.backoff.ms", "10").set("check.crcs", "true");
    config.create().expect("settings are valid")
}

#[track_caller]
fn partitions(client: &BaseConsumer, topic: &str) -> usize {
    let metadata = client.fetch_metadata(Some(topic), ANSWER).expect("the broker describes its topics");
    let found = metadata.topics().iter().find(|found| found.name() == topic).expect("the topic asked for");
    assert!(!found.partitions().is_empty(), "there is no topic {topic}");
    found.partitions().len()
}
