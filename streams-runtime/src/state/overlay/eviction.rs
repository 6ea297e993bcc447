//! What may leave memory, and what leaves the disk.
//!
//! Knows which values are typed and which entries the engine can answer for. It does not know budgets or
//! retention: those who do say how many, and which keys.

use super::super::StateError;
use super::super::engine::{Direction, Engine, KeyRange};
use super::super::key::Key;
use super::super::row::{self, Row};
use super::super::table::{NONE, Slot};
use super::{Committed, Live, Overlay, engine_error};
use crate::serde::Serde;

impl<S: Serde> Overlay<S> {
    pub(in crate::state) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::state) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    pub(in crate::state) fn into_engine(self) -> Box<dyn Engine> {
        self.engine
    }

    pub(in crate::state) fn rest(&mut self) -> Result<(), StateError> {
        self.engine.rest().map_err(|e| engine_error(&self.name, e))
    }

    pub(in crate::state) fn unapplied_bytes(&self) -> usize {
        self.unapplied_bytes
    }

    pub(in crate::state) fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Leaves at most `limit` values typed. Clean ones go, the others are kept as bytes.
    pub(in crate::state) fn evict(&mut self, limit: usize) {
        self.shrink(limit, NONE);
    }

    /// Makes the store as if it had never held anything.
    pub(in crate::state) fn clear(&mut self) -> Result<(), StateError> {
        self.engine.clear().map_err(|e| engine_error(&self.name, e))?;
        self.forget();
        Ok(())
    }

    /// Deletes up to `limit` rows of the engine that no reader can see any more.
    pub(in crate::state) fn delete(
        &mut self,
        range: KeyRange<'_>,
        limit: usize,
    ) -> Result<usize, StateError> {
        let mut keys: Vec<Key> = Vec::new();
        let mut collect = || {
            let mut cursor = self.engine.scan(range, Direction::Forward)?;
            while keys.len() < limit
                && let Some((key, _)) = cursor.next()?
            {
                keys.push(Key::new(key));
            }
            Ok(())
        };
        collect().map_err(|e| engine_error(&self.name, e))?;
        if !keys.is_empty() {
            let mut batch = keys.iter().map(|key| (key.as_bytes(), None));
            self.engine.apply(&mut batch, None).map_err(|e| engine_error(&self.name, e))?;
        }
        Ok(keys.len())
    }

    /// Looks at `steps` slots from `hand` on and drops clean entries that no reader can see any more.
    pub(in crate::state) fn drop_clean(
        &mut self,
        hand: &mut Slot,
        steps: usize,
        gone: impl Fn(&[u8]) -> bool,
    ) {
        for _ in 0..steps.min(self.table.bound() as usize) {
            *hand = if *hand + 1 < self.table.bound() { *hand + 1 } else { 0 };
            let slot = *hand;
            if let Some((key, entry)) = self.table.get(slot)
                && !entry.is_pinned()
                && gone(key.as_bytes())
            {
                self.no_longer_typed(slot);
                self.table.remove(slot);
            }
        }
    }

    pub(super) fn forget(&mut self) {
        self.table.clear();
        self.typed.clear();
        self.changes.clear();
        self.unsent.clear();
        self.unapplied.clear();
        self.unapplied_bytes = 0;
        self.measured_at = 1;
        self.ordered = None;
    }

    /// Drops up to `count` clean values, those that were not used for a while first. `looks` at most are looked at.
    pub(super) fn drop_unused(&mut self, mut count: usize, mut looks: usize) {
        while count > 0 && looks > 0 && !self.typed.is_empty() {
            looks -= 1;
            if self.hand >= self.typed.len() {
                self.hand = 0;
            }
            let slot = self.typed[self.hand];
            let entry = &mut self.table[slot];
            if std::mem::replace(&mut entry.referenced, false) || entry.is_pinned() {
                self.hand += 1;
                continue;
            }
            self.no_longer_typed(slot);
            self.table.remove(slot);
            count -= 1;
        }
    }

    pub(super) fn unpin(&mut self, slot: Slot) {
        if let Some(ordered) = &mut self.ordered {
            ordered.remove(self.table.key(slot).as_bytes());
        }
    }

    pub(super) fn now_typed(&mut self, slot: Slot) {
        self.table[slot].typed_at = self.typed.len() as u32;
        self.typed.push(slot);
        if self.typed.len() > self.limit {
            self.shrink(self.limit, slot);
        }
    }

    pub(super) fn no_longer_typed(&mut self, slot: Slot) {
        let position = std::mem::replace(&mut self.table[slot].typed_at, NONE);
        if position == NONE {
            return;
        }
        self.typed.swap_remove(position as usize);
        if let Some(&moved) = self.typed.get(position as usize) {
            self.table[moved].typed_at = position;
        }
    }

    /// Second chance: who was used since the hand came by stays for another round.
    fn shrink(&mut self, limit: usize, keep: Slot) {
        let mut looks = self.typed.len().saturating_mul(2);
        while self.typed.len() > limit && looks > 0 {
            looks -= 1;
            if self.hand >= self.typed.len() {
                self.hand = 0;
            }
            let slot = self.typed[self.hand];
            let spared = slot == keep || std::mem::replace(&mut self.table[slot].referenced, false);
            if spared || !self.no_more_typed(slot) {
                self.hand += 1;
            }
        }
    }

    /// Drops the typed form. `false` if it is the only one and cannot be encoded: then it stays, and
    /// [`prepare`](Self::prepare) will say so.
    fn no_more_typed(&mut self, slot: Slot) -> bool {
        let entry = &self.table[slot];
        let row = if entry.change != NONE && entry.unsent {
            self.bytes.clear();
            match &entry.live {
                Live::Typed(Some(value)) => {
                    if row::encode::<S>(value, &mut self.bytes).is_err() {
                        return false;
                    }
                    Some(Row::from(self.bytes.as_slice()))
                }
                _ => None,
            }
        } else if entry.change != NONE {
            self.changes[entry.change as usize].row.clone()
        } else if let Committed::Unapplied(row) = &entry.committed {
            row.clone()
        } else {
            self.no_longer_typed(slot);
            self.table.remove(slot);
            return true;
        };
        self.no_longer_typed(slot);
        self.table[slot].live = Live::Encoded(row);
        true
    }
}
