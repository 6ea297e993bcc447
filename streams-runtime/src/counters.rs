//! Records left out, counted with the transaction: an abort takes the counts of its attempt back, otherwise a
//! replay would count twice.
//!
//! Knows how many and why; does not know the records, and does not decide.

use crate::failure::UserError;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Why a record was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `decode = skip`.
    Decode,
    /// `encode = skip`.
    Encode,
    /// `null_key = skip`.
    NullKey,
    /// `null_value = skip`.
    NullValue,
    /// `no_time = skip`.
    NoTime,
    /// `error = skip`.
    Error,
    /// `late = skip`.
    Late,
}

/// In the user's words, with the policy that said so.
impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Reason::Decode => "cannot be read (decode = skip)",
            Reason::Encode => "cannot be written (encode = skip)",
            Reason::NullKey => "the key is null (null_key = skip)",
            Reason::NullValue => "the value is null (null_value = skip)",
            Reason::NoTime => "has no valid time (no_time = skip)",
            Reason::Error => "the function returned an error (error = skip)",
            Reason::Late => "its window has closed (late = skip)",
        })
    }
}

/// How many records one place left out for one reason.
#[derive(Debug)]
pub struct DropCounter {
    /// The step, or the topic.
    pub at: &'static str,
    /// Why.
    pub reason: Reason,
    open: Cell<u64>,
    committed: Cell<u64>,
    /// Set with every record, for all counters of a task: so a commit need not look at each.
    any: Rc<Cell<bool>>,
    /// What was said of the last one, in the open transaction and in committed ones. Kept as it came: nothing is
    /// formatted until somebody asks.
    open_last: RefCell<Option<UserError>>,
    committed_last: RefCell<Option<UserError>>,
}

/// Records that one place left out for one reason, as [`Driver::drops`](crate::Driver::drops) lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The step, or the topic.
    pub at: &'static str,
    /// Why.
    pub reason: Reason,
    /// How many.
    pub records: u64,
    /// What the format or the function said of the last one.
    pub last: Option<String>,
}

impl Dropped {
    /// What these have counted, places with nothing omitted.
    pub(crate) fn sum<'c>(counters: impl Iterator<Item = &'c Rc<DropCounter>>) -> Vec<Dropped> {
        let mut drops: Vec<Dropped> = Vec::new();
        for counter in counters.filter(|counter| counter.committed() > 0) {
            let (at, reason, records, last) =
                (counter.at, counter.reason, counter.committed(), counter.last());
            match drops.iter_mut().find(|dropped| dropped.at == at && dropped.reason == reason) {
                Some(dropped) => {
                    dropped.records += records;
                    dropped.last = last.or(dropped.last.take());
                }
                None => drops.push(Dropped { at, reason, records, last }),
            }
        }
        drops
    }

    /// What came to `told` since then. A task that went away took what it had counted along; then all of it is new.
    #[cfg(any(test, feature = "kafka"))]
    pub(crate) fn since<'d>(
        now: &'d [Dropped],
        told: &[Dropped],
    ) -> impl Iterator<Item = (&'d Dropped, u64)> {
        now.iter().filter_map(|dropped| {
            let same = |other: &&Dropped| other.at == dropped.at && other.reason == dropped.reason;
            let before = told.iter().find(same).map_or(0, |told| told.records);
            let more = dropped.records.checked_sub(before).unwrap_or(dropped.records);
            (more > 0).then_some((dropped, more))
        })
    }
}

impl DropCounter {
    pub(crate) fn new(at: &'static str, reason: Reason, any: Rc<Cell<bool>>) -> Self {
        DropCounter {
            at,
            reason,
            open: Cell::new(0),
            committed: Cell::new(0),
            any,
            open_last: RefCell::new(None),
            committed_last: RefCell::new(None),
        }
    }

    /// One more in the open transaction.
    #[inline]
    pub fn add(&self) {
        self.open.set(self.open.get() + 1);
        self.any.set(true);
    }

    /// As [`add`](Self::add), with what was said of it.
    #[cold]
    pub fn add_because(&self, cause: Option<UserError>) {
        self.add();
        *self.open_last.borrow_mut() = cause;
    }

    /// What was said of the last one, of committed transactions only.
    pub fn last(&self) -> Option<String> {
        self.committed_last.borrow().as_ref().map(ToString::to_string)
    }

    /// How many there are, those of committed transactions only.
    pub fn committed(&self) -> u64 {
        self.committed.get()
    }

    pub(crate) fn commit(&self) {
        let records = self.open.take();
        if records > 0 {
            self.committed.set(self.committed.get() + records);
            self.committed_last.swap(&self.open_last);
            self.open_last.take();
        }
    }

    pub(crate) fn abort(&self) {
        self.open.set(0);
        self.open_last.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_since_it_was_told() {
        let of = |at, records| Dropped { at, reason: Reason::Late, records, last: None };
        let told = [of("a", 3), of("b", 5), of("c", 2)];
        // `b` went to another instance and came back; nothing happened at `c`.
        let now = [of("a", 4), of("b", 1), of("c", 2), of("d", 7)];
        let since: Vec<_> = Dropped::since(&now, &told).map(|(dropped, more)| (dropped.at, more)).collect();
        assert_eq!(since, [("a", 1), ("b", 1), ("d", 7)]);
    }
}
