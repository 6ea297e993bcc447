//! Rules on the whole graph: `topology!` calls [`check_node`] once for each listed step.

use super::message::{Message, same};
use crate::stream::{NodeSpec, Read, TopicSpec};
use crate::topology::Entry;
use crate::wiring::Wiring;

/// A step that `topology!` can list.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a step of a topology",
    label = "expected a `#[processor]` or a `#[ktable]`",
    note = "topics, stores and branches are found through the steps that use them and are not listed"
)]
pub trait Listed {
    /// What it says of itself.
    const SPEC: NodeSpec;
    /// Connects it.
    fn wire(wiring: &mut Wiring);
}

/// Lets `topology!` name the marker of everything it is given, steps or not.
pub trait NotListed {
    /// See the inherent constant of the same name on steps: naming it is what silences rustc's warning.
    #[allow(non_upper_case_globals)]
    const is_in_no_topology: () = ();
}
impl<T> NotListed for T {}

/// The entry of a step in its topology.
pub const fn entry<S: Listed>() -> Entry {
    Entry { spec: S::SPEC, wire: S::wire }
}

/// Checks step `index` against the others.
#[track_caller]
pub const fn check_entry(nodes: &[Entry], index: usize) {
    let node = &nodes[index].spec;
    let mut i = 0;
    while i < index {
        once(&nodes[i].spec, node);
        own_name(&nodes[i].spec, node);
        own_store(&nodes[i].spec, node);
        i += 1;
    }
    let mut i = 0;
    while i <= index {
        one_topic(&nodes[i].spec, node);
        i += 1;
    }
    let mut r = 0;
    while r < node.reads.len() {
        if !is_there(nodes, &node.reads[r]) {
            missing(node, " reads from ", &node.reads[r])
        }
        r += 1;
    }
    if let Some(join) = &node.joins
        && !is_there(nodes, join)
    {
        missing(node, " joins ", join)
    }
    every_branch_is_read(nodes, node);
}

#[track_caller]
const fn once(earlier: &NodeSpec, node: &NodeSpec) {
    if earlier.id.hash == node.id.hash {
        Message::new().name(node.id.name).text(" is listed twice").help().text("remove one of them").panic()
    }
}

/// Stores, changelogs and internal topics are called after steps.
#[track_caller]
const fn own_name(earlier: &NodeSpec, node: &NodeSpec) {
    if earlier.id.name_hash == node.id.name_hash {
        Message::new()
            .text("two steps are named ")
            .name(node.id.name)
            .text(": ")
            .name(earlier.id.path)
            .text(" and ")
            .name(node.id.path)
            .help()
            .text("add `name = \"...\"` to one of them")
            .panic()
    }
}

#[track_caller]
const fn own_store(earlier: &NodeSpec, node: &NodeSpec) {
    if let (Some(a), Some(b)) = (&earlier.store, &node.store)
        && same(a.name, b.name)
    {
        Message::new()
            .text("store ")
            .name(a.name)
            .text(" is used by both ")
            .name(earlier.id.name)
            .text(" and ")
            .name(node.id.name)
            .help()
            .text("give each table its own `store` name")
            .panic()
    }
}

/// A topic is declared once, whether it is read or written.
#[track_caller]
const fn one_topic(other: &NodeSpec, node: &NodeSpec) {
    let mut m = 0;
    while m <= node.reads.len() {
        let mut o = 0;
        while o <= other.reads.len() {
            if let (Some(mine), Some(its)) = (topic(node, m), topic(other, o))
                && same(mine.name, its.name)
                && mine.id.hash != its.id.hash
            {
                Message::new()
                    .text("topic ")
                    .name(mine.name)
                    .text(" is declared twice: ")
                    .name(its.id.path)
                    .text(" and ")
                    .name(mine.id.path)
                    .help()
                    .text("keep one `#[topic]` and use it in both places")
                    .panic()
            }
            o += 1;
        }
        m += 1;
    }
}

/// The topics of a step by number: those it reads, then the one it writes.
const fn topic(node: &NodeSpec, index: usize) -> &Option<TopicSpec> {
    if index < node.reads.len() { &node.reads[index].topic } else { &node.to }
}

const fn is_there(nodes: &[Entry], read: &Read) -> bool {
    // A stand-in after an error has no path.
    if read.topic.is_some() || read.id.path.is_empty() {
        return true;
    }
    let mut i = 0;
    while i < nodes.len() {
        if nodes[i].spec.id.hash == read.id.hash {
            return true;
        }
        i += 1;
    }
    false
}

#[track_caller]
const fn missing(node: &NodeSpec, verb: &str, read: &Read) -> ! {
    Message::new()
        .name(node.id.name)
        .text(verb)
        .name(read.id.name)
        .text(", which is not part of this topology")
        .help()
        .text("add ")
        .name(read.id.name)
        .text(" to the list")
        .panic()
}

#[track_caller]
const fn every_branch_is_read(nodes: &[Entry], node: &NodeSpec) {
    let Some((names, carries)) = node.branches else { return };
    let mut b = 0;
    while b < names.len() {
        if carries[b] && !is_read(nodes, node, names[b]) {
            Message::new()
                .text("branch ")
                .name(names[b])
                .text(" of ")
                .name(node.id.name)
                .text(" is read by no step of this topology")
                .help()
                .text("read it with `from = ...::")
                .text(names[b])
                .text("`, or drop its records with a variant that carries nothing")
                .panic()
        }
        b += 1;
    }
}

const fn is_read(nodes: &[Entry], node: &NodeSpec, branch: &str) -> bool {
    let mut i = 0;
    while i < nodes.len() {
        let mut r = 0;
        while r < nodes[i].spec.reads.len() {
            let read = &nodes[i].spec.reads[r];
            if read.id.hash == node.id.hash {
                match read.branch {
                    Some(name) if !same(name, branch) => {}
                    // Who reads the split itself has been told so.
                    _ => return true,
                }
            }
            r += 1;
        }
        i += 1;
    }
    false
}
