//! How much memory an overlay takes, and how it takes less.
//!
//! An estimate that costs nothing when a record passes: entries are counted, and how long a row is on average is known
//! from those that were encoded and decoded lately. A typed value is taken to be as big as its row is long.
//!
//! It does not know budgets: who does says how little is left.

use super::super::key::Key;
use super::super::row;
use super::super::table::{Slot, Table};
use super::{Change, Entry, Live, Overlay};
use crate::serde::Serde;

/// How long rows are on average, the later ones counting more.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    rows: usize,
    bytes: usize,
}

/// Then half of what was seen is forgotten.
const SEEN: usize = 1024;

impl Lengths {
    #[inline]
    pub(super) fn saw(&mut self, len: usize) {
        if self.rows == SEEN {
            self.rows /= 2;
            self.bytes /= 2;
        }
        self.rows += 1;
        self.bytes += len;
    }

    fn average(&self) -> usize {
        self.bytes.checked_div(self.rows).unwrap_or(0)
    }
}

/// What stands before the bytes of a row: two counters.
const SHARED: usize = 2 * size_of::<usize>();

/// A key and its slot in a sorted map, which is half full.
const SORTED: usize = 2 * (size_of::<Key>() + size_of::<Slot>());

impl<S: Serde> Overlay<S> {
    /// About how much it takes.
    pub(in crate::state) fn bytes(&self) -> usize {
        let row = SHARED + self.lengths.average();
        let typed = self.typed.len() * (size_of::<Slot>() + row);
        // A change that was not sent yet will have its bytes when it is.
        let changes = self.changes.len() * (size_of::<Change>() + size_of::<u32>() + row);
        let unapplied = self.unapplied_bytes + self.unapplied.len() * (size_of::<Slot>() + SHARED);
        let ordered = self.ordered.as_ref().map_or(0, |ordered| ordered.len() * SORTED);
        self.table.bytes() + typed + changes + unapplied + ordered
    }

    /// As [`bytes`](Self::bytes), after a look at values that nobody has encoded yet: the more there are, the more
    /// rarely.
    pub(in crate::state) fn weigh(&mut self) -> usize {
        if self.unsent.len() >= self.measured_at {
            self.measured_at = self.unsent.len() * 2;
            self.measure();
        }
        self.bytes()
    }

    /// How long the row of the last change is.
    #[cold]
    fn measure(&mut self) {
        let Some(&last) = self.unsent.last() else { return };
        let slot = self.changes[last as usize].slot;
        if let Live::Typed(Some(value)) = &self.table[slot].live {
            self.bytes.clear();
            // Whether it can be encoded is asked, and told, when it is sent.
            if row::encode::<S>(value, &mut self.bytes).is_ok() {
                self.lengths.saw(self.bytes.len());
            }
        }
    }

    /// Gives up values that the engine has too, until no more than about `bytes` are left.
    pub(in crate::state) fn shed(&mut self, bytes: usize) {
        let value = Table::<Entry<S::Type>>::ENTRY + size_of::<Slot>() + SHARED + self.lengths.average();
        let count = self.bytes().saturating_sub(bytes).div_ceil(value);
        self.drop_unused(count, self.typed.len().saturating_mul(2));
        if self.table.is_sparse() {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let moved = self.table.compact();
        let follow = |slot: &mut Slot| *slot = moved[*slot as usize];
        self.typed.iter_mut().for_each(follow);
        self.changes.iter_mut().for_each(|change| follow(&mut change.slot));
        self.unapplied.iter_mut().for_each(follow);
        self.ordered.iter_mut().flat_map(|ordered| ordered.values_mut()).for_each(follow);
        self.typed.shrink_to(self.typed.len() * 2);
        self.unapplied.shrink_to(self.unapplied.len() * 2);
        self.changes.shrink_to(self.changes.len() * 2);
    }
}
