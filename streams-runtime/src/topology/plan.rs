//! How many partitions every topic has and, from that, how many tasks there are.
//!
//! Knows the graph and the counts a log reports; checks that they fit and says everything that does not at once.

use super::{Names, SubTopology, TopicRef, Topology};
use crate::mutants::mutant;
use crate::stream::StoreSpec;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A topic with its count.
#[derive(Clone, Debug)]
pub struct PlannedTopic {
    /// The topic.
    pub topic: TopicRef,
    /// What the log calls it.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
}

/// A sub-topology with its topics counted.
#[derive(Clone, Debug)]
pub struct SubPlan {
    /// Positions in the topology's list.
    pub steps: Vec<usize>,
    /// What it reads. Partition `p` of each belongs to task `p`.
    pub sources: Vec<PlannedTopic>,
    /// Which of the sources a group member subscribes to; the others follow it. A function of the topology alone
    /// (declared count, then name), never of counts the log reports: members must agree while a topic grows.
    pub leader: usize,
    /// How many tasks it has.
    pub tasks: u32,
    /// The stores it keeps, with the names of their changelogs.
    pub stores: Vec<(StoreSpec, String)>,
}

/// What an application needs of the log.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its id, which is its consumer group as well.
    pub application: String,
    /// What the log calls its topics.
    pub names: Names,
    /// Its sub-topologies.
    pub subs: Vec<SubPlan>,
    /// Topics it makes itself: repartition topics and changelogs.
    pub internal: Vec<PlannedTopic>,
    /// Topics that must be there.
    pub external: Vec<PlannedTopic>,
}

/// What does not fit, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The topology.
    pub topology: &'static str,
    /// All of it.
    pub problems: Vec<PlanProblem>,
}

impl std::error::Error for PlanError {}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the topics do not fit the topology `{}`:", self.topology)?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// One thing that does not fit. Sorted by kind, then by topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum PlanProblem {
    /// A topic has another count than declared.
    #[error("topic `{topic}` has {live} partitions, but is declared with {declared}")]
    Count {
        /// The topic.
        topic: String,
        /// What the log says.
        live: u32,
        /// What the declaration says.
        declared: u32,
    },
    /// A topic is not there.
    #[error("topic `{topic}` does not exist")]
    Missing {
        /// The topic.
        topic: String,
        /// How many partitions it is declared to have.
        declared: Option<u32>,
    },
    /// Inputs of a join have unlike counts.
    #[error(
        "`{step}` joins topics of unlike partitions: `{}` has {} and `{}` has {}",
        left.0, left.1, right.0, right.1
    )]
    Joined {
        /// The step.
        step: &'static str,
        /// One input and its count.
        left: (String, u32),
        /// The other one.
        right: (String, u32),
    },
    /// Partitions that no task would get: a group shares out those of the leader, and the other inputs follow it.
    #[error(
        "`{topic}` has {partitions} partitions, but is read together with `{leader}`, which leads, has \
         {leads}, and is the one that is shared out: declare `partitions = {partitions}` for it"
    )]
    Unread {
        /// The topic that is too wide.
        topic: String,
        /// How many partitions it has.
        partitions: u32,
        /// The topic that is shared out.
        leader: String,
        /// How many partitions that one has.
        leads: u32,
    },
    /// A name was given to a topic that the topology does not have.
    #[error("topic `{topic}` is to be called `{name}`, but no step reads or writes it")]
    Unknown {
        /// The topic as it is declared.
        topic: &'static str,
        /// What it was to be called.
        name: String,
    },
    /// Two topics would be one.
    #[error("two topics are to be called `{name}`, one of them `{topic}`")]
    Shared {
        /// The topic that was given the name, as it is declared.
        topic: &'static str,
        /// What both are called.
        name: String,
    },
}

impl Plan {
    /// Counts every topic. `count` says how many partitions the log has for a declared topic, `None` if it does not
    /// have it; internal topics are counted by what they are made of.
    ///
    /// # Errors
    /// If a topic is missing, has another count than declared, or inputs of one task have unlike counts.
    pub fn of(
        topology: &Topology,
        application: &str,
        count: impl Fn(&str, Option<u32>) -> Option<u32>,
    ) -> Result<Plan, PlanError> {
        match Plan::with_problems(topology, application, count, |_| None) {
            (plan, problems) if problems.is_empty() => Ok(plan),
            (_, problems) => Err(PlanError { topology: topology.name(), problems }),
        }
    }

    /// Counts every topic, internal ones too: a repartition topic that is there has the count it has, whatever this
    /// instance would have made of it. A missing declared topic is taken to have the count it is declared with, or 1.
    pub fn with_problems(
        topology: &Topology,
        application: &str,
        count: impl Fn(&str, Option<u32>) -> Option<u32>,
        internal: impl Fn(&str) -> Option<u32>,
    ) -> (Plan, Vec<PlanProblem>) {
        let names = topology.names(application);
        let mut problems = Vec::new();
        let mut counts = BTreeMap::new();
        let mut there = BTreeSet::new();
        for entry in topology.entries() {
            let spec = &entry.spec;
            for topic in spec.reads.iter().filter_map(|read| read.topic).chain(spec.to) {
                there.insert(topic.name);
                let (name, declared) = (names.external(topic.name).to_owned(), topic.partitions);
                match (count(&name, declared), declared) {
                    (None, _) => problems.push(PlanProblem::Missing { topic: name, declared }),
                    (Some(live), Some(declared)) if live != declared => {
                        problems.push(PlanProblem::Count { topic: name, live, declared });
                    }
                    (Some(live), _) => drop(counts.insert(TopicRef::External(topic.name), live)),
                }
            }
        }
        problems.extend(misplaced(&names, &there));
        for step in topology.entries().iter().filter_map(|entry| entry.spec.repartition) {
            let topic = TopicRef::Internal(step.name);
            let name = topic.name(&names);
            match (internal(&name), step.partitions) {
                (Some(live), Some(declared)) if live != declared => {
                    problems.push(PlanProblem::Count { topic: name, live, declared });
                }
                (live, declared) => drop(live.or(declared).map(|count| counts.insert(topic, count))),
            }
        }
        count_internal(topology, &mut counts);
        let planned = |topic: &TopicRef| PlannedTopic {
            topic: topic.clone(),
            name: topic.name(&names),
            partitions: counts.get(topic).copied().unwrap_or(1),
        };
        let subs: Vec<SubPlan> = topology
            .sub_topologies()
            .iter()
            .map(|sub| sub_plan(topology, sub, &names, sub.sources.iter().map(planned).collect()))
            .collect();
        for sub in &subs {
            problems.extend(unlike_joined(topology, &names, sub, &counts));
            problems.extend(unread(sub));
        }
        problems.sort();
        problems.dedup();
        let mut internal: Vec<PlannedTopic> =
            counts.keys().filter(|t| matches!(t, TopicRef::Internal(_))).map(planned).collect();
        for sub in &subs {
            for (store, name) in sub.stores.iter().filter(|(store, _)| store.changelog) {
                let topic = TopicRef::Internal(store.name);
                internal.push(PlannedTopic { topic, name: name.clone(), partitions: sub.tasks });
            }
        }
        let external = counts.keys().filter(|t| matches!(t, TopicRef::External(_))).map(planned).collect();
        (Plan { application: application.to_owned(), names, subs, internal, external }, problems)
    }

    /// Which topic leads each input: `(input, leader)`, sorted. Members of one group must agree on it, or a partition
    /// would be read twice or by nobody.
    pub fn leaders(&self) -> Vec<(&str, &str)> {
        let mut leaders = Vec::new();
        for sub in &self.subs {
            if let Some(leader) = sub.sources.get(sub.leader) {
                leaders.extend(sub.sources.iter().map(|source| (source.name.as_str(), leader.name.as_str())));
            }
        }
        leaders.sort_unstable();
        leaders
    }

    /// The topic that leads, of each sub-topology: what members subscribe to.
    pub fn leading(&self) -> Vec<String> {
        self.subs.iter().map(|sub| sub.sources[sub.leader].name.clone()).collect()
    }

    /// A hash of [`leaders`](Plan::leaders), the same in every build and on every machine: members tell it each other
    /// in their client ids.
    pub fn leaders_hash(&self) -> u64 {
        // Names of topics have no spaces.
        let spelt: Vec<String> =
            self.leaders().iter().map(|(topic, leader)| format!("{topic} {leader}")).collect();
        crate::stream::hash(&spelt.join("\n"))
    }
}

/// Repartition topics without a count take that of the declared topics they are read together with, else
/// the largest count among what their step reads (as Kafka Streams' `RepartitionTopics`). They may feed one another,
/// so this goes on until nothing changes.
fn count_internal(topology: &Topology, counts: &mut BTreeMap<TopicRef, u32>) {
    let subs = topology.sub_topologies();
    let largest = |sub: &SubTopology, counts: &BTreeMap<TopicRef, u32>| {
        sub.sources.iter().filter_map(|topic| counts.get(topic)).max().copied()
    };
    loop {
        let mut changed = false;
        for writer in subs {
            for topic in writer.sinks.iter().filter(|t| matches!(t, TopicRef::Internal(_))) {
                if counts.contains_key(topic) {
                    continue;
                }
                let partners =
                    subs.iter().find(|sub| sub.sources.contains(topic)).and_then(|r| largest(r, counts));
                if let Some(n) = partners.or_else(|| largest(writer, counts)) {
                    counts.insert(topic.clone(), n);
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}

/// Names that were given to topics which are not there, and names that two topics share.
fn misplaced(names: &Names, topics: &BTreeSet<&'static str>) -> Vec<PlanProblem> {
    let mut problems = Vec::new();
    for (topic, name) in names.given() {
        if !topics.contains(topic) {
            problems.push(PlanProblem::Unknown { topic, name: name.to_owned() });
        } else if topics.iter().filter(|topic| names.external(topic) == name).count() > 1 {
            problems.push(PlanProblem::Shared { topic, name: name.to_owned() });
        }
    }
    problems
}

fn sub_plan(topology: &Topology, sub: &SubTopology, names: &Names, sources: Vec<PlannedTopic>) -> SubPlan {
    let declared = |topic: &TopicRef| {
        let reads = topology.entries().iter().flat_map(|entry| entry.spec.reads);
        let mut declared = reads.filter_map(|read| match topic {
            TopicRef::External(name) => read.topic.filter(|t| t.name == *name).and_then(|t| t.partitions),
            TopicRef::Internal(step) => {
                read.repartition.filter(|r| r.name == *step).and_then(|r| r.partitions)
            }
        });
        declared.next().unwrap_or(0)
    };
    let leader = (0..sources.len())
        .max_by(|&a, &b| {
            let (a, b) = (&sources[a], &sources[b]);
            if mutant!(LeaderByLiveCount) {
                return a.partitions.cmp(&b.partitions).then_with(|| b.name.cmp(&a.name));
            }
            declared(&a.topic).cmp(&declared(&b.topic)).then_with(|| b.name.cmp(&a.name))
        })
        .unwrap_or(0);
    let stores = sub
        .steps
        .iter()
        .filter_map(|&i| topology.entries()[i].spec.store)
        .map(|store| (store, names.changelog(store.name)))
        .collect();
    SubPlan {
        steps: sub.steps.clone(),
        tasks: sources.iter().map(|topic| topic.partitions).max().unwrap_or(0),
        sources,
        leader,
        stores,
    }
}

fn unread(sub: &SubPlan) -> Option<PlanProblem> {
    let leader = sub.sources.get(sub.leader)?;
    let wider = sub.sources.iter().find(|source| source.partitions > leader.partitions)?;
    Some(PlanProblem::Unread {
        topic: wider.name.clone(),
        partitions: wider.partitions,
        leader: leader.name.clone(),
        leads: leader.partitions,
    })
}

/// Joins whose sides have unlike counts: what `cargo check` could not see because a count was not declared.
fn unlike_joined(
    topology: &Topology,
    names: &Names,
    sub: &SubPlan,
    counts: &BTreeMap<TopicRef, u32>,
) -> Vec<PlanProblem> {
    let mut problems = Vec::new();
    for &i in &sub.steps {
        let spec = &topology.entries()[i].spec;
        let Some(join) = &spec.joins else { continue };
        let sides =
            spec.reads.iter().chain([join]).flat_map(|read| origins(topology, read)).collect::<Vec<_>>();
        for pair in sides.windows(2) {
            if let (Some(&a), Some(&b)) = (counts.get(&pair[0]), counts.get(&pair[1]))
                && a != b
            {
                problems.push(PlanProblem::Joined {
                    step: spec.id.name,
                    left: (pair[0].name(names), a),
                    right: (pair[1].name(names), b),
                });
            }
        }
    }
    problems
}

/// The topics whose partitions a stream is spread over.
fn origins(topology: &Topology, read: &crate::stream::Read) -> Vec<TopicRef> {
    if let Some(topic) = super::topic_of(read) {
        return vec![topic];
    }
    let step = topology.entries().iter().find(|entry| entry.spec.id.hash == read.id.hash);
    step.map(|entry| entry.spec.reads.iter().flat_map(|read| origins(topology, read)).collect())
        .unwrap_or_default()
}
