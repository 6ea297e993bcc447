//! The write-back overlay: typed values over an engine, and the three states a value can be in.
//!
//! Here is what a step does with it; `overlay/transaction.rs` says how changes become committed or never happened,
//! `overlay/eviction.rs` what may leave memory, `overlay/weight.rs` how much that is.
//!
//! It knows encoded keys, rows and one open transaction. It deliberately does not know what keys mean (windows,
//! sessions), who reads the changelog, or when to commit and apply.
//!
//! Invariants:
//! - an entry that is neither dirty nor unapplied says what the engine says, and may go at any time;
//! - the engine never holds a row of the open transaction;
//! - a committed row that is not applied is kept as bytes, and an abort goes back to *it*, not to the engine;
//! - changes are sent in the order in which the transaction first touched their keys.

use super::StateError;
use super::engine::{Direction, Engine, EngineError, KeyRange};
use super::key::{Key, readable};
use super::row::{self, Row, Stamped};
use super::scan::Scan;
use super::table::{NONE, Slot, Table};
use crate::mutants::mutant;
use crate::serde::{Serde, SerdeError};
use std::collections::BTreeMap;
use weight::Lengths;

mod eviction;
mod transaction;
mod weight;

/// How many values a store keeps deserialised.
///
/// What does not fit is kept as bytes while it is dirty or unapplied, and left to the engine afterwards. No result
/// depends on it unless a value differs from what decoding its encoded form gives; [`OverlayLimit::NONE`] shows
/// that, because then every access goes through the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlayLimit(usize);

impl OverlayLimit {
    /// Every access encodes and decodes.
    pub const NONE: Self = OverlayLimit(0);
    /// Nothing goes unless it is asked to.
    pub const UNBOUNDED: Self = OverlayLimit(usize::MAX);

    /// At most `n`.
    pub const fn values(n: usize) -> Self {
        OverlayLimit(n)
    }
}

pub(super) struct Overlay<S: Serde> {
    name: Box<str>,
    engine: Box<dyn Engine>,
    limit: usize,
    table: Table<Entry<S::Type>>,
    /// The slots of typed entries, for eviction; `hand` walks over them (second chance).
    typed: Vec<Slot>,
    hand: usize,
    /// The open transaction, in first-touch order.
    changes: Vec<Change>,
    /// Positions in `changes` that the changelog does not have in their present form.
    unsent: Vec<u32>,
    /// Slots of unapplied entries, in the order in which they became so.
    unapplied: Vec<Slot>,
    unapplied_bytes: usize,
    /// Dirty and unapplied entries by key, from the first scan on: a store that is never scanned does not pay.
    ordered: Option<BTreeMap<Key, Slot>>,
    /// How long rows are on average.
    lengths: Lengths,
    /// Once so many changes are not sent, one of them is encoded only to know how long it is.
    measured_at: usize,
    bytes: Vec<u8>,
    scratch: Option<Stamped<S::Type>>,
}

pub(super) struct Entry<V> {
    pub(super) live: Live<V>,
    committed: Committed,
    /// Position in `Overlay::changes`, `NONE` if not dirty.
    change: u32,
    /// Position in `Overlay::typed`, `NONE` if not typed.
    typed_at: u32,
    unsent: bool,
    referenced: bool,
}

/// What a step sees.
pub(super) enum Live<V> {
    Typed(Option<Stamped<V>>),
    /// Only of a dirty or unapplied entry.
    Encoded(Option<Row>),
}

/// What an abort goes back to.
enum Committed {
    InBase,
    Unapplied(Option<Row>),
}

struct Change {
    slot: Slot,
    /// The time a deletion is sent with; a row has its own.
    at: i64,
    /// As it was sent.
    row: Option<Row>,
}

/// Where [`Overlay::load`] put a value.
enum Place {
    Slot(Slot),
    /// In `Overlay::scratch`: nothing is kept typed.
    Scratch,
}

impl<V> Entry<V> {
    fn new(live: Live<V>) -> Self {
        let committed = Committed::InBase;
        Entry { live, committed, change: NONE, typed_at: NONE, unsent: false, referenced: false }
    }

    /// Whether it says something the engine does not.
    fn is_pinned(&self) -> bool {
        self.change != NONE || matches!(self.committed, Committed::Unapplied(_))
    }

    #[inline]
    fn typed(&self) -> Option<&Stamped<V>> {
        match &self.live {
            Live::Typed(value) => value.as_ref(),
            Live::Encoded(_) => unreachable!("`load` returned the slot of an encoded value"),
        }
    }

    #[inline]
    fn typed_mut(&mut self) -> &mut Option<Stamped<V>> {
        match &mut self.live {
            Live::Typed(value) => value,
            Live::Encoded(_) => unreachable!("`load` returned the slot of an encoded value"),
        }
    }
}

impl<S: Serde> Overlay<S> {
    pub(super) fn new(name: &str, engine: Box<dyn Engine>, limit: OverlayLimit) -> Self {
        Overlay {
            name: name.into(),
            engine,
            limit: limit.0,
            table: Table::new(),
            typed: Vec::new(),
            hand: 0,
            changes: Vec::new(),
            unsent: Vec::new(),
            unapplied: Vec::new(),
            unapplied_bytes: 0,
            ordered: None,
            lengths: Lengths::default(),
            measured_at: 1,
            bytes: Vec::new(),
            scratch: None,
        }
    }

    #[inline]
    pub(super) fn get(&mut self, key: &[u8]) -> Result<Option<&Stamped<S::Type>>, StateError> {
        Ok(match self.load(key)? {
            Place::Slot(slot) => self.table[slot].typed(),
            Place::Scratch => self.scratch.as_ref(),
        })
    }

    pub(super) fn put(
        &mut self,
        key: &[u8],
        value: Option<Stamped<S::Type>>,
        at: i64,
    ) -> Result<(), StateError> {
        if self.limit == 0 {
            let row = self.encode(key, value.as_ref())?;
            self.put_encoded(key, row, at);
            return Ok(());
        }
        let slot = match self.table.find(key) {
            Some(slot) => {
                let entry = &mut self.table[slot];
                entry.live = Live::Typed(value);
                entry.referenced = true;
                slot
            }
            None => self.table.insert(key, Entry::new(Live::Typed(value))),
        };
        if self.table[slot].typed_at == NONE {
            self.now_typed(slot);
        }
        self.change(slot, at);
        self.deleted_at(slot, at);
        Ok(())
    }

    #[inline]
    pub(super) fn update<R>(
        &mut self,
        key: &[u8],
        at: i64,
        f: impl FnOnce(&mut Option<Stamped<S::Type>>) -> R,
    ) -> Result<R, StateError> {
        match self.load(key)? {
            Place::Slot(slot) => {
                // Dirty before `f` runs: if it panics half-way, the abort that follows must find the entry.
                self.change(slot, at);
                let result = f(self.table[slot].typed_mut());
                self.deleted_at(slot, at);
                Ok(result)
            }
            Place::Scratch => {
                let result = f(&mut self.scratch);
                self.put_scratch(key, at)?;
                Ok(result)
            }
        }
    }

    pub(super) fn try_update<R, E>(
        &mut self,
        key: &[u8],
        at: i64,
        f: impl FnOnce(&mut Option<Stamped<S::Type>>) -> Result<R, E>,
    ) -> Result<Result<R, E>, StateError>
    where
        S::Type: Clone,
    {
        match self.load(key)? {
            Place::Slot(slot) => {
                match (&mut self.scratch, self.table[slot].typed()) {
                    (Some(scratch), Some(live)) => scratch.clone_from(live),
                    (scratch, live) => *scratch = live.cloned(),
                }
                let result = f(&mut self.scratch);
                if result.is_ok() || mutant!(KeptAfterSkip) {
                    self.change(slot, at);
                    std::mem::swap(self.table[slot].typed_mut(), &mut self.scratch);
                    self.deleted_at(slot, at);
                }
                Ok(result)
            }
            Place::Scratch => {
                let result = f(&mut self.scratch);
                if result.is_ok() || mutant!(KeptAfterSkip) {
                    self.put_scratch(key, at)?;
                }
                Ok(result)
            }
        }
    }

    pub(super) fn scan(
        &mut self,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> Result<Scan<'_, S>, StateError> {
        let table = &self.table;
        let ordered = self.ordered.get_or_insert_with(|| {
            let pinned = (0..table.bound()).filter_map(|slot| Some((slot, table.get(slot)?)));
            pinned.filter(|(_, (_, e))| e.is_pinned()).map(|(slot, (key, _))| (key.clone(), slot)).collect()
        });
        let cursor = self.engine.scan(range, direction).map_err(|e| engine_error(&self.name, e))?;
        Ok(Scan::new(&self.name, cursor, table, ordered, range, direction))
    }

    /// Finds the live value, decodes it if need be, and says where it is.
    #[inline]
    fn load(&mut self, key: &[u8]) -> Result<Place, StateError> {
        if let Some(slot) = self.table.find(key) {
            let entry = &mut self.table[slot];
            if let Live::Typed(_) = entry.live {
                entry.referenced = true;
                return Ok(Place::Slot(slot));
            }
        }
        self.load_cold(key)
    }

    #[cold]
    #[inline(never)]
    fn load_cold(&mut self, key: &[u8]) -> Result<Place, StateError> {
        let slot = self.table.find(key);
        if self.limit > 0 {
            // What was there moves into the overlay, so its memory cannot be used again.
            self.scratch = None;
        }
        let decoded = match slot {
            Some(slot) => match &self.table[slot].live {
                Live::Encoded(Some(row)) => row::decode_into::<S>(row, &mut self.scratch).map(|()| row.len()),
                Live::Encoded(None) => Ok(0),
                Live::Typed(_) => return Ok(Place::Slot(slot)),
            },
            None => {
                let found = self.engine.get(key, &mut self.bytes).map_err(|e| engine_error(&self.name, e))?;
                match found {
                    true => row::decode_into::<S>(&self.bytes, &mut self.scratch).map(|()| self.bytes.len()),
                    false => Ok(0),
                }
            }
        };
        match decoded.map_err(|cause| decode_error(&self.name, key, cause))? {
            0 => self.scratch = None,
            len => self.lengths.saw(len),
        }
        if self.limit == 0 {
            return Ok(Place::Scratch);
        }
        let live = Live::Typed(self.scratch.take());
        let slot = match slot {
            Some(slot) => {
                self.table[slot].live = live;
                slot
            }
            None => self.table.insert(key, Entry::new(live)),
        };
        self.now_typed(slot);
        Ok(Place::Slot(slot))
    }

    /// Notes that an entry is changed by the open transaction.
    #[inline]
    fn change(&mut self, slot: Slot, at: i64) {
        let entry = &mut self.table[slot];
        if entry.unsent {
            return;
        }
        entry.unsent = true;
        if entry.change == NONE {
            let pinned = entry.is_pinned();
            entry.change = self.changes.len() as u32;
            self.changes.push(Change { slot, at, row: None });
            if let (Some(ordered), false) = (&mut self.ordered, pinned) {
                ordered.insert(self.table.key(slot).clone(), slot);
            }
        }
        self.unsent.push(self.table[slot].change);
    }

    /// A deletion is sent with the time of the change that made it.
    #[inline]
    fn deleted_at(&mut self, slot: Slot, at: i64) {
        let entry = &self.table[slot];
        if matches!(entry.live, Live::Typed(None) | Live::Encoded(None)) {
            self.changes[entry.change as usize].at = at;
        }
    }

    fn put_scratch(&mut self, key: &[u8], at: i64) -> Result<(), StateError> {
        let scratch = self.scratch.take();
        let row = self.encode(key, scratch.as_ref());
        self.scratch = scratch;
        self.put_encoded(key, row?, at);
        Ok(())
    }

    fn put_encoded(&mut self, key: &[u8], row: Option<Row>, at: i64) {
        let live = Live::Encoded(row);
        let slot = match self.table.find(key) {
            Some(slot) => {
                self.table[slot].live = live;
                slot
            }
            None => self.table.insert(key, Entry::new(live)),
        };
        self.change(slot, at);
        self.deleted_at(slot, at);
    }

    fn encode(&mut self, key: &[u8], value: Option<&Stamped<S::Type>>) -> Result<Option<Row>, StateError> {
        let Some(value) = value else { return Ok(None) };
        self.bytes.clear();
        row::encode::<S>(value, &mut self.bytes).map_err(|cause| encode_error(&self.name, key, cause))?;
        self.lengths.saw(self.bytes.len());
        Ok(Some(Row::from(self.bytes.as_slice())))
    }
}

pub(super) fn engine_error(store: &str, cause: EngineError) -> StateError {
    StateError::Engine { store: store.into(), cause }
}

pub(super) fn decode_error(store: &str, key: &[u8], cause: SerdeError) -> StateError {
    StateError::Decode { store: store.into(), key: readable(key), cause }
}

fn encode_error(store: &str, key: &[u8], cause: SerdeError) -> StateError {
    StateError::Encode { store: store.into(), key: readable(key), cause }
}
