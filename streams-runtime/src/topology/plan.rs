//! How many partitions every topic has and, from that, how many tasks there are.
//!
//! Knows the graph and the counts a log reports; checks that they fit and says everything that does not at once.

use super::{Names, SubTopology, TopicRef, Topology};
use crate::operators::changelog_topic;
use crate::stream::StoreSpec;
use std::collections::{BTreeMap, BTreeSet};

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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topics do not fit the topology `{topology}`:\n  {}", problems.join("\n  "))]
pub struct PlanError {
    /// The topology.
    pub topology: &'static str,
    /// One sentence each.
    pub problems: Vec<String>,
}

impl Plan {
    /// Counts every topic. `count` says how many partitions the log has for a name, `None` if it does not have it.
    ///
    /// # Errors
    /// If a topic is missing, has another count than declared, or inputs of one task have unlike counts.
    pub fn of(
        topology: &Topology,
        application: &str,
        count: impl Fn(&str, Option<u32>) -> Option<u32>,
    ) -> Result<Plan, PlanError> {
        let names = topology.names(application);
        let mut problems = Vec::new();
        let mut counts = BTreeMap::new();
        let mut declared = BTreeSet::new();
        for entry in topology.entries() {
            let spec = &entry.spec;
            for topic in spec.reads.iter().filter_map(|read| read.topic).chain(spec.to) {
                declared.insert(topic.name);
                let name = names.external(topic.name);
                match (count(name, topic.partitions), topic.partitions) {
                    (None, _) => problems.push(format!("topic `{name}` does not exist")),
                    (Some(live), Some(declared)) if live != declared => problems.push(format!(
                        "topic `{name}` has {live} partitions, but is declared with {declared}"
                    )),
                    (Some(live), _) => drop(counts.insert(TopicRef::External(topic.name), live)),
                }
            }
        }
        problems.extend(names.misplaced(&declared));
        count_internal(topology, &mut counts);
        let planned = |topic: &TopicRef| PlannedTopic {
            topic: topic.clone(),
            name: topic.name(&names),
            partitions: counts.get(topic).copied().unwrap_or(1),
        };
        let subs: Vec<SubPlan> = topology
            .sub_topologies()
            .iter()
            .map(|sub| sub_plan(topology, sub, application, sub.sources.iter().map(planned).collect()))
            .collect();
        for sub in &subs {
            problems.extend(unlike_joined(topology, sub, &counts, &topology.names("...")));
            problems.extend(unread(sub));
        }
        problems.sort();
        problems.dedup();
        if !problems.is_empty() {
            return Err(PlanError { topology: topology.name(), problems });
        }
        let mut internal: Vec<PlannedTopic> =
            counts.keys().filter(|t| matches!(t, TopicRef::Internal(_))).map(planned).collect();
        for sub in &subs {
            for (store, name) in sub.stores.iter().filter(|(store, _)| store.changelog) {
                let topic = TopicRef::Internal(store.name);
                internal.push(PlannedTopic { topic, name: name.clone(), partitions: sub.tasks });
            }
        }
        let external = counts.keys().filter(|t| matches!(t, TopicRef::External(_))).map(planned).collect();
        Ok(Plan { application: application.to_owned(), names, subs, internal, external })
    }
}

/// Repartition topics take their declared count, else that of the declared topics they are read together with, else
/// the largest count among what their step reads (as Kafka Streams' `RepartitionTopics`). They may feed one another,
/// so this goes on until nothing changes.
fn count_internal(topology: &Topology, counts: &mut BTreeMap<TopicRef, u32>) {
    for entry in topology.entries() {
        if let Some(repartition) = &entry.spec.repartition
            && let Some(n) = repartition.partitions
        {
            counts.insert(TopicRef::Internal(repartition.name), n);
        }
    }
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

fn sub_plan(
    topology: &Topology,
    sub: &SubTopology,
    application: &str,
    sources: Vec<PlannedTopic>,
) -> SubPlan {
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
            declared(&a.topic).cmp(&declared(&b.topic)).then_with(|| b.name.cmp(&a.name))
        })
        .unwrap_or(0);
    let stores = sub
        .steps
        .iter()
        .filter_map(|&i| topology.entries()[i].spec.store)
        .map(|store| (store, changelog_topic(application, store.name)))
        .collect();
    SubPlan {
        steps: sub.steps.clone(),
        tasks: sources.iter().map(|topic| topic.partitions).max().unwrap_or(0),
        sources,
        leader,
        stores,
    }
}

/// Partitions that no task would get: a group shares out those of the leader, and the other inputs follow it.
fn unread(sub: &SubPlan) -> Option<String> {
    let leader = sub.sources.get(sub.leader)?;
    let wider = sub.sources.iter().find(|source| source.partitions > leader.partitions)?;
    Some(format!(
        "`{}` has {} partitions, but is read together with `{}`, which leads, has {}, and is the one that is shared \
         out: declare `partitions = {}` for it",
        wider.name, wider.partitions, leader.name, leader.partitions, wider.partitions
    ))
}

/// Joins whose sides have unlike counts: what `cargo check` could not see because a count was not declared.
fn unlike_joined(
    topology: &Topology,
    sub: &SubPlan,
    counts: &BTreeMap<TopicRef, u32>,
    names: &Names,
) -> Vec<String> {
    let mut problems = Vec::new();
    for &i in &sub.steps {
        let spec = &topology.entries()[i].spec;
        let Some(join) = &spec.joins else { continue };
        let sides =
            spec.reads.iter().chain([join]).flat_map(|read| origins(topology, read)).collect::<Vec<_>>();
        for pair in sides.windows(2) {
            if let (Some(a), Some(b)) = (counts.get(&pair[0]), counts.get(&pair[1]))
                && a != b
            {
                problems.push(format!(
                    "`{}` joins topics of unlike partitions: `{}` has {a} and `{}` has {b}",
                    spec.id.name,
                    pair[0].name(names),
                    pair[1].name(names),
                ));
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
