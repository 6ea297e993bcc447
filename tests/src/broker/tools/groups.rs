//! Consumer groups: who is in, who has what, how far they are.
//!
//! Members are those of the classic protocol, which the library can ask for.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::{ANSWER, PATIENCE, config, topic, until};

/// A group of the classic protocol as its coordinator describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`.
    pub state: String,
    /// The name of the assignor they agreed on.
    pub protocol: String,
    /// Those who are in.
    pub members: Vec<Member>,
}

/// One member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Given by the coordinator.
    pub id: String,
    /// Chosen by the client.
    pub client_id: String,
    /// Topics and partitions the leader gave it.
    pub assigned: BTreeSet<(String, i32)>,
}

/// A group, if the coordinator knows it.
#[track_caller]
pub fn group(bootstrap: &str, name: &str) -> Option<Group> {
    let client: BaseConsumer = config(bootstrap).create().expect("settings are valid");
    let list =
        until("a description of a group", PATIENCE, || match client.fetch_group_list(Some(name), ANSWER) {
            // The first question of all makes the topic that groups live in.
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::CoordinatorLoadInProgress) => {
                None
            }
            answer => Some(answer.expect("the broker describes a group")),
        });
    let found = list.groups().iter().find(|group| group.name() == name && group.state() != "Dead")?;
    let members = found.members().iter().map(|member| Member {
        id: member.id().to_owned(),
        client_id: member.client_id().to_owned(),
        assigned: member.assignment().and_then(assigned).unwrap_or_default(),
    });
    Some(Group {
        state: found.state().to_owned(),
        protocol: found.protocol().to_owned(),
        members: members.collect(),
    })
}

/// The offsets a group has committed for a topic; partitions without one are left out.
#[track_caller]
pub fn committed(bootstrap: &str, group: &str, name: &str) -> BTreeMap<i32, i64> {
    let partitions = topic(bootstrap, name).unwrap_or_else(|| panic!("there is no topic {name}")).partitions;
    let mut asked = TopicPartitionList::new();
    for partition in 0..partitions {
        asked.add_partition(name, i32::try_from(partition).expect("partitions are counted in 32 bits"));
    }
    let mut config = config(bootstrap);
    // An offset of a transaction that is just being completed is waited for.
    config.set("group.id", group).set("isolation.level", "read_committed");
    let client: BaseConsumer = config.create().expect("settings are valid");
    let answer = client.committed_offsets(asked, ANSWER).expect("the broker knows the offsets of a group");
    let elements = answer.elements();
    let known = elements.iter().filter_map(|element| match element.offset() {
        Offset::Offset(offset) => Some((element.partition(), offset)),
        _ => None,
    });
    known.collect()
}

/// An assignment as the consumer protocol writes it: version, then topics with their partitions.
fn assigned(bytes: &[u8]) -> Option<BTreeSet<(String, i32)>> {
    let mut rest = bytes.get(2..)?;
    let mut assigned = BTreeSet::new();
    for _ in 0..number(&mut rest)? {
        let length = usize::from(u16::from_be_bytes(take(&mut rest)?));
        let (name, behind) = rest.split_at_checked(length)?;
        rest = behind;
        let name = String::from_utf8_lossy(name).into_owned();
        for _ in 0..number(&mut rest)? {
            assigned.insert((name.clone(), number(&mut rest)?));
        }
    }
    Some(assigned)
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    take(rest).map(i32::from_be_bytes)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}
