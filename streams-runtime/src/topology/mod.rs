//! The graph as plain data: sub-topologies, the topics between them, how many tasks there are.
//!
//! Made from what the steps say of themselves ([`NodeSpec`]); knows nothing that runs. A sub-topology is a largest
//! set of steps that hand records to one another without a topic in between, look into one another's tables, or read
//! the same topic (as `InternalTopologyBuilder#makeNodeGroups`).

mod describe;
mod growth;
mod plan;

pub use growth::Growth;
pub use plan::{Plan, PlanError, PlanProblem, PlannedTopic, SubPlan};

pub use crate::names::Names;
use crate::stream::{NodeSpec, Read};
use crate::wiring::Wiring;
use std::collections::BTreeMap;

/// A step in the list of a topology.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What it says of itself.
    pub spec: NodeSpec,
    /// Connects it.
    pub wire: fn(&mut Wiring),
}

/// A topic as the graph sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicRef {
    /// Declared with `#[topic]`: its name.
    External(&'static str),
    /// The internal topic of a `repartition`: the step's name.
    Internal(&'static str),
}

impl TopicRef {
    /// What the log calls it.
    pub fn name(&self, names: &Names) -> String {
        match self {
            TopicRef::External(declared) => names.external(declared).to_owned(),
            TopicRef::Internal(step) => names.internal(step),
        }
    }
}

/// A largest set of steps that run in one task.
#[derive(Clone, Debug, Default)]
pub struct SubTopology {
    /// Positions in the topology's list.
    pub steps: Vec<usize>,
    /// What it reads, in order of first mention.
    pub sources: Vec<TopicRef>,
    /// What it writes.
    pub sinks: Vec<TopicRef>,
}

/// A closed graph of steps.
#[derive(Clone)]
pub struct Topology {
    name: &'static str,
    entries: &'static [Entry],
    subs: Vec<SubTopology>,
    given: BTreeMap<&'static str, String>,
}

impl Topology {
    /// The graph of a `topology!`.
    pub fn of(name: &'static str, entries: &'static [Entry]) -> Topology {
        Topology { name, entries, subs: sub_topologies(entries), given: BTreeMap::new() }
    }

    /// Calls a declared topic by another name in the log.
    pub fn call(&mut self, declared: &'static str, name: String) {
        self.given.insert(declared, name);
    }

    /// What the log calls the topic that was declared under this name.
    pub fn called<'a>(&'a self, declared: &'a str) -> &'a str {
        self.given.get(declared).map_or(declared, String::as_str)
    }

    /// What the log calls its topics when it runs as this application.
    pub fn names(&self, application: &str) -> Names {
        Names::of(application).with(&self.given)
    }

    /// What `topology!` called it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its steps in the order they are listed in.
    pub fn entries(&self) -> &'static [Entry] {
        self.entries
    }

    /// Its sub-topologies, by first step.
    pub fn sub_topologies(&self) -> &[SubTopology] {
        &self.subs
    }
}

/// The topic a read goes through, if it goes through one.
pub(crate) fn topic_of(read: &Read) -> Option<TopicRef> {
    match (&read.topic, &read.repartition) {
        (Some(topic), _) => Some(TopicRef::External(topic.name)),
        (None, Some(repartition)) => Some(TopicRef::Internal(repartition.name)),
        (None, None) => None,
    }
}

fn sub_topologies(entries: &[Entry]) -> Vec<SubTopology> {
    let mut group: Vec<usize> = (0..entries.len()).collect();
    let mut readers: Vec<(TopicRef, usize)> = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        for read in entry.spec.reads.iter().chain(&entry.spec.joins) {
            let other = match topic_of(read) {
                Some(topic) => match readers.iter().find(|(t, _)| *t == topic) {
                    Some((_, reader)) => Some(*reader),
                    None => {
                        readers.push((topic, i));
                        None
                    }
                },
                None => entries.iter().position(|e| e.spec.id.hash == read.id.hash),
            };
            if let Some(other) = other {
                unite(&mut group, i, other);
            }
        }
    }
    let mut subs: Vec<(usize, SubTopology)> = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        let root = root(&group, i);
        let at = subs.iter().position(|(r, _)| *r == root).unwrap_or_else(|| {
            subs.push((root, SubTopology::default()));
            subs.len() - 1
        });
        let sub = &mut subs[at].1;
        sub.steps.push(i);
        for topic in entry.spec.reads.iter().filter_map(topic_of) {
            if !sub.sources.contains(&topic) {
                sub.sources.push(topic);
            }
        }
        let to = entry.spec.to.map(|to| TopicRef::External(to.name));
        let internal = entry.spec.repartition.map(|r| TopicRef::Internal(r.name));
        for topic in to.into_iter().chain(internal) {
            if !sub.sinks.contains(&topic) {
                sub.sinks.push(topic);
            }
        }
    }
    subs.into_iter().map(|(_, sub)| sub).collect()
}

fn root(group: &[usize], mut i: usize) -> usize {
    while group[i] != i {
        i = group[i];
    }
    i
}

fn unite(group: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(group, a), root(group, b));
    group[a.max(b)] = a.min(b);
}
