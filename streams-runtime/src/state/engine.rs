//! The seam to the disk: where committed rows rest.
//!
//! An engine knows bytes, their order and one [`Mark`]. It deliberately does not know transactions, formats,
//! timestamps or which rows are newer in an overlay above it. It holds committed data only and may lag behind.

use super::unreadable::Unreadable;
use std::ops::Bound;
use std::path::Path;

/// A sorted map of bytes that changes in whole batches.
///
/// Invariants an implementation keeps: a batch and its mark are stored together or not at all, also across a
/// crash; the mark is never seen by [`scan`](Engine::scan) or [`get`](Engine::get), whatever the keys are.
pub trait Engine: Send {
    /// Replaces the contents of `out` by the row of `key`; `false` if there is none.
    ///
    /// # Errors
    /// If reading fails.
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<bool, EngineError>;

    /// Writes all of `batch`, in its order, and `mark` if there is one; or nothing at all.
    ///
    /// # Errors
    /// If writing fails. Nothing of the batch is visible then.
    fn apply(&mut self, batch: &mut Batch<'_>, mark: Option<&Mark>) -> Result<(), EngineError>;

    /// The rows between two keys, in byte order or against it. `range` may be [empty](KeyRange::is_empty).
    ///
    /// # Errors
    /// If reading fails.
    fn scan<'a>(
        &'a self,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + 'a>, EngineError>;

    /// The mark of the last batch that had one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn mark(&self) -> Result<Option<Mark>, EngineError>;

    /// Forgets every row and the mark.
    ///
    /// # Errors
    /// If it cannot.
    fn clear(&mut self) -> Result<(), EngineError>;

    /// Nothing was written for a while, and may not be for long: gives back what memory it holds for writing.
    ///
    /// # Errors
    /// If what is there cannot be written. Nothing is lost then.
    fn rest(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Set if what was found cannot be used. Then it answers nothing, and takes nothing, until it was
    /// [moved aside](Engine::move_aside).
    fn unreadable(&self) -> Option<&Unreadable> {
        None
    }

    /// Where it rests, if it rests in files.
    fn directory(&self) -> Option<&Path> {
        None
    }

    /// Puts all it has aside, where only people find it, and is empty then. What is in memory only is forgotten.
    ///
    /// # Errors
    /// If it cannot. Nothing is changed then.
    fn move_aside(&mut self, _why: &str) -> Result<(), EngineError> {
        self.clear()
    }

    /// Why it is empty although there had been rows: what was found, and where it was [moved](Engine::move_aside) to.
    fn damage(&self) -> Option<&str> {
        None
    }

    /// What it has must stay, whoever cleans up: it may be the only good copy. It need not any more once a mark is
    /// [applied](Engine::apply).
    fn keep(&self, _why: &str) {}
}

/// Stands in the directory of a store that must [stay](Engine::keep), with the reason.
pub(crate) const KEEP: &str = "KEEP";

/// Rows to write; `None` deletes.
pub type Batch<'a> = dyn Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + 'a;

/// A key's bytes and what is stored there, both lent.
pub type KeyAnd<'a, T> = (&'a [u8], &'a T);

/// Reads the rows of a scan one after the other.
pub trait Cursor {
    /// The next key and row; they are valid until the next call.
    ///
    /// # Errors
    /// If reading fails.
    #[allow(clippy::should_implement_trait, reason = "it lends, an Iterator cannot")]
    fn next(&mut self) -> Result<Option<KeyAnd<'_, [u8]>>, EngineError>;
}

/// What is stored with a batch, so that a reopened engine tells what it has, and how far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The next changelog offset to replay.
    pub changelog_offset: i64,
    /// The identity of the changelog topic: one made anew under the same name has another.
    pub topic_id: u128,
    /// The task's times and schedules, as the task encodes them.
    pub task_times: Vec<u8>,
    /// Wall-clock milliseconds at which the offset was the end of the changelog.
    pub wall_ms: i64,
    /// In which form the rows are, as the text of a [`StoreForm`](super::StoreForm); empty if nobody noted it.
    pub form: String,
}

/// From where to where.
#[derive(Clone, Copy, Debug)]
pub struct KeyRange<'a> {
    /// The lower end.
    pub from: Bound<&'a [u8]>,
    /// The upper end.
    pub to: Bound<&'a [u8]>,
}

impl<'a> KeyRange<'a> {
    /// Every key.
    pub const ALL: KeyRange<'static> = KeyRange { from: Bound::Unbounded, to: Bound::Unbounded };

    /// Both ends belong to it, as in Kafka Streams' `range`.
    pub const fn inclusive(from: &'a [u8], to: &'a [u8]) -> Self {
        KeyRange { from: Bound::Included(from), to: Bound::Included(to) }
    }

    /// Whether no key can be in it. (A `BTreeMap` panics when asked for such a range.)
    pub fn is_empty(&self) -> bool {
        use Bound::{Excluded, Included, Unbounded};
        match (self.from, self.to) {
            (Unbounded, _) | (_, Unbounded) => false,
            (Included(from), Included(to)) => from > to,
            (Included(from) | Excluded(from), Included(to) | Excluded(to)) => from >= to,
        }
    }
}

/// Which end of a scan comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Lowest key first.
    Forward,
    /// Highest key first.
    Backward,
}

/// Why an engine failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EngineError(Box<dyn std::error::Error + Send + Sync>);

impl EngineError {
    /// Wraps the cause.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        EngineError(cause.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_keys_is_known_before_a_map_is_asked() {
        assert!(!KeyRange::ALL.is_empty());
        assert!(!KeyRange::inclusive(b"a", b"a").is_empty());
        assert!(KeyRange::inclusive(b"b", b"a").is_empty());
        let both_out = KeyRange { from: Bound::Excluded(&b"a"[..]), to: Bound::Excluded(&b"a"[..]) };
        assert!(both_out.is_empty());
        let half_open = KeyRange { from: Bound::Included(&b"a"[..]), to: Bound::Excluded(&b"a"[..]) };
        assert!(half_open.is_empty());
    }
}
