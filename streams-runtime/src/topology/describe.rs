//! The graph as text in Kafka Streams' terms (`TopologyDescription#toString`), and as a Mermaid flowchart.

use super::{SubTopology, TopicRef, Topology, topic_of};
use crate::stream::{NodeSpec, Read};
use std::fmt::{self, Write};

impl Topology {
    /// Sub-topologies, sources, steps, stores and sinks, as `Topology#describe` of Kafka Streams prints them, with
    /// the operator of each step.
    pub fn describe(&self) -> String {
        let mut out = String::new();
        // Writing to a `String` does not fail.
        let _ = self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Topologies:")?;
        for (number, sub) in self.subs.iter().enumerate() {
            writeln!(out, "   Sub-topology: {number}")?;
            for topic in &sub.sources {
                writeln!(out, "    Source: {} (topics: [{}])", shown(topic), shown(topic))?;
                let readers =
                    self.steps(sub).filter(|s| s.reads.iter().any(|r| topic_of(r).as_ref() == Some(topic)));
                writeln!(out, "      --> {}", names(readers.map(|s| s.id.name.to_owned())))?;
            }
            for spec in self.steps(sub) {
                self.write_step(out, sub, spec)?;
            }
        }
        Ok(())
    }

    fn write_step(&self, out: &mut String, sub: &SubTopology, spec: &NodeSpec) -> fmt::Result {
        let mut stores: Vec<&str> = spec.store.iter().map(|store| store.name).collect();
        stores.extend(spec.joins.iter().filter_map(|join| join.table).map(|store| store.name));
        let name = spec.id.name;
        writeln!(out, "    Processor: {name} ({}) (stores: [{}])", spec.operator, stores.join(", "))?;
        let readers = self
            .steps(sub)
            .filter(|s| s.reads.iter().any(|r| topic_of(r).is_none() && r.id.hash == spec.id.hash));
        let readers = readers.map(|s| {
            match s.reads.iter().find_map(|r| r.branch.filter(|_| r.id.hash == spec.id.hash)) {
                Some(branch) => format!("{} (branch {branch})", s.id.name),
                None => s.id.name.to_owned(),
            }
        });
        let sinks = sinks(spec);
        writeln!(
            out,
            "      --> {}",
            names(readers.chain(sinks.iter().map(|topic| format!("{name}-sink-{}", shown(topic)))))
        )?;
        writeln!(out, "      <-- {}", names(spec.reads.iter().map(read_name)))?;
        for topic in &sinks {
            writeln!(out, "    Sink: {name}-sink-{} (topic: {})", shown(topic), shown(topic))?;
            writeln!(out, "      <-- {name}")?;
        }
        Ok(())
    }

    /// A Mermaid flowchart: topics are cylinders, tables are framed, what runs in one task is in one box.
    pub fn mermaid(&self) -> String {
        let mut out = String::new();
        let _ = self.write_mermaid(&mut out);
        out
    }

    fn write_mermaid(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "flowchart LR")?;
        let mut topics: Vec<&TopicRef> =
            self.subs.iter().flat_map(|sub| sub.sources.iter().chain(&sub.sinks)).collect();
        topics.sort();
        topics.dedup();
        for topic in topics {
            writeln!(out, "  {}[({})]", node(topic), shown(topic))?;
        }
        for (number, sub) in self.subs.iter().enumerate() {
            writeln!(out, "  subgraph sub{number}[\"sub-topology {number}\"]")?;
            for spec in self.steps(sub) {
                let name = spec.id.name;
                match &spec.store {
                    Some(store) => writeln!(
                        out,
                        "    {name}[[\"{name}<br/>{}<br/>store {}\"]]",
                        spec.operator, store.name
                    )?,
                    None => writeln!(out, "    {name}[\"{name}<br/>{}\"]", spec.operator)?,
                }
            }
            writeln!(out, "  end")?;
        }
        for entry in self.entries {
            let spec = &entry.spec;
            for read in spec.reads {
                match (topic_of(read), read.branch) {
                    (Some(topic), _) => writeln!(out, "  {} --> {}", node(&topic), spec.id.name)?,
                    (None, Some(branch)) => {
                        writeln!(out, "  {} -->|{branch}| {}", read.id.name, spec.id.name)?
                    }
                    (None, None) => writeln!(out, "  {} --> {}", read.id.name, spec.id.name)?,
                }
            }
            if let Some(join) = &spec.joins {
                writeln!(out, "  {} -.->|{}| {}", join.id.name, spec.operator, spec.id.name)?;
            }
            for topic in sinks(spec) {
                writeln!(out, "  {} --> {}", spec.id.name, node(&topic))?;
            }
        }
        Ok(())
    }

    fn steps<'a>(&'a self, sub: &'a SubTopology) -> impl Iterator<Item = &'a NodeSpec> {
        sub.steps.iter().map(|&i| &self.entries[i].spec)
    }
}

fn sinks(spec: &NodeSpec) -> Vec<TopicRef> {
    let to = spec.to.map(|to| TopicRef::External(to.name));
    to.into_iter().chain(spec.repartition.map(|r| TopicRef::Internal(r.name))).collect()
}

fn read_name(read: &Read) -> String {
    match topic_of(read) {
        Some(topic) => shown(&topic),
        None => read.id.name.to_owned(),
    }
}

/// Internal topics without the application's id, which the graph does not know.
fn shown(topic: &TopicRef) -> String {
    match topic {
        TopicRef::External(name) => (*name).to_owned(),
        TopicRef::Internal(step) => format!("{step}-repartition"),
    }
}

fn node(topic: &TopicRef) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("topic_{}", shown(topic).chars().map(legal).collect::<String>())
}

fn names(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
