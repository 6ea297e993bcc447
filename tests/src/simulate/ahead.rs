//! The head start of a machine: stores that are brought near the ends of their changelogs before their tasks are opened. In
//! production a thread of its own does it; here it goes a step whenever a worker asks whether it is done, a few records
//! each, so that everything that may strike strikes in the middle of it as well.
//!
//! Knows who asked for what. Does not know what follows from it: nothing should.

use super::machine::Watched;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use streams_runtime::stream::StoreSpec;
use streams_runtime::task::TaskId;
use streams_runtime::warming::{Order, Warmed, Warming};
use streams_runtime::wiring::Engines;

/// So many records at a time.
const FEW: usize = 3;

/// As for a transaction in the log: who waits for longer says so.
const TRANSACTION_MS: i64 = 60_000;

/// What one worker has asked for.
pub(super) struct Ahead(RefCell<Inner>);

struct Inner {
    warming: Warming<Watched>,
    orders: u64,
    /// What is asked for, and what was done.
    asked: HashMap<TaskId, (u64, Option<Vec<Warmed>>)>,
}

impl Ahead {
    pub(super) fn new(reader: Watched, engines: impl FnMut(TaskId) -> Engines + 'static) -> Ahead {
        let warming = Warming::new(reader, engines, |_| {}, TRANSACTION_MS).near(1);
        Ahead(RefCell::new(Inner { warming, orders: 0, asked: HashMap::new() }))
    }

    pub(super) fn warm(
        &self,
        task: TaskId,
        stores: &[(StoreSpec, String)],
        now_ms: i64,
    ) -> Option<Vec<Warmed>> {
        let Inner { warming, orders, asked } = &mut *self.0.borrow_mut();
        if let Entry::Vacant(new) = asked.entry(task) {
            *orders += 1;
            new.insert((*orders, None));
            warming.begin(Order { worker: 0, serial: *orders, task, stores: stores.to_vec() }, now_ms);
        }
        let mut finished = Vec::new();
        warming.step(FEW, now_ms, &mut finished);
        for (order, warmed) in finished {
            if let Some((serial, answer)) = asked.get_mut(&order.task)
                && *serial == order.serial
            {
                *answer = Some(warmed);
            }
        }
        match asked.get(&task) {
            Some((_, Some(_))) => asked.remove(&task).and_then(|(_, warmed)| warmed),
            _ => None,
        }
    }

    pub(super) fn cool(&self, task: TaskId, now_ms: i64) {
        let Inner { warming, asked, .. } = &mut *self.0.borrow_mut();
        asked.remove(&task);
        warming.stop(0, task, now_ms);
    }
}
