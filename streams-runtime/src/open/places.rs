//! Which partitions belong to a task: those it reads, and those that tell something about it.
//!
//! Knows plans. Does not know what is in a partition.

use crate::task::TaskId;
use crate::topology::{Plan, SubPlan, Topology};
use crate::transport::TopicPartition;

/// The tasks whose leader partition this is.
pub(crate) fn led_by<'p>(plan: &'p Plan, leader: &'p TopicPartition) -> impl Iterator<Item = TaskId> + 'p {
    let led = |sub: &SubPlan| sub.sources[sub.leader].name == leader.topic;
    let subs = plan.subs.iter().enumerate().filter(move |(_, sub)| led(sub));
    subs.map(|(sub, _)| TaskId { sub, partition: leader.partition })
}

/// All partitions of all inputs of an application.
pub(super) fn all_inputs(plan: &Plan) -> Vec<TopicPartition> {
    let sources = plan.subs.iter().flat_map(|sub| &sub.sources);
    let all = sources.flat_map(|source| (0..source.partitions).map(move |n| (source, n)));
    all.map(|(source, partition)| TopicPartition { topic: source.name.clone(), partition }).collect()
}

/// So many partitions of a topic are looked at to see whether anything was ever written there: keys are spread.
const LOOKED_AT: u32 = 16;

/// Partitions of the topics that a task reads or writes, and only this application writes to: those of its changelogs are
/// looked at anyway.
pub(super) fn own_topics(plan: &Plan, topology: &Topology, id: TaskId) -> Vec<TopicPartition> {
    let sub = &plan.subs[id.sub];
    let written = sub.steps.iter().filter_map(|&step| topology.entries()[step].spec.repartition);
    let mut names: Vec<String> = written.map(|repartition| plan.names.internal(repartition.name)).collect();
    names.extend(sub.sources.iter().map(|source| source.name.clone()));
    let topics = plan.internal.iter().filter(|topic| names.contains(&topic.name));
    topics
        .flat_map(|topic| (0..topic.partitions.min(LOOKED_AT)).map(move |n| (topic, n)))
        .map(|(topic, partition)| TopicPartition { topic: topic.name.clone(), partition })
        .collect()
}

/// The partitions a task reads. A topic with fewer partitions than there are tasks has none for the last ones.
pub(super) fn inputs(sub: &SubPlan, partition: u32) -> Vec<TopicPartition> {
    sub.sources
        .iter()
        .filter(|source| partition < source.partitions)
        .map(|source| TopicPartition { topic: source.name.clone(), partition })
        .collect()
}
