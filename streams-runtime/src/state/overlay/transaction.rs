//! What a transaction does to an overlay: its changes are sent, become committed or never happened, are applied.
//!
//! Knows the three states of an entry. It does not know how a transaction ends, nor when to apply; and it never
//! looks at the engine to undo something.

use super::super::engine::Mark;
use super::super::key::readable;
use super::super::replayed;
use super::super::row::{self, Row};
use super::super::table::{NONE, Slot, Table};
use super::super::{ChangelogSink, Restored, StateError};
use super::{Committed, Entry, Live, Overlay, decode_error, encode_error, engine_error};
use crate::mutants::mutant;
use crate::serde::Serde;

/// What an engine is given at once, in bytes, if there is more.
const PIECE: usize = 4 << 20;

impl<S: Serde> Overlay<S> {
    pub(in crate::state) fn prepare(&mut self, changelog: &mut dyn ChangelogSink) -> Result<(), StateError> {
        mutant!(FlushInHashOrder => self.unsent.reverse());
        for sent in 0..self.unsent.len() {
            if let Err(error) = self.send(self.unsent[sent], changelog) {
                self.unsent.drain(..sent);
                return Err(error);
            }
        }
        self.unsent.clear();
        Ok(())
    }

    fn send(&mut self, position: u32, changelog: &mut dyn ChangelogSink) -> Result<(), StateError> {
        let change = &mut self.changes[position as usize];
        let key = self.table.key(change.slot).as_bytes();
        let entry = &self.table[change.slot];
        let row = match &entry.live {
            Live::Encoded(row) => row.clone(),
            Live::Typed(None) => None,
            Live::Typed(Some(value)) => {
                self.bytes.clear();
                row::encode::<S>(value, &mut self.bytes)
                    .map_err(|cause| encode_error(&self.name, key, cause))?;
                self.lengths.saw(self.bytes.len());
                Some(Row::from(self.bytes.as_slice()))
            }
        };
        let (timestamp, plain) = match &row {
            None => (change.at, None),
            Some(row) => {
                let (timestamp, plain) =
                    row::split(row).map_err(|cause| decode_error(&self.name, key, cause))?;
                (timestamp, Some(plain))
            }
        };
        changelog.change(key, plain, timestamp).map_err(|cause| StateError::Changelog {
            store: self.name.clone(),
            key: readable(key),
            cause,
        })?;
        change.row = row;
        self.table[self.changes[position as usize].slot].unsent = false;
        Ok(())
    }

    pub(in crate::state) fn committed(&mut self) {
        assert!(
            self.unsent.is_empty(),
            "store `{}`: committed with {} changes that are not in the changelog",
            self.name,
            self.unsent.len()
        );
        self.measured_at = 1;
        for change in self.changes.drain(..) {
            let key_len = self.table.key(change.slot).as_bytes().len();
            let entry = &mut self.table[change.slot];
            entry.change = NONE;
            self.unapplied_bytes += key_len + row_len(&change.row);
            match std::mem::replace(&mut entry.committed, Committed::Unapplied(change.row)) {
                Committed::InBase => self.unapplied.push(change.slot),
                Committed::Unapplied(older) => self.unapplied_bytes -= key_len + row_len(&older),
            }
        }
    }

    pub(in crate::state) fn aborted(&mut self) {
        self.unsent.clear();
        self.measured_at = 1;
        let mut changes = std::mem::take(&mut self.changes);
        for change in changes.drain(..) {
            let slot = change.slot;
            self.no_longer_typed(slot);
            let entry = &mut self.table[slot];
            entry.change = NONE;
            entry.unsent = false;
            match &entry.committed {
                Committed::Unapplied(_) if mutant!(UndoToEngine) => {
                    let found =
                        self.engine.get(self.table.key(slot).as_bytes(), &mut self.bytes).unwrap_or(false);
                    self.table[slot].live = Live::Encoded(found.then(|| Row::from(self.bytes.as_slice())));
                }
                Committed::Unapplied(row) => entry.live = Live::Encoded(row.clone()),
                Committed::InBase => {
                    self.unpin(slot);
                    self.table.remove(slot);
                }
            }
        }
        self.changes = changes;
    }

    /// `more` is one row of the store itself that belongs into the same batch as the mark.
    pub(in crate::state) fn apply(
        &mut self,
        mark: &Mark,
        more: Option<(&[u8], &[u8])>,
    ) -> Result<(), StateError> {
        let first = self.apply_pieces()?;
        let table = &self.table;
        let rows = self.unapplied[first..].iter().map(|&slot| unapplied_row(table, slot));
        let mut batch = rows.chain(more.map(|(key, row)| (key, Some(row))));
        self.engine.apply(&mut batch, Some(mark)).map_err(|e| engine_error(&self.name, e))?;
        self.unapplied_bytes = 0;
        let mut unapplied = std::mem::take(&mut self.unapplied);
        for slot in unapplied.drain(..) {
            let entry = &mut self.table[slot];
            entry.committed = Committed::InBase;
            if entry.change != NONE {
                continue;
            }
            let encoded = matches!(entry.live, Live::Encoded(_));
            self.unpin(slot);
            if encoded {
                self.table.remove(slot);
            }
        }
        self.unapplied = unapplied;
        Ok(())
    }

    /// Hands all but the last piece of what is not applied to the engine, so that an engine needs memory for a piece
    /// only; returns where the last one begins.
    ///
    /// The mark stays what it was. After a crash the replay begins there, and the changelog has each of these rows
    /// behind it: they are written again, or something newer is. Without a mark nobody would know that there are rows,
    /// so the first batch of an engine has all of them.
    fn apply_pieces(&mut self) -> Result<usize, StateError> {
        let mut first = 0;
        if self.unapplied_bytes <= PIECE {
            return Ok(first);
        }
        let failed = |cause| engine_error(&self.name, cause);
        if self.engine.mark().map_err(failed)?.is_none() {
            return Ok(first);
        }
        let (table, mut bytes) = (&self.table, 0);
        for at in 0..self.unapplied.len() {
            let (key, row) = unapplied_row(table, self.unapplied[at]);
            bytes += key.len() + row.map_or(0, <[u8]>::len);
            if bytes >= PIECE {
                let mut piece = self.unapplied[first..=at].iter().map(|&slot| unapplied_row(table, slot));
                self.engine.apply(&mut piece, None).map_err(failed)?;
                (first, bytes) = (at + 1, 0);
            }
        }
        Ok(first)
    }

    /// Writes a piece of the changelog below the overlay and forgets the overlay: what it holds may be older.
    pub(in crate::state) fn restore<'a>(
        &mut self,
        records: impl Iterator<Item = Restored<'a>>,
        mark: &Mark,
        more: Option<(&[u8], &[u8])>,
    ) -> Result<(), StateError> {
        assert!(self.changes.is_empty(), "store `{}`: restored within a transaction", self.name);
        // First what was committed but not applied: the replay may start behind it.
        let table = &self.table;
        let unapplied = self.unapplied.iter().map(|&slot| unapplied_row(table, slot));
        let place = (&*self.name, self.engine.as_mut());
        replayed::write(place, unapplied, records, more, mark, &mut self.bytes)?;
        if !mutant!(CacheKept) {
            self.forget();
        }
        Ok(())
    }
}

fn unapplied_row<V>(table: &Table<Entry<V>>, slot: Slot) -> (&[u8], Option<&[u8]>) {
    match &table[slot].committed {
        Committed::Unapplied(row) => (table.key(slot).as_bytes(), row.as_deref()),
        Committed::InBase => unreachable!("the list of unapplied slots holds an applied one"),
    }
}

fn row_len(row: &Option<Row>) -> usize {
    row.as_ref().map_or(0, |row| row.len())
}
