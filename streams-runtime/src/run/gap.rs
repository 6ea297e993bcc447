//! Partitions that the group has given to nobody, and how somebody gets them.
//!
//! A cooperative rebalance has two rounds: what a member is to give back is nobody's until it has done so and joins again. One that
//! dies in between and comes back under its static name is given what it was left with, without a rebalance (KIP-345). It does
//! not know that it had anything to give back, so the second round never comes; nobody makes a mistake, and the partitions
//! stand still until somebody joins or leaves.
//!
//! ```text
//! all are somebody's ←──────────────────────────────────┐
//!    │ some are nobody's                                 │
//!    └→ looked at again ──still nobody's──→ a client joins that reads nothing, and leaves
//! ```
//!
//! Its coming and going makes the group share out what is nobody's, and moves nothing else: it subscribes to a topic that nobody
//! reads as a member. The process whose name comes first does it first.
//!
//! Knows the group as it is described. Does not know tasks.

use super::onlooker::follow;
use crate::topology::Plan;
use crate::transport::topics::GroupMember;
use crate::transport::{Consumer, TopicPartition, TransportError};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How often the same is seen before anything is done: a member that takes long to give something back does so meanwhile.
const SEEN: usize = 2;

/// How long the client waits for its share of nothing.
const JOINS: Duration = Duration::from_secs(15);

/// What a look at the group found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Every partition is somebody's.
    Whole,
    /// It is to be looked at again.
    Again,
    /// These have been nobody's for long enough.
    Nobodys(Vec<TopicPartition>),
}

/// What is seen of a group, look by look.
pub(super) struct Gap {
    all: BTreeSet<TopicPartition>,
    /// How the names of this process begin.
    own: String,
    seen: BTreeSet<TopicPartition>,
    times: usize,
    /// How often something was done about it, in vain: each time it is waited twice as long.
    tried: u32,
}

/// So often it is doubled: from seconds to minutes.
const LONGEST: u32 = 6;

impl Gap {
    pub(super) fn new(plan: &Plan, own: String) -> Gap {
        let leaders = plan.subs.iter().map(|sub| &sub.sources[sub.leader]);
        let all = leaders.flat_map(|leader| {
            (0..leader.partitions).map(|partition| TopicPartition { topic: leader.name.clone(), partition })
        });
        Gap { all: all.collect(), own, seen: BTreeSet::new(), times: 0, tried: 0 }
    }

    pub(super) fn look(&mut self, members: &[GroupMember]) -> Look {
        let assigned: BTreeSet<&TopicPartition> =
            members.iter().flat_map(|member| &member.assigned).collect();
        if assigned.is_empty() && !members.is_empty() {
            // Nothing is told of a group that is being rebalanced.
            return Look::Again;
        }
        let is_nobodys = |place: &&TopicPartition| !members.is_empty() && !assigned.contains(place);
        let nobodys: BTreeSet<TopicPartition> = self.all.iter().filter(is_nobodys).cloned().collect();
        self.times = if nobodys == self.seen { self.times + 1 } else { 0 };
        self.seen = nobodys;
        if self.seen.is_empty() {
            self.tried = 0;
            return Look::Whole;
        }
        // All of the members see it; each process waits until those before it have done what they could.
        let mut names: Vec<&str> = members.iter().map(|member| member.client_id.as_str()).collect();
        names.sort_unstable();
        let before = names.iter().take_while(|name| !name.starts_with(&self.own)).count();
        if self.times < (SEEN * (1 + before)) << self.tried {
            return Look::Again;
        }
        (self.times, self.tried) = (0, LONGEST.min(self.tried + 1));
        Look::Nobodys(self.seen.iter().cloned().collect())
    }
}

/// A topic that is there and that no member subscribes to, if there is one.
pub(super) fn bystander(plan: &Plan) -> String {
    let leading = plan.leading();
    let sources = plan.subs.iter().flat_map(|sub| &sub.sources).map(|source| &source.name);
    let mut others = plan.internal.iter().map(|topic| &topic.name).chain(sources);
    let other = others.find(|name| !leading.contains(name)).or(leading.first());
    other.cloned().unwrap_or_default()
}

/// Comes and goes.
///
/// # Errors
/// If the group cannot be joined or left.
pub(super) fn pass_through(mut member: impl Consumer, topic: String) -> Result<(), TransportError> {
    let until = Instant::now() + JOINS;
    member.subscribe(&[topic])?;
    while !member.is_member() && Instant::now() < until {
        follow(&mut member)?;
        member.wait(50);
    }
    member.leave()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::InProcess;
    use crate::prelude::*;
    use crate::transport::Isolation;
    use crate::transport::memory::MemoryLog;
    use crate::transport::topics::Topics;

    #[topic(name = "votes", partitions = 2, key = String, value = String)]
    struct Votes;
    #[ktable(store = "tally", from = Votes, count)]
    struct Tally;
    topology!(Voting = [Tally]);

    fn plan() -> Plan {
        let log = MemoryLog::new();
        log.create_topic("votes", 2).unwrap();
        InProcess::new(&log, "app", "one").start(Voting::graph()).unwrap().plan.clone()
    }

    fn member(client_id: &str, partitions: &[u32]) -> GroupMember {
        let place = |&partition: &u32| TopicPartition { topic: "votes".to_owned(), partition };
        let assigned = partitions.iter().map(place).collect();
        GroupMember { client_id: client_id.to_owned(), host: String::new(), assigned }
    }

    #[test]
    fn what_stays_nobodys_is_told_by_the_first_and_if_it_does_not_by_the_next() {
        let plan = plan();
        let group = [member("app-b-0", &[1]), member("app-a-0", &[])];
        let looks = |own: &str| {
            let mut gap = Gap::new(&plan, own.to_owned());
            std::iter::from_fn(|| Some(gap.look(&group))).take_while(|look| *look == Look::Again).count()
        };
        assert_eq!([looks("app-a-"), looks("app-b-")], [2, 4]);
        let mut gap = Gap::new(&plan, "app-a-".to_owned());
        let last = std::iter::from_fn(|| Some(gap.look(&group))).find(|look| *look != Look::Again);
        let votes_0 = TopicPartition { topic: "votes".to_owned(), partition: 0 };
        assert_eq!(last, Some(Look::Nobodys(vec![votes_0])));
    }

    #[test]
    fn where_it_does_not_help_it_is_tried_less_and_less() {
        let mut gap = Gap::new(&plan(), "app-a-".to_owned());
        let mut looks = |group: &[GroupMember]| {
            1 + std::iter::from_fn(|| Some(gap.look(group))).take_while(|look| *look == Look::Again).count()
        };
        let group = [member("app-a-0", &[1])];
        assert_eq!([(); 4].map(|()| looks(&group)), [3, 4, 8, 16]);
        assert_eq!(looks(&[member("app-a-0", &[0, 1])]), 1);
        assert_eq!(looks(&group), 3);
    }

    #[test]
    fn what_is_under_way_is_waited_for() {
        let mut gap = Gap::new(&plan(), "app-a-".to_owned());
        for _ in 0..5 {
            // First round, second round: the same is never nobody's for long.
            assert_eq!(gap.look(&[member("app-a-0", &[0])]), Look::Again);
            assert_eq!(gap.look(&[member("app-a-0", &[]), member("app-b-0", &[])]), Look::Again);
            assert_eq!(gap.look(&[member("app-a-0", &[0]), member("app-b-0", &[1])]), Look::Whole);
        }
        assert_eq!(gap.look(&[]), Look::Whole, "nobody is there");
    }

    #[test]
    fn who_passes_through_reads_nothing_that_members_read() {
        let log = MemoryLog::new();
        let plan = plan();
        assert_eq!(bystander(&plan), "app-tally-changelog");
        log.create_topic("app-tally-changelog", 2).unwrap();
        pass_through(log.consumer("app", "passes", Isolation::ReadCommitted), bystander(&plan)).unwrap();
        assert!(log.clone().members("app").unwrap().is_empty());
    }
}
