//! Whether what is left of a world is right.
//!
//! The output of a correct run is not always that of a run without faults: two inputs of one task meet in another order
//! each time. So the question is another one. Each task has a *committed order*: the records that its committed
//! transactions processed, one after the other. Of that order and of what is visible must hold:
//!
//! | | file |
//! |---|---|
//! | of each partition it has every visible record, each once, ascending | `order` |
//! | the topology alone, run over it, gives exactly the visible output and the changelogs, transaction by transaction, in order | `reference` |
//! | and the rows on every disk, also of one that is rebuilt from nothing | `stores` |
//! | committed offsets are at the ends, with the times that belong there; nothing is undecided | `ends` |
//! | where order cannot matter, it is the output of a run without faults | `fault_free` |
//!
//! Where there are no transactions, other questions are asked (`at_least_once`).
//!
//! Which transactions are committed is not asked of anybody who took part: it is read from the log (`machine`).

mod at_least_once;
mod ends;
mod fault_free;
mod order;
mod reference;
mod stores;

use super::seam::Note;
use super::world::{Attempt, TRANSACTIONS, World};
use std::collections::BTreeMap;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::transport::Message;

/// A transaction that happened.
pub(super) struct Happened {
    pub(super) number: u64,
    pub(super) notes: Vec<Note>,
}

/// Brings a world to rest and judges it. The first thing that is wrong becomes its violation.
pub(super) fn judge(world: &World) {
    world.calm();
    if world.has_forgotten() {
        // Who needs what is gone says so, and does nothing else.
        world.wait_for_words();
    }
    if !world.is_alive() || world.is_outgrown() || world.has_forgotten() {
        // Nobody may start, or go on for long, since a topic grew: what was done so far must be right, and more is not to
        // be had.
        if world.script.guarantee == Guarantee::AtLeastOnce {
            return at_least_once::check(world, &BTreeMap::new(), BTreeMap::new(), false);
        }
        let happened = happened(world);
        if order::check(world, &happened, false) {
            reference::check(world, &happened);
        }
        return;
    }
    world.rest();
    world.feed_all();
    world.rest();
    if world.violation().is_some() {
        return;
    }
    let (owners, had_by) = (world.owners(), world.owning());
    ends::nothing_undecided(world);
    world.stop_all();
    if world.script.guarantee == Guarantee::AtLeastOnce {
        at_least_once::check(world, &owners, had_by, true);
        if world.violation().is_none() {
            world.start_fresh();
            if world.is_alive() {
                world.rest();
                let owners = world.owners();
                world.stop_all();
                at_least_once::check_rebuilt(world, &owners);
            }
        }
        return;
    }
    let happened = happened(world);
    if world.violation().is_some() || !order::check(world, &happened, true) {
        return;
    }
    let Some(reference) = reference::check(world, &happened) else { return };
    ends::check(world, &reference);
    stores::check(world, &reference, &owners, true);
    let fresh = world.start_fresh();
    if world.is_alive() {
        world.rest();
        let owners = world.owners();
        world.stop_all();
        debug_assert!(owners.values().all(|owner| *owner == fresh));
        stores::check(world, &reference, &owners, true);
    }
    fault_free::check(world);
}

/// The transactions that are visible, in their order.
fn happened(world: &World) -> Vec<Happened> {
    let mut attempts = world.attempts();
    let mut happened = Vec::new();
    for record in world.visible(TRANSACTIONS, 0).into_values() {
        let number = record.value().and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
        match attempts.remove(&number) {
            Some(Attempt { who, notes }) => {
                world
                    .trace
                    .say(|| format!("transaction {number} of {who} happened: {} records", notes.len()));
                happened.push(Happened { number, notes });
            }
            None => world
                .violated(|| format!("transaction {number} is visible and was never committed, or is twice")),
        }
    }
    happened
}
