//! Topics of a run: made before, deleted after, and how long they are.
//!
//! Knows names and offsets; does not know records.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::Duration;

/// Each topic has so many.
pub const PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_secs(20);

/// The settings of any client here.
pub fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    // The broker goes away in the end, and that is nothing to tell.
    config.set("bootstrap.servers", address).set("log_level", "2");
    config
}

/// What makes topics, deletes them and asks for offsets.
pub struct Topics {
    admin: AdminClient<DefaultClientContext>,
    client: BaseConsumer,
    runtime: tokio::runtime::Runtime,
    address: String,
}

impl Topics {
    /// Talks to this broker.
    ///
    /// # Panics
    /// If a client cannot be made.
    pub fn new(address: &str) -> Topics {
        Topics {
            admin: config(address).create().expect("an admin client can be made"),
            client: config(address).create().expect("a client can be made"),
            runtime: tokio::runtime::Builder::new_current_thread().build().expect("there are threads"),
            address: address.to_owned(),
        }
    }

    /// Makes topics; their records stay whatever their age. `compact`: as changelogs are.
    ///
    /// # Panics
    /// If the broker refuses.
    pub fn create(&self, names: &[String], compact: bool) {
        let policy = if compact { "compact" } else { "delete" };
        let new = names.iter().map(|name| {
            NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)).set("cleanup.policy", policy)
        });
        let new: Vec<NewTopic<'_>> = new.collect();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = self.runtime.block_on(self.admin.create_topics(&new, &options));
        for result in made.expect("the broker answers") {
            result.expect("a topic can be made");
        }
        // The broker learns of it a moment after it was made, and a contender that starts fast would not find it.
        while !names.iter().all(|name| self.is_known(name) && self.written(name).is_some()) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_known(&self, name: &str) -> bool {
        let metadata = self.client.fetch_metadata(Some(name), PATIENCE);
        metadata.is_ok_and(|metadata| {
            let led = |topic: &MetadataTopic| {
                topic.partitions().iter().filter(|partition| partition.leader() >= 0).count()
            };
            metadata.topics().iter().map(led).sum::<usize>() == PARTITIONS as usize
        })
    }

    /// Deletes every topic that begins so.
    pub fn delete(&self, prefix: &str) {
        let names = self.named(|name| name.starts_with(prefix));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        // What stays takes room until the broker goes, and nothing else.
        let _ = self.runtime.block_on(self.admin.delete_topics(&names, &options));
    }

    fn named(&self, is: impl Fn(&str) -> bool) -> Vec<String> {
        let Ok(metadata) = self.client.fetch_metadata(None, PATIENCE) else { return Vec::new() };
        metadata.topics().iter().map(|topic| topic.name().to_owned()).filter(|name| is(name)).collect()
    }

    /// How many records were written to a topic, markers of transactions included; `None` if that cannot be told now.
    pub fn written(&self, topic: &str) -> Option<u64> {
        (0..PARTITIONS).map(|partition| Some(self.ends(topic, partition)?.1 as u64)).sum()
    }

    fn ends(&self, topic: &str, partition: i32) -> Option<(i64, i64)> {
        self.client.fetch_watermarks(topic, partition, PATIENCE).ok()
    }

    /// Watches how far a group is.
    ///
    /// # Panics
    /// If a client cannot be made.
    pub fn group(&self, name: &str) -> Group<'_> {
        let member = config(&self.address).set("group.id", name).set("enable.auto.commit", "false").create();
        Group { topics: self, name: name.to_owned(), client: member.expect("a client can be made") }
    }
}

/// A group, seen from the outside.
pub struct Group<'a> {
    topics: &'a Topics,
    name: String,
    client: BaseConsumer,
}

impl Group<'_> {
    /// How many records of the inputs and of its repartition topics it has not committed yet; `None` if that cannot be
    /// told now. The marker behind the last record of a repartition topic does not count.
    pub fn lag(&self, inputs: &[String]) -> Option<u64> {
        let internal = |name: &str| name.starts_with(&self.name) && name.ends_with("-repartition");
        let mut list = TopicPartitionList::new();
        for topic in inputs.iter().cloned().chain(self.topics.named(internal)) {
            list.add_partition_range(&topic, 0, PARTITIONS - 1);
        }
        let committed = self.client.committed_offsets(list, PATIENCE).ok()?;
        let mut lag = 0;
        for element in committed.elements() {
            let (low, high) = self.topics.ends(element.topic(), element.partition())?;
            let at = if let Offset::Offset(offset) = element.offset() { offset } else { low };
            let marker = i64::from(internal(element.topic()));
            lag += (high - at - marker).max(0) as u64;
        }
        Some(lag)
    }
}
