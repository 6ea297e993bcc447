//! Topics on Kafka: what is there, making what is not, deleting what was read.
//!
//! Knows codes and how long a broker may take. Deliberately does not know which topic is a changelog, nor what any of
//! them should be like (`startup`).

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::client::KafkaClients;
use super::deleting::{Before, delete};
use super::errors::{self, Meaning, meaning};
use super::member::named;
use super::noise::essence;
use super::sys::{Client, Code, DescribedMember, Fault, PartitionList, ToMake};
use crate::transport::topics::{
    Cluster, Creation, Found, GroupMember, MayWrite, NewTopic, Operations, Rights, TopicDescription, Topics,
    Unreached,
};
use crate::transport::{TopicPartition, TransportError};

/// How long a broker may take for one request.
const ANSWER_MS: u64 = 30_000;
/// How often is asked again for what takes a moment.
const AGAIN: Duration = Duration::from_millis(50);
/// How often what a client hears is collected while nobody answers.
const LISTEN_MS: u64 = 250;

const UNKNOWN_TOPIC: Code = Code(3);
const REQUEST_TIMED_OUT: Code = Code(7);
const TOPIC_FORBIDDEN: Code = Code(29);
const GROUP_FORBIDDEN: Code = Code(30);
const CLUSTER_FORBIDDEN: Code = Code(31);
const NO_SUCH_GROUP: Code = Code(69);
const TOPIC_EXISTS: Code = Code(36);
const TRANSACTIONS_FORBIDDEN: Code = Code(53);
const ALL_DOWN: Code = Code(-187);
/// `_AUTHENTICATION` and `_SSL`: another attempt ends like the first.
const NEVER: [Code; 2] = [Code(-169), Code(-181)];

/// The client that looks after topics.
pub struct KafkaAdmin {
    client: Rc<Client>,
    clients: KafkaClients,
}

impl KafkaAdmin {
    pub(super) fn new(client: Client, clients: KafkaClients) -> Self {
        KafkaAdmin { client: Rc::new(client), clients }
    }

    /// Which of these topics this client's broker does not know with so many partitions and their leaders.
    fn unknown(&self, topics: &[(String, u32)]) -> Result<Vec<String>, TransportError> {
        let names: Vec<String> = topics.iter().map(|(name, _)| name.clone()).collect();
        let found = self.client.describe_topics(&names, ANSWER_MS).map_err(asking)?;
        let known = |described: &Result<super::sys::Described, Fault>, count: u32| {
            described.as_ref().is_ok_and(|topic| {
                topic.partitions.len() >= count as usize && topic.partitions.iter().all(|p| p.has_leader)
            })
        };
        let missing = topics.iter().zip(&found).filter(|((_, count), found)| !known(found, *count));
        Ok(missing.map(|((name, _), _)| name.clone()).collect())
    }

    /// What came of making topics, or with `only_try` what would come of it.
    fn make(&self, topics: &[NewTopic], only_try: bool) -> Result<Vec<Creation>, TransportError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let mut to_make = Vec::new();
        for topic in topics {
            to_make.push(ToMake {
                name: &topic.name,
                partitions: topic.partitions,
                replicas: topic.replicas.map_or(-1, i32::from),
                settings: &topic.settings,
            });
        }
        let made = self.client.create_topics(&to_make, only_try, ANSWER_MS).map_err(asking)?;
        Ok(made
            .into_iter()
            .map(|made| match made {
                // It took longer than the broker waits for; whether it was made is seen by who looks.
                Ok(()) => Creation::Created,
                Err(fault) if fault.code == REQUEST_TIMED_OUT => Creation::Created,
                Err(fault) if fault.code == TOPIC_EXISTS => Creation::Exists,
                Err(fault) => Creation::Refused(fault.text),
            })
            .collect())
    }

    /// Another client, if a question about a group was not answered in time: this one still looks for whom to ask, and must not
    /// be left to give up by itself (`group_asker` says why).
    fn about_group<T>(&mut self, answered: Result<T, Fault>) -> Result<T, Fault> {
        if answered.as_ref().is_err_and(|fault| fault.code == Code::TIMED_OUT)
            && let Ok(other) = self.clients.admin()
        {
            self.client = other.client;
        }
        answered
    }
}

impl Topics for KafkaAdmin {
    fn reach(&mut self, patience_ms: u64) -> Result<Cluster, Unreached> {
        let start = Instant::now();
        let waited_ms = || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut reasons = Vec::new();
        self.client.listen(true);
        let reached = loop {
            let left = patience_ms.saturating_sub(waited_ms());
            match self.client.brokers(left.min(LISTEN_MS)) {
                Ok(brokers) => {
                    break Ok(Cluster { brokers: u32::try_from(brokers.len()).unwrap_or(u32::MAX) });
                }
                Err(fault) if left == 0 && reasons.is_empty() => reasons.push(fault.text),
                Err(_) => {}
            }
            // Errors come by the way of callbacks, which are run in here.
            self.client.serve(0);
            let heard = self.client.heard();
            let hopeless = heard.iter().any(|fault| NEVER.contains(&fault.code));
            // That none is left follows from the others.
            for fault in heard.iter().filter(|fault| fault.code != ALL_DOWN) {
                let reason = essence(&fault.text).to_owned();
                if !reasons.contains(&reason) {
                    tracing::warn!("no broker answers yet: {reason}");
                    reasons.push(reason);
                }
            }
            if hopeless || left == 0 {
                break Err(Unreached { waited_ms: waited_ms(), reasons });
            }
        };
        self.client.listen(false);
        reached
    }

    fn describe(&mut self, topics: &[String]) -> Result<Vec<Found>, TransportError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let described = self.client.describe_topics(topics, ANSWER_MS).map_err(asking)?;
        let there: Vec<String> = topics
            .iter()
            .zip(&described)
            .filter(|(_, found)| found.is_ok())
            .map(|(name, _)| name.clone())
            .collect();
        let mut settings = match there.is_empty() {
            true => Vec::new(),
            false => self.client.describe_settings(&there, ANSWER_MS).map_err(asking)?,
        }
        .into_iter();
        let mut found = Vec::new();
        for (name, described) in topics.iter().zip(described) {
            found.push(match described {
                Err(fault) if fault.code == UNKNOWN_TOPIC => Found::Missing,
                Err(fault) if fault.code == TOPIC_FORBIDDEN => Found::Forbidden(fault.text),
                Err(fault) => return Err(errors::error("describing a topic", name, &fault)),
                Ok(topic) => {
                    let mut leaderless: Vec<u32> =
                        topic.partitions.iter().filter(|p| !p.has_leader).map(|p| p.number).collect();
                    leaderless.sort_unstable();
                    // Settings may be hidden from who may read and write.
                    let settings = settings.next().and_then(Result::ok);
                    Found::Topic(TopicDescription {
                        id: topic.id,
                        partitions: u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX),
                        replicas: topic.partitions.iter().map(|p| p.replicas).min().unwrap_or(0),
                        leaderless,
                        settings: settings.map(|settings| settings.into_iter().collect()),
                        rights: topic.operations.map(Operations::numbered),
                    })
                }
            });
        }
        Ok(found)
    }

    fn create(&mut self, topics: &[NewTopic]) -> Result<Vec<Creation>, TransportError> {
        self.make(topics, false)
    }

    fn try_create(&mut self, topics: &[NewTopic]) -> Result<Vec<Creation>, TransportError> {
        self.make(topics, true)
    }
    fn await_known(
        &mut self,
        topics: &[(String, u32)],
        patience_ms: u64,
    ) -> Result<Vec<String>, TransportError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let until = Instant::now() + Duration::from_millis(patience_ms);
        // A client that has met nobody else asks the broker it is given.
        for broker in self.client.brokers(ANSWER_MS).map_err(asking)? {
            let mut one = self.clients.admin_of(&broker)?;
            if one.reach(LISTEN_MS * 8).is_err() {
                // Who cannot be reached tells nobody anything out of date either.
                continue;
            }
            loop {
                let unknown = one.unknown(topics)?;
                if unknown.is_empty() {
                    break;
                }
                if Instant::now() >= until {
                    return Ok(unknown);
                }
                std::thread::sleep(AGAIN);
            }
        }
        Ok(Vec::new())
    }

    fn rights(&mut self, group: &str) -> Result<Rights, TransportError> {
        let answered = self.client.group_operations(group, ANSWER_MS);
        let group = match self.about_group(answered) {
            Ok(operations) => operations.map(Operations::numbered),
            Err(fault) if fault.code == GROUP_FORBIDDEN => Some(Operations::default()),
            // A group that nobody has joined yet, a coordinator that is being elected: the join will tell.
            Err(_) => None,
        };
        let cluster = self.client.cluster_operations(ANSWER_MS).ok().flatten();
        Ok(Rights { group, cluster: cluster.map(Operations::numbered) })
    }

    fn members(&mut self, group: &str) -> Result<Vec<GroupMember>, TransportError> {
        let until = Instant::now() + Duration::from_millis(ANSWER_MS);
        loop {
            let answered = self.client.group_members(group, ANSWER_MS);
            match members(self.about_group(answered)) {
                // A coordinator that is being elected.
                Err(fault) if meaning(fault.code) == Meaning::Later && Instant::now() < until => {
                    std::thread::sleep(AGAIN);
                }
                answered => return answered.map_err(|fault| errors::error(ASKING_FOR_MEMBERS, "", &fault)),
            }
        }
    }

    fn broker_setting(&mut self, name: &str) -> Result<Option<String>, TransportError> {
        match self.client.broker_settings(ANSWER_MS) {
            Ok(settings) => Ok(settings.into_iter().find(|(n, _)| n == name).map(|(_, value)| value)),
            Err(fault) if fault.code == CLUSTER_FORBIDDEN => Ok(None),
            Err(fault) => Err(errors::error("asking for a broker's settings", "", &fault)),
        }
    }

    fn may_write_under(&mut self, transactional_id: &str) -> MayWrite {
        let (clients, id) = (self.clients.clone(), transactional_id.to_owned());
        // It takes some 60 ms: other questions are asked meanwhile.
        let asking = std::thread::spawn(move || may_write_under(&clients, &id));
        Box::new(move || asking.join().unwrap_or(Ok(None)))
    }

    fn delete_records(&mut self, before: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        let ask = |before: &[Before]| {
            let mut list = PartitionList::new();
            for (partition, offset) in before {
                list.push_at(&partition.topic, partition.partition.cast_signed(), *offset);
            }
            self.client.delete_records(&list, ANSWER_MS)
        };
        delete(before, ask, |topics| self.client.describe_topics(topics, ANSWER_MS).map(drop))
    }
}

pub(super) const ASKING_FOR_MEMBERS: &str = "asking who is in the group";

/// Who is in a group, if it is there and may be known of.
pub(super) fn members(told: Result<Vec<DescribedMember>, Fault>) -> Result<Vec<GroupMember>, Fault> {
    let member = |DescribedMember { client_id, host, assigned }| GroupMember {
        client_id,
        host,
        assigned: named(assigned),
    };
    match told {
        Ok(members) => Ok(members.into_iter().map(member).collect()),
        Err(fault) if fault.code == NO_SUCH_GROUP || fault.code == GROUP_FORBIDDEN => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}

/// Brokers describe what is allowed with topics, groups and the cluster; of an id they tell only who takes it over.
fn may_write_under(clients: &KafkaClients, id: &str) -> Result<Option<bool>, TransportError> {
    let (producer, _) = clients.writer(Some(id))?;
    // A client that has met a broker asks it at once; another one looks again after half a second.
    let _ = producer.brokers(ANSWER_MS);
    Ok(match producer.init_transactions(ANSWER_MS) {
        Ok(()) => Some(true),
        Err(fault) if fault.code == TRANSACTIONS_FORBIDDEN => Some(false),
        // Another instance that starts as well and was faster, a coordinator that is being elected.
        Err(_) => None,
    })
}

fn asking(fault: Fault) -> TransportError {
    errors::error("asking for topics", "", &fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_names() {
        for (code, name) in [
            (UNKNOWN_TOPIC, "UNKNOWN_TOPIC_OR_PART"),
            (REQUEST_TIMED_OUT, "REQUEST_TIMED_OUT"),
            (TOPIC_FORBIDDEN, "TOPIC_AUTHORIZATION_FAILED"),
            (GROUP_FORBIDDEN, "GROUP_AUTHORIZATION_FAILED"),
            (CLUSTER_FORBIDDEN, "CLUSTER_AUTHORIZATION_FAILED"),
            (NO_SUCH_GROUP, "GROUP_ID_NOT_FOUND"),
            (TOPIC_EXISTS, "TOPIC_ALREADY_EXISTS"),
            (TRANSACTIONS_FORBIDDEN, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"),
            (ALL_DOWN, "_ALL_BROKERS_DOWN"),
            (Code::TIMED_OUT, "_TIMED_OUT"),
            (NEVER[0], "_AUTHENTICATION"),
            (NEVER[1], "_SSL"),
        ] {
            assert_eq!(code.name(), name);
        }
    }

    #[test]
    fn nobody_answers_and_who_asked_learns_why() {
        let settings = super::super::ClientSettings {
            brokers: "127.0.0.1:1".to_owned(),
            ..super::super::ClientSettings::default()
        };
        let mut admin = KafkaClients::new(settings).admin().unwrap();
        let unreached = admin.reach(600).unwrap_err();
        assert!(unreached.waited_ms >= 600, "{unreached:?}");
        let refused = "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused";
        assert_eq!(unreached.reasons, [refused], "once, whatever else librdkafka says");
    }
}
