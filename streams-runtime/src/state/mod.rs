//! State: what a task remembers, and how a transaction that fails is forgotten.
//!
//! Everything is *base + changes of the open transaction*. A value is in one of three states:
//!
//! ```text
//!            change                    committed                    apply
//!   clean ───────────→ dirty ───────────────────────→ unapplied ───────────→ clean
//!     ↑                  │ aborted                       │  ↑
//!     └──────────────────┴──── back to what it was: ─────┴──┘
//!          engine's row            the committed bytes, which the engine does not have yet
//! ```
//!
//! | file | answers |
//! |---|---|
//! | [`Engine`] | where do committed rows rest? ([`MemoryEngine`]: in a map; `RocksEngine`, with the feature `rocksdb`: on disk) |
//! | `row` | what are the bytes of a row? |
//! | `key`, `table` | how is a key found without an allocation? |
//! | `overlay` | which of the three states is a value in, and what follows from it? |
//! | `scan` | what is there between two keys, in order? |
//! | [`KeyValueStore`], [`WindowStore`] | what may a step do? |
//! | `replayed`, `raw` | what does a changelog make of an engine, and who needs no types for it? |
//! | [`Undo`], [`TimeCell`] | how is a single value remembered? |
//! | [`StoreForm`] | in which form are its rows, and is that the form of those that were found? |
//! | [`Unreadable`] | may what was found be used, and what if not? |
//!
//! It deliberately does not know topics, offsets' meaning, tasks, transactions' outcome or clocks: a task says
//! `committed` or `aborted`, and when to `apply`.

mod cell;
mod engine;
mod form;
mod key;
mod kv;
mod memory;
mod overlay;
mod raw;
mod replayed;
#[cfg(feature = "rocksdb")]
mod rocks;
mod row;
mod scan;
mod table;
#[cfg(test)]
mod tests;
mod unreadable;
mod window_store;

pub use cell::{TimeCell, Undo};
pub(crate) use engine::KEEP;
pub use engine::{Batch, Cursor, Direction, Engine, EngineError, KeyAnd, KeyRange, Mark};
pub use form::{OtherForm, StoreForm};
pub use kv::KeyValueStore;
pub use memory::MemoryEngine;
pub use overlay::OverlayLimit;
pub(crate) use raw::RawStore;
#[cfg(feature = "rocksdb")]
pub(crate) use rocks::Shared;
#[cfg(feature = "rocksdb")]
pub use rocks::{DiskMemory, RocksEngine};
pub use row::Stamped;
pub use scan::Scan;
pub(crate) use unreadable::readable;
pub use unreadable::{ForeignRow, OnUnreadable, Unreadable, UnreadableStore};
pub use window_store::{WindowRow, WindowScan, WindowStore};

use crate::serde::SerdeError;
use std::error::Error;

/// What a task remembers between records: base + changes of the open transaction.
///
/// The order of calls of one transaction is `prepare`, then `committed` or `aborted`. If the outcome is unknown,
/// it is `aborted` and a replay of the changelog.
pub trait Remembered {
    /// Encodes the changes of this transaction that are not yet in the changelog, in first-touch order.
    ///
    /// Calling it again sends nothing twice: only what was changed since. After an error the change that failed
    /// and those behind it are still to be sent.
    ///
    /// # Errors
    /// If a value has no form in its format, or the sink refuses.
    fn prepare(&mut self, changelog: &mut dyn ChangelogSink) -> Result<(), StateError>;

    /// The changes became part of the committed state. The engine need not know yet.
    ///
    /// # Panics
    /// If there are changes that [`prepare`](Remembered::prepare) did not send: they would be lost.
    fn committed(&mut self);

    /// The changes never happened.
    fn aborted(&mut self);

    /// Hands what is committed but not applied to the engine, with `mark`, which must describe the changelog as of the
    /// last commit, in the last batch. Allowed while a transaction is open: its changes stay out.
    ///
    /// # Errors
    /// If the engine fails. Nothing is forgotten then.
    fn apply(&mut self, mark: &Mark) -> Result<(), StateError>;

    /// Replays a piece of the changelog into the engine, together with the mark it leads up to. Only stores have one.
    ///
    /// # Errors
    /// If the engine fails, or a key is not of this store.
    ///
    /// # Panics
    /// Within a transaction: abort it first.
    fn restore(&mut self, _records: &[Restored<'_>], _mark: &Mark) -> Result<(), StateError> {
        Ok(())
    }

    /// How far the engine is; `None` if nothing was ever applied.
    ///
    /// # Errors
    /// If it cannot be read.
    fn mark(&self) -> Result<Option<Mark>, StateError> {
        Ok(None)
    }

    /// Forgets everything, the engine's rows and mark included: the start of a rebuild.
    ///
    /// # Errors
    /// If the engine fails.
    fn clear(&mut self) -> Result<(), StateError> {
        Ok(())
    }

    /// Deletes up to `rows` rows that no reader can see any more.
    ///
    /// # Errors
    /// If the engine fails.
    fn expire(&mut self, _rows: usize) -> Result<(), StateError> {
        Ok(())
    }

    /// As [`Engine::rest`]. What is not applied stays where it is.
    ///
    /// # Errors
    /// If the engine fails.
    fn rest(&mut self) -> Result<(), StateError> {
        Ok(())
    }

    /// As [`Engine::damage`].
    fn damage(&self) -> Option<String> {
        None
    }

    /// As [`Engine::keep`].
    fn keep(&self, _why: &str) {}

    /// The lowest start of a window that a reader can see; `None` for what does not keep windows, or has none.
    fn first_visible(&self) -> Option<i64> {
        None
    }

    /// About how much memory it takes beside its engine, in bytes.
    fn weigh(&mut self) -> usize {
        0
    }

    /// Gives up what the engine has too, until no more than about so many bytes are left. No result depends on it.
    fn shed(&mut self, _bytes: usize) {}

    /// How many bytes an [`apply`](Remembered::apply) would write now.
    fn unapplied_bytes(&self) -> usize {
        0
    }
}

/// Where changes go so that they can be replayed: the changelog topic of a store.
pub trait ChangelogSink {
    /// One change: the value's plain bytes, or `None` for a deletion.
    ///
    /// # Errors
    /// Whatever made it impossible; the store adds its name.
    fn change(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        timestamp: i64,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// One record of a changelog, as [`KeyValueStore::restore`] and [`WindowStore::restore`] take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored<'a> {
    /// The record's key.
    pub key: &'a [u8],
    /// The record's value, `None` for a deletion.
    pub value: Option<&'a [u8]>,
    /// The record's timestamp.
    pub timestamp: i64,
}

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The engine failed.
    #[error("store `{store}`: {cause}")]
    Engine {
        /// The store.
        store: Box<str>,
        /// What happened.
        #[source]
        cause: EngineError,
    },
    /// Another worker of this process has not closed the store yet. It passes.
    #[error("store `{store}` is still open in another worker of this process")]
    InUse {
        /// The store.
        store: Box<str>,
    },
    /// What was found of a store cannot be used, and nobody said that it may be rebuilt.
    #[error(transparent)]
    Unreadable(Box<UnreadableStore>),
    /// A record of the changelog is no row of the store.
    #[error(transparent)]
    Foreign(Box<ForeignRow>),
    /// A value has no form in the format of its store.
    #[error("store `{store}`: the value of key {key} cannot be encoded: {cause}")]
    Encode {
        /// The store.
        store: Box<str>,
        /// The key, readable.
        key: Box<str>,
        /// What the format said.
        #[source]
        cause: SerdeError,
    },
    /// A stored row is not of the format of its store.
    #[error("store `{store}`: the row of key {key} cannot be decoded: {cause}")]
    Decode {
        /// The store.
        store: Box<str>,
        /// The key, readable.
        key: Box<str>,
        /// What the format said.
        #[source]
        cause: SerdeError,
    },
    /// The changelog refused a change.
    #[error("store `{store}`: the changelog refused key {key}: {cause}")]
    Changelog {
        /// The store.
        store: Box<str>,
        /// The key, readable.
        key: Box<str>,
        /// What it said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}
