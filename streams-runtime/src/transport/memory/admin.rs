//! The topics and groups of the in-process log behind the seam of every log.
//!
//! Knows what a topic was created with, and who joined a group. There are no brokers to wait for, one replica, and nobody is forbidden
//! anything.

use super::{Log, MemoryLog, TopicSettings};
use crate::transport::topics::{
    Cluster, Creation, Found, GroupMember, MayWrite, NewTopic, Rights, TopicDescription, Topics, Unreached,
};
use crate::transport::{TopicPartition, TransportError};

impl Log {
    /// Everybody is here.
    pub(super) fn members(&self, group: u32) -> Vec<GroupMember> {
        let member = |client: &str| GroupMember {
            client_id: client.to_owned(),
            host: "this process".to_owned(),
            assigned: Vec::new(),
        };
        self.groups.clients(group).map(member).collect()
    }
}

impl Topics for MemoryLog {
    fn reach(&mut self, _: u64) -> Result<Cluster, Unreached> {
        Ok(Cluster { brokers: 1 })
    }

    fn describe(&mut self, topics: &[String]) -> Result<Vec<Found>, TransportError> {
        let log = self.0.borrow();
        let describe = |name: &String| match log.topics.named(name) {
            Err(_) => Found::Missing,
            Ok(topic) => Found::Topic(TopicDescription {
                id: u128::from(topic.id),
                partitions: topic.settings.partitions,
                replicas: 1,
                leaderless: Vec::new(),
                settings: Some(topic.settings.others.clone()),
                rights: None,
            }),
        };
        Ok(topics.iter().map(describe).collect())
    }

    fn create(&mut self, topics: &[NewTopic]) -> Result<Vec<Creation>, TransportError> {
        let log = &mut *self.0.borrow_mut();
        let create = |topic: &NewTopic| {
            if log.topics.named(&topic.name).is_ok() {
                return Creation::Exists;
            }
            let mut settings = TopicSettings::new(topic.partitions);
            settings.others.extend(topic.settings.iter().cloned());
            match log.topics.create(&topic.name, settings) {
                Ok(()) => Creation::Created,
                Err(error) => Creation::Refused(error.to_string()),
            }
        };
        Ok(topics.iter().map(create).collect())
    }

    fn try_create(&mut self, topics: &[NewTopic]) -> Result<Vec<Creation>, TransportError> {
        let there = |topic: &NewTopic| self.0.borrow().topics.named(&topic.name).is_ok();
        let would =
            topics.iter().map(|topic| if there(topic) { Creation::Exists } else { Creation::Created });
        Ok(would.collect())
    }

    fn await_known(&mut self, _: &[(String, u32)], _: u64) -> Result<Vec<String>, TransportError> {
        Ok(Vec::new())
    }

    fn rights(&mut self, _: &str) -> Result<Rights, TransportError> {
        Ok(Rights::default())
    }

    fn members(&mut self, group: &str) -> Result<Vec<GroupMember>, TransportError> {
        let log = self.0.borrow();
        Ok(log.groups.find(group).map_or_else(Vec::new, |group| log.members(group)))
    }

    fn broker_setting(&mut self, name: &str) -> Result<Option<String>, TransportError> {
        let retention_ms = self.0.borrow().groups.offsets_retention_ms;
        Ok(retention_ms.filter(|_| name == "offsets.retention.minutes").map(|ms| (ms / 60_000).to_string()))
    }

    fn may_write_under(&mut self, _: &str) -> MayWrite {
        Box::new(|| Ok(None))
    }

    fn delete_records(&mut self, before: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        before.iter().try_for_each(|(partition, offset)| {
            MemoryLog::delete_records(self, &partition.topic, partition.partition, *offset)
        })
    }
}
