//! The seam to the topics themselves, which there are, what they are like, making what is missing; and to who reads them.
//!
//! Used before a group is joined, and now and then while an application runs; nothing of it is on the way of a record.
//! Two implementations: the in-process log, and `kafka::Admin`.
//!
//! It knows names, partition counts, settings and rights. It deliberately does not know which topic is a changelog, nor
//! what any of them should be like (`startup`).

use super::{TopicPartition, TransportError};
use std::collections::BTreeMap;

/// What looks after the topics of a log.
pub trait Topics {
    /// Waits until a broker answers, at most so long.
    ///
    /// # Errors
    /// If none did: with everything that was heard meanwhile.
    fn reach(&mut self, patience_ms: u64) -> Result<Cluster, Unreached>;

    /// What there is under these names, in their order. Nothing is created by asking.
    fn describe(&mut self, topics: &[String]) -> Result<Vec<Found>, TransportError>;

    /// Creates topics; what came of it, in their order. Some may be made although others were refused.
    fn create(&mut self, topics: &[NewTopic]) -> Result<Vec<Creation>, TransportError>;

    /// What would come of making these topics, in their order; nothing is made.
    fn try_create(&mut self, topics: &[NewTopic]) -> Result<Vec<Creation>, TransportError>;

    /// Waits until every broker knows these topics with at least so many partitions, each with a leader. Returns those
    /// of which that is not so after `patience_ms`.
    fn await_known(
        &mut self,
        topics: &[(String, u32)],
        patience_ms: u64,
    ) -> Result<Vec<String>, TransportError>;

    /// What this principal may do with the group and with the cluster.
    fn rights(&mut self, group: &str) -> Result<Rights, TransportError>;

    /// Who is in a group now, those that joined and were given nothing yet included. None if there is no such group, or
    /// this principal may not know of it: then it may not join it either, which [`rights`](Topics::rights) tells.
    fn members(&mut self, group: &str) -> Result<Vec<GroupMember>, TransportError>;

    /// The value of a setting that the brokers have in common, as one of them tells; `None` if it may not be read or
    /// there is none.
    fn broker_setting(&mut self, name: &str) -> Result<Option<String>, TransportError>;

    /// Asks whether this principal may write in transactions under this id; what comes back waits for the answer. Whoever
    /// has the id loses it: it must be one that nobody writes under.
    fn may_write_under(&mut self, transactional_id: &str) -> MayWrite;

    /// Deletes the records before an offset of each partition.
    ///
    /// # Errors
    /// The first refusal; the others may be deleted all the same.
    fn delete_records(&mut self, before: &[(TopicPartition, i64)]) -> Result<(), TransportError>;
}

/// An answer that is on its way; `None` if the log does not tell.
pub type MayWrite = Box<dyn FnOnce() -> Result<Option<bool>, TransportError>>;

/// The brokers, as one of them told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// How many there are now.
    pub brokers: u32,
}

/// No broker answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// How long was waited.
    pub waited_ms: u64,
    /// What was heard, in the client's words: which address, and why. None twice.
    pub reasons: Vec<String>,
}

/// What is under the name of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// It may not even be described; the broker's words.
    Forbidden(String),
    /// A topic.
    Topic(TopicDescription),
}

/// A topic as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its identity: one made anew under the same name has another. 0 if the log does not tell.
    pub id: u128,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many brokers keep it; of its partitions, the one with the fewest.
    pub replicas: u32,
    /// Partitions that nobody can read or write now.
    pub leaderless: Vec<u32>,
    /// All its settings, defaults included; `None` if they may not be read.
    pub settings: Option<BTreeMap<String, String>>,
    /// What this principal may do with it; `None` if the log does not tell.
    pub rights: Option<Operations>,
}

impl TopicDescription {
    /// The value of a setting, if it may be read.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.as_ref()?.get(name).map(String::as_str)
    }
}

/// A topic that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// How many brokers keep it; `None`: they decide.
    pub replicas: Option<u16>,
    /// Its settings; what is not among them is the brokers' default.
    pub settings: Vec<(String, String)>,
}

/// What came of making a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It is made.
    Created,
    /// Somebody made it before, perhaps otherwise.
    Exists,
    /// The broker will not; its words.
    Refused(String),
}

/// What this principal may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// With the group; `None` if the log does not tell.
    pub group: Option<Operations>,
    /// With the cluster; `None` if the log does not tell.
    pub cluster: Option<Operations>,
}

/// A member of a group, as the group describes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupMember {
    /// What its client calls itself. Of a static member under the classic protocol: what the client called itself that
    /// was the first to join under its name.
    pub client_id: String,
    /// Where it is, in the words of the log.
    pub host: String,
    /// What the group has given it. Empty while the group is being rebalanced, and where the log does not tell.
    pub assigned: Vec<TopicPartition>,
}

/// Something that can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// To read records, or to be a member of a group.
    Read = 3,
    /// To write records.
    Write = 4,
    /// To create topics.
    Create = 5,
    /// To delete topics and records.
    Delete = 6,
    /// To change settings.
    Alter = 7,
    /// To see that it is there.
    Describe = 8,
}

impl Operation {
    /// As Kafka's tools spell it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Read => "Read",
            Operation::Write => "Write",
            Operation::Create => "Create",
            Operation::Delete => "Delete",
            Operation::Alter => "Alter",
            Operation::Describe => "Describe",
        }
    }
}

/// A set of operations, by Kafka's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations(u32);

impl Operations {
    /// The set with these numbers of Kafka's (`AclOperation`).
    pub fn numbered(numbers: impl IntoIterator<Item = u8>) -> Operations {
        Operations(numbers.into_iter().filter(|number| *number < 32).fold(0, |set, number| set | 1 << number))
    }

    /// True if the operation is among them.
    pub fn allow(self, operation: Operation) -> bool {
        /// `AclOperation.ALL`.
        const ALL: u8 = 2;
        self.0 & (1 << operation as u8 | 1 << ALL) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_operations_allows_what_is_in_it_and_all_allows_everything() {
        let reader = Operations::numbered([3, 8, 200]);
        assert!(reader.allow(Operation::Read) && reader.allow(Operation::Describe));
        assert!(!reader.allow(Operation::Write));
        assert!(Operations::numbered([2]).allow(Operation::Create));
        assert!(!Operations::default().allow(Operation::Describe));
    }
}
