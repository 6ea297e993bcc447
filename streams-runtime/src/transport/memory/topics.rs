//! The topics: which exist, under which number, with which limits.
//!
//! Knows names and settings. It deliberately does not know what stands in a partition (`log`) nor who reads it.
//! A topic keeps its number for ever; deleting and creating it again gives a new number and a new id, so that
//! nothing remembered about the old one can be mistaken for the new one.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::BTreeMap;

use super::log::PartitionLog;
use crate::transport::{TopicPartition, TransportError, same_name};

/// A partition by numbers: what is remembered once a name was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: u32,
    pub(super) partition: u32,
    /// The partition's number among those of all topics.
    pub(super) at: u32,
}

/// What a topic is created with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// How many partitions it has.
    pub partitions: u32,
    /// A record whose key, value and headers together are larger is refused.
    pub max_message_bytes: usize,
    /// A record whose time is further ahead of the log's clock is refused; `None` refuses nothing.
    pub max_ahead_ms: Option<i64>,
    /// What else was said, by Kafka's names. It is told who asks; nothing follows from it.
    pub others: BTreeMap<String, String>,
    /// What it says of how long it keeps deletions (`delete.retention.ms`). It never deletes by itself, but when it is
    /// [told to](super::MemoryLog::compact).
    pub delete_retention_ms: Option<i64>,
    /// What it says of how long it keeps records (`retention.ms`), as above.
    pub retention_ms: Option<i64>,
}

impl TopicSettings {
    /// Kafka's defaults, but times ahead are let through: the log's clock stands at 0 until it is set.
    pub fn new(partitions: u32) -> Self {
        TopicSettings {
            partitions,
            max_message_bytes: 1_048_588,
            max_ahead_ms: None,
            others: BTreeMap::new(),
            delete_retention_ms: None,
            retention_ms: None,
        }
    }
}

pub(super) struct Topic {
    pub(super) name: String,
    pub(super) id: u64,
    pub(super) settings: TopicSettings,
    /// Its partitions, by their numbers among those of all topics.
    logs: Vec<u32>,
    deleted: bool,
}

impl Topic {
    /// Makes the partitions that its settings ask for and that are not there yet.
    fn grow(&mut self, logs: &mut Vec<PartitionLog>) {
        while self.logs.len() < self.settings.partitions as usize {
            self.logs.push(logs.len() as u32);
            logs.push(PartitionLog::default());
        }
    }

    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let topic = (self.id - 1) as u32;
        (0..).zip(&self.logs).map(move |(partition, &at)| Place { topic, partition, at })
    }
}

#[derive(Default)]
pub(super) struct Topics {
    all: Vec<Topic>,
    /// The partitions of all topics, side by side: found without a detour.
    logs: Vec<PartitionLog>,
    by_name: HashMap<String, u32, FixedState>,
    /// Moves whenever a name or a partition count changes, so that who remembers numbers asks again.
    pub(super) version: u64,
}

impl Topics {
    pub(super) fn create(&mut self, name: &str, settings: TopicSettings) -> Result<(), TransportError> {
        if settings.partitions == 0 {
            return Err(TransportError::Misuse("a topic has at least one partition"));
        }
        if self.by_name.contains_key(name) {
            return Err(TransportError::Misuse("the topic exists already"));
        }
        let number = self.all.len() as u32;
        let mut topic = Topic {
            name: name.to_owned(),
            id: u64::from(number) + 1,
            settings,
            logs: Vec::new(),
            deleted: false,
        };
        topic.grow(&mut self.logs);
        self.all.push(topic);
        self.by_name.insert(name.to_owned(), number);
        self.version += 1;
        Ok(())
    }

    pub(super) fn grow(&mut self, name: &str, partitions: u32) -> Result<(), TransportError> {
        let number = self.number(name)?;
        let topic = &mut self.all[number as usize];
        if (partitions as usize) < topic.logs.len() {
            return Err(TransportError::Misuse("a topic cannot lose partitions"));
        }
        topic.settings.partitions = partitions;
        topic.grow(&mut self.logs);
        self.version += 1;
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), TransportError> {
        let number = self.number(name)?;
        self.by_name.remove(name);
        let topic = &mut self.all[number as usize];
        topic.deleted = true;
        // Partitions stay: an open transaction may still hold their numbers.
        topic.logs.iter().for_each(|&at| self.logs[at as usize] = PartitionLog::gone());
        self.version += 1;
        Ok(())
    }

    pub(super) fn number(&self, name: &str) -> Result<u32, TransportError> {
        self.by_name.get(name).copied().ok_or_else(|| TransportError::UnknownTopic(name.to_owned()))
    }

    pub(super) fn topic(&self, number: u32) -> &Topic {
        &self.all[number as usize]
    }

    pub(super) fn exists(&self, number: u32) -> bool {
        !self.all[number as usize].deleted
    }

    pub(super) fn named(&self, name: &str) -> Result<&Topic, TransportError> {
        Ok(self.topic(self.number(name)?))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|topic| !topic.deleted).map(|topic| topic.name.as_str())
    }

    pub(super) fn place(&self, name: &str, partition: u32) -> Result<Place, TransportError> {
        self.check(self.number(name)?, partition)
    }

    #[inline]
    pub(super) fn check(&self, topic: u32, partition: u32) -> Result<Place, TransportError> {
        match self.all[topic as usize].logs.get(partition as usize) {
            Some(&at) => Ok(Place { topic, partition, at }),
            None => Err(TransportError::UnknownPartition(self.all[topic as usize].name.clone(), partition)),
        }
    }

    #[inline]
    pub(super) fn log(&self, place: Place) -> &PartitionLog {
        &self.logs[place.at as usize]
    }

    #[inline]
    pub(super) fn log_mut(&mut self, place: Place) -> &mut PartitionLog {
        &mut self.logs[place.at as usize]
    }

    pub(super) fn spell(&self, place: Place) -> TopicPartition {
        TopicPartition { topic: self.topic(place.topic).name.clone(), partition: place.partition }
    }
}

/// The names somebody used so far and their numbers: a worker writes to a handful of topics, one after the
/// other, and comparing a few names is cheaper than hashing one.
#[derive(Default)]
pub(super) struct Memo {
    version: u64,
    seen: Vec<(String, u32)>,
    last: usize,
}

impl Memo {
    /// The partition, if the name is the one that was used last. Always inlined: handing a place back through memory
    /// costs more than finding it.
    #[inline(always)]
    pub(super) fn known(&self, topics: &Topics, name: &str, partition: u32) -> Option<Place> {
        let (seen, topic) = self.seen.get(self.last)?;
        if self.version != topics.version || !same_name(seen, name) {
            return None;
        }
        let at = *topics.all[*topic as usize].logs.get(partition as usize)?;
        Some(Place { topic: *topic, partition, at })
    }

    pub(super) fn place(
        &mut self,
        topics: &Topics,
        name: &str,
        partition: u32,
    ) -> Result<Place, TransportError> {
        if self.version != topics.version {
            self.seen.clear();
            self.version = topics.version;
        }
        self.last = match self.seen.iter().position(|(seen, _)| seen == name) {
            Some(at) => at,
            None => {
                self.seen.push((name.to_owned(), topics.number(name)?));
                self.seen.len() - 1
            }
        };
        topics.check(self.seen[self.last].1, partition)
    }
}
