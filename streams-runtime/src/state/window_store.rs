//! A store of one value for each key and window, for as long as the window is retained.
//!
//! The engine's key is the window's start (8 bytes, big-endian) and then the key, so that expiry is one range. The
//! changelog's key is Kafka Streams': the key, the start, and 4 bytes of zeros.
//!
//! A window is visible while its start is later than the highest start ever put minus the retention. That highest
//! start is base + changes like any value: an abort takes it back. It is stored beside the rows, under the empty
//! key, which is no window's. Rows are deleted by the highest start *that the engine knows*, so no reader can tell
//! whether a row is deleted or hidden. It deliberately does not know how long windows are, nor grace.

use super::cell::TimeCell;
use super::engine::{Direction, Engine, KeyRange, Mark};
use super::overlay::{Overlay, OverlayLimit, engine_error};
use super::replayed::{self, HIGHEST, Windows, first_visible};
use super::row::Stamped;
use super::scan::Scan;
use super::table::Slot;
use super::{ChangelogSink, Remembered, Restored, StateError};
use crate::mutants::mutant;
use crate::serde::Serde;
use std::error::Error;
use std::ops::Bound;

/// Kafka Streams numbers the duplicates of a window; stores without duplicates write 0.
const SEQUENCE: [u8; 4] = [0; 4];

/// How many overlay entries are looked at for each row that may be deleted.
const LOOKS_PER_DELETION: usize = 4;

/// One value for each key and window start.
///
/// Reading an expired window finds nothing, writing to it does nothing.
///
/// ```
/// use streams_runtime::state::{MemoryEngine, OverlayLimit, Stamped, WindowStore};
///
/// let mut store = WindowStore::<i64>::open("counts", Box::new(MemoryEngine::new()), OverlayLimit::UNBOUNDED, 15_000)?;
/// let row = |timestamp| Some(Stamped { value: 1, timestamp });
/// assert!(store.put(b"ann", 0, row(3_000), 3_000)?);
/// assert!(store.put(b"bob", 20_000, row(21_000), 21_000)?);
/// assert_eq!(store.get(b"ann", 0)?, None, "0 is not later than 20 s - 15 s");
/// assert!(!store.put(b"ann", 5_000, row(5_000), 5_000)?);
/// # Ok::<(), streams_runtime::state::StateError>(())
/// ```
pub struct WindowStore<S: Serde> {
    overlay: Overlay<S>,
    retention: i64,
    highest: TimeCell,
    /// The highest start as the engine has it.
    applied: Option<i64>,
    key: Vec<u8>,
    hand: Slot,
}

/// One row of a [`WindowScan`].
#[derive(Debug, PartialEq, Eq)]
pub struct WindowRow<'a, V> {
    /// The start of the window.
    pub start: i64,
    /// The key's bytes.
    pub key: &'a [u8],
    /// The value and its time.
    pub row: &'a Stamped<V>,
}

impl<S: Serde> WindowStore<S> {
    /// A store over what `engine` holds, which shows windows for `retention_ms`. `name` appears in errors.
    ///
    /// # Errors
    /// If the engine fails or is not that of a window store.
    pub fn open(
        name: &str,
        engine: Box<dyn Engine>,
        limit: OverlayLimit,
        retention_ms: i64,
    ) -> Result<Self, StateError> {
        let applied = replayed::highest(name, engine.as_ref())?;
        Ok(WindowStore {
            overlay: Overlay::new(name, engine, limit),
            retention: retention_ms,
            highest: TimeCell::starting_at(applied),
            applied,
            key: Vec::new(),
            hand: 0,
        })
    }

    /// The store's name.
    pub fn name(&self) -> &str {
        self.overlay.name()
    }

    /// The highest window start ever put.
    pub fn highest_start(&self) -> Option<i64> {
        self.highest.get()
    }

    /// The row of a key in the window that starts at `start`.
    ///
    /// # Errors
    /// If the engine fails or the row is not of this format.
    #[inline]
    pub fn get(&mut self, key: &[u8], start: i64) -> Result<Option<&Stamped<S::Type>>, StateError> {
        if start < self.first_visible() {
            return Ok(None);
        }
        self.overlay.get(store_key(&mut self.key, key, start))
    }

    /// Sets or deletes a row; `at` as in [`KeyValueStore`](super::KeyValueStore). `false` if the window is expired.
    ///
    /// # Errors
    /// As [`KeyValueStore::put`](super::KeyValueStore::put).
    pub fn put(
        &mut self,
        key: &[u8],
        start: i64,
        row: Option<Stamped<S::Type>>,
        at: i64,
    ) -> Result<bool, StateError> {
        if start < self.first_visible() {
            return Ok(false);
        }
        self.overlay.put(store_key(&mut self.key, key, start), row, at)?;
        self.highest.advance(start);
        Ok(true)
    }

    /// Changes a row in place, as [`KeyValueStore::update`](super::KeyValueStore::update). `None`, and `f` is not
    /// called, if the window is expired.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn update<R>(
        &mut self,
        key: &[u8],
        start: i64,
        at: i64,
        f: impl FnOnce(&mut Option<Stamped<S::Type>>) -> R,
    ) -> Result<Option<R>, StateError> {
        if start < self.first_visible() {
            return Ok(None);
        }
        let result = self.overlay.update(store_key(&mut self.key, key, start), at, f)?;
        self.highest.advance(start);
        Ok(Some(result))
    }

    /// As [`update`](Self::update), for functions that can fail, as
    /// [`KeyValueStore::try_update`](super::KeyValueStore::try_update).
    ///
    /// # Errors
    /// The outer error is the store's, the inner one is that of `f`.
    pub fn try_update<R, E>(
        &mut self,
        key: &[u8],
        start: i64,
        at: i64,
        f: impl FnOnce(&mut Option<Stamped<S::Type>>) -> Result<R, E>,
    ) -> Result<Option<Result<R, E>>, StateError>
    where
        S::Type: Clone,
    {
        if start < self.first_visible() {
            return Ok(None);
        }
        let result = self.overlay.try_update(store_key(&mut self.key, key, start), at, f)?;
        if result.is_ok() {
            self.highest.advance(start);
        }
        Ok(Some(result))
    }

    /// The windows of one key with a start of `from` to `to`, both included, earliest first.
    ///
    /// It reads the windows of all keys in that range.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn fetch(&mut self, key: &[u8], from: i64, to: i64) -> Result<WindowScan<'_, S>, StateError> {
        let only = Some(key.to_vec());
        self.windows(from, to, Direction::Forward, only)
    }

    /// All visible windows, by start and then by key.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn all(&mut self, direction: Direction) -> Result<WindowScan<'_, S>, StateError> {
        self.windows(0, i64::MAX, direction, None)
    }

    fn windows(
        &mut self,
        from: i64,
        to: i64,
        direction: Direction,
        only: Option<Vec<u8>>,
    ) -> Result<WindowScan<'_, S>, StateError> {
        let from = from.max(self.first_visible());
        let first = from.to_be_bytes();
        let behind = to.checked_add(1).map(i64::to_be_bytes);
        let range = KeyRange {
            from: Bound::Included(&first),
            to: match &behind {
                // Also keeps a negative `to`, which is big as bytes, from being taken for one.
                _ if to < from => Bound::Excluded(&first),
                Some(behind) => Bound::Excluded(behind),
                None => Bound::Unbounded,
            },
        };
        Ok(WindowScan { scan: self.overlay.scan(range, direction)?, only })
    }

    /// Deletes up to `limit` rows of windows that are hidden for good; returns how many. No reader can tell.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn expire(&mut self, limit: usize) -> Result<usize, StateError> {
        let Some(first) = self.applied.map(|highest| first_visible(highest, self.retention)) else {
            return Ok(0);
        };
        let first = first.to_be_bytes();
        let range = KeyRange { from: Bound::Excluded(HIGHEST), to: Bound::Excluded(&first) };
        let deleted = self.overlay.delete(range, limit)?;
        let looks = limit.saturating_mul(LOOKS_PER_DELETION);
        self.overlay.drop_clean(&mut self.hand, looks, |key| key < &first[..]);
        Ok(deleted)
    }

    /// Replays a piece of the changelog, as [`KeyValueStore::restore`](super::KeyValueStore::restore). The highest
    /// start follows it.
    ///
    /// # Errors
    /// If the engine fails, or a key is not that of a window store's changelog.
    ///
    /// # Panics
    /// Within a transaction: abort it first.
    pub fn restore(&mut self, records: &[Restored<'_>], mark: &Mark) -> Result<(), StateError> {
        let moved = Windows::of(self.overlay.name(), records)?;
        let highest = self.highest.get().max(moved.highest);
        let bytes = highest.map(i64::to_be_bytes);
        let more = bytes.as_ref().map(|bytes| (HIGHEST, &bytes[..]));
        self.overlay.restore(moved.rows(records), mark, more)?;
        self.highest = TimeCell::starting_at(highest);
        self.applied = highest;
        Ok(())
    }

    /// What the engine was last marked with.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn mark(&self) -> Result<Option<Mark>, StateError> {
        self.overlay.engine().mark().map_err(|e| engine_error(self.name(), e))
    }

    /// Forgets everything, the engine's rows and mark included: the start of a rebuild.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn clear(&mut self) -> Result<(), StateError> {
        self.overlay.clear()?;
        self.highest = TimeCell::unknown();
        self.applied = None;
        Ok(())
    }

    /// Whether the open transaction changed anything.
    pub fn is_changed(&self) -> bool {
        self.overlay.is_changed()
    }

    /// About how much memory the overlay takes.
    pub fn overlay_bytes(&self) -> usize {
        self.overlay.bytes()
    }

    /// Leaves at most `values` values deserialised, whatever the limit of the store is.
    pub fn evict(&mut self, values: usize) {
        self.overlay.evict(values);
    }

    /// Gives the engine back. What was not applied to it is dropped.
    pub fn into_engine(self) -> Box<dyn Engine> {
        self.overlay.into_engine()
    }

    #[inline]
    fn first_visible(&self) -> i64 {
        self.highest.get().map_or(0, |highest| first_visible(highest, self.retention))
    }
}

impl<S: Serde> Remembered for WindowStore<S> {
    fn prepare(&mut self, changelog: &mut dyn ChangelogSink) -> Result<(), StateError> {
        self.overlay.prepare(&mut ChangelogKeys { changelog, key: Vec::new() })
    }

    fn committed(&mut self) {
        self.overlay.committed();
        self.highest.committed();
    }

    fn aborted(&mut self) {
        self.overlay.aborted();
        mutant!(ExpiryByLiveTime => return);
        self.highest.aborted();
    }

    fn apply(&mut self, mark: &Mark) -> Result<(), StateError> {
        let committed = self.highest.get_committed();
        let bytes = committed.map(i64::to_be_bytes);
        self.overlay.apply(mark, bytes.as_ref().map(|bytes| (HIGHEST, &bytes[..])))?;
        self.applied = committed;
        Ok(())
    }

    fn restore(&mut self, records: &[Restored<'_>], mark: &Mark) -> Result<(), StateError> {
        WindowStore::restore(self, records, mark)
    }

    fn mark(&self) -> Result<Option<Mark>, StateError> {
        WindowStore::mark(self)
    }

    fn clear(&mut self) -> Result<(), StateError> {
        WindowStore::clear(self)
    }

    fn expire(&mut self, rows: usize) -> Result<(), StateError> {
        WindowStore::expire(self, rows).map(drop)
    }

    fn rest(&mut self) -> Result<(), StateError> {
        self.overlay.rest()
    }

    fn damage(&self) -> Option<String> {
        self.overlay.engine().damage().map(str::to_owned)
    }

    fn keep(&self, why: &str) {
        self.overlay.engine().keep(why);
    }

    fn first_visible(&self) -> Option<i64> {
        self.highest.get_committed().map(|highest| first_visible(highest, self.retention))
    }

    fn weigh(&mut self) -> usize {
        self.overlay.weigh()
    }

    fn shed(&mut self, bytes: usize) {
        self.overlay.shed(bytes);
    }

    fn unapplied_bytes(&self) -> usize {
        self.overlay.unapplied_bytes()
    }
}

/// Visible windows in order. Each row is lent until the next call of [`next`](WindowScan::next).
pub struct WindowScan<'a, S: Serde> {
    scan: Scan<'a, S>,
    only: Option<Vec<u8>>,
}

impl<S: Serde> WindowScan<'_, S> {
    /// The next row.
    ///
    /// # Errors
    /// If the engine fails or a row cannot be decoded.
    #[allow(clippy::should_implement_trait, reason = "it lends, an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<WindowRow<'_, S::Type>>, StateError> {
        let only = self.only.as_deref();
        let wanted = |key: &[u8]| only.is_none_or(|only| key.get(8..) == Some(only));
        Ok(self.scan.next_where(wanted)?.and_then(|(key, row)| {
            let (start, key) = key.split_first_chunk::<8>()?;
            Some(WindowRow { start: i64::from_be_bytes(*start), key, row })
        }))
    }
}

/// Turns store keys into changelog keys on the way.
struct ChangelogKeys<'a> {
    changelog: &'a mut dyn ChangelogSink,
    key: Vec<u8>,
}

impl ChangelogSink for ChangelogKeys<'_> {
    fn change(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        timestamp: i64,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (start, key) = key.split_first_chunk::<8>().ok_or("a window's key starts with 8 bytes")?;
        self.key.clear();
        self.key.extend_from_slice(key);
        self.key.extend_from_slice(start);
        self.key.extend_from_slice(&SEQUENCE);
        self.changelog.change(&self.key, value, timestamp)
    }
}

#[inline]
fn store_key<'a>(buffer: &'a mut Vec<u8>, key: &[u8], start: i64) -> &'a [u8] {
    debug_assert!(start >= 0, "windows never start below 0");
    buffer.clear();
    buffer.extend_from_slice(&start.to_be_bytes());
    buffer.extend_from_slice(key);
    buffer
}
