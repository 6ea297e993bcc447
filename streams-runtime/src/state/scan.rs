//! Between two keys, in order: the overlay merged over the engine.
//!
//! Overlay wins, its deletions hide, both directions. A scan borrows its store, so nothing can be written while it
//! lives. It deliberately does not know why an entry differs from the engine (dirty or unapplied).

use super::StateError;
use super::engine::{Cursor, Direction, KeyAnd, KeyRange};
use super::key::Key;
use super::overlay::{Entry, Live, decode_error, engine_error};
use super::row::{self, Stamped};
use super::table::{Slot, Table};
use crate::serde::Serde;
use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};

/// The rows of a store between two keys. Each row is lent until the next call of [`next`](Scan::next).
pub struct Scan<'a, S: Serde> {
    store: &'a str,
    cursor: Box<dyn Cursor + 'a>,
    table: &'a Table<Entry<S::Type>>,
    direction: Direction,
    over: Over<'a>,
    over_head: Option<Slot>,
    base_key: Vec<u8>,
    base_row: Vec<u8>,
    base: Base,
    place: Option<Stamped<S::Type>>,
}

enum Over<'a> {
    Nothing,
    Forward(btree_map::Range<'a, Key, Slot>),
    Backward(std::iter::Rev<btree_map::Range<'a, Key, Slot>>),
}

/// What `base_key` and `base_row` hold.
#[derive(PartialEq, Eq)]
enum Base {
    /// A row that was handed out already, or nothing yet.
    Used,
    Head,
    End,
}

enum Step {
    Base,
    Overlay(Slot),
    End,
}

impl<'a, S: Serde> Scan<'a, S> {
    pub(super) fn new(
        store: &'a str,
        cursor: Box<dyn Cursor + 'a>,
        table: &'a Table<Entry<S::Type>>,
        ordered: &'a BTreeMap<Key, Slot>,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> Self {
        let over = match direction {
            _ if range.is_empty() => Over::Nothing,
            Direction::Forward => Over::Forward(ordered.range::<[u8], _>((range.from, range.to))),
            Direction::Backward => Over::Backward(ordered.range::<[u8], _>((range.from, range.to)).rev()),
        };
        let mut scan = Scan {
            store,
            cursor,
            table,
            direction,
            over,
            over_head: None,
            base_key: Vec::new(),
            base_row: Vec::new(),
            base: Base::Used,
            place: None,
        };
        scan.over_head = scan.over.next();
        scan
    }

    /// The next key and row.
    ///
    /// # Errors
    /// If the engine fails or a row cannot be decoded.
    #[allow(clippy::should_implement_trait, reason = "it lends, an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<KeyAnd<'_, Stamped<S::Type>>>, StateError> {
        self.next_where(|_| true)
    }

    /// The next row whose key is wanted; the others are not decoded.
    pub(super) fn next_where(
        &mut self,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<KeyAnd<'_, Stamped<S::Type>>>, StateError> {
        let slot = match self.step(wanted)? {
            Step::End => return Ok(None),
            Step::Base => {
                row::decode_into::<S>(&self.base_row, &mut self.place)
                    .map_err(|cause| decode_error(self.store, &self.base_key, cause))?;
                return Ok(self.place.as_ref().map(|row| (self.base_key.as_slice(), row)));
            }
            Step::Overlay(slot) => slot,
        };
        let key = self.table.key(slot).as_bytes();
        let row = match &self.table[slot].live {
            Live::Typed(row) => row.as_ref(),
            Live::Encoded(None) => None,
            Live::Encoded(Some(row)) => {
                row::decode_into::<S>(row, &mut self.place)
                    .map_err(|cause| decode_error(self.store, key, cause))?;
                self.place.as_ref()
            }
        };
        Ok(row.map(|row| (key, row)))
    }

    /// Finds the next row that is there, and takes it off its side.
    fn step(&mut self, wanted: impl Fn(&[u8]) -> bool) -> Result<Step, StateError> {
        loop {
            if self.base == Base::Used {
                self.fill()?;
            }
            let order = match (&self.base, self.over_head) {
                (Base::End, None) => return Ok(Step::End),
                (Base::End, Some(_)) => Ordering::Greater,
                (_, None) => Ordering::Less,
                (_, Some(slot)) => {
                    let order = self.base_key.as_slice().cmp(self.table.key(slot).as_bytes());
                    if self.direction == Direction::Forward { order } else { order.reverse() }
                }
            };
            if order != Ordering::Greater {
                self.base = Base::Used;
            }
            if order == Ordering::Less {
                if wanted(&self.base_key) {
                    return Ok(Step::Base);
                }
                continue;
            }
            // The overlay's turn; an equal row of the engine was passed over just now.
            let Some(slot) = std::mem::replace(&mut self.over_head, self.over.next()) else { continue };
            let there = !matches!(self.table[slot].live, Live::Typed(None) | Live::Encoded(None));
            if there && wanted(self.table.key(slot).as_bytes()) {
                return Ok(Step::Overlay(slot));
            }
        }
    }

    fn fill(&mut self) -> Result<(), StateError> {
        match self.cursor.next().map_err(|e| engine_error(self.store, e))? {
            None => self.base = Base::End,
            Some((key, row)) => {
                self.base_key.clear();
                self.base_key.extend_from_slice(key);
                self.base_row.clear();
                self.base_row.extend_from_slice(row);
                self.base = Base::Head;
            }
        }
        Ok(())
    }
}

impl Over<'_> {
    fn next(&mut self) -> Option<Slot> {
        match self {
            Over::Nothing => None,
            Over::Forward(keys) => keys.next().map(|(_, &slot)| slot),
            Over::Backward(keys) => keys.next().map(|(_, &slot)| slot),
        }
    }
}
