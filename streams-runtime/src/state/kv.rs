//! A store of the latest value of each key.
//!
//! It knows encoded keys, typed values and their times. It deliberately does not know the type of its keys: a step
//! carries the key's bytes beside the key.

use super::engine::{Direction, Engine, KeyRange, Mark};
use super::overlay::{Overlay, OverlayLimit};
use super::row::Stamped;
use super::scan::Scan;
use super::{ChangelogSink, Remembered, Restored, StateError};
use crate::serde::Serde;

/// The latest value of each key and the time of its last update.
///
/// `at`, where it is asked for, is the time of the record at hand. Only a deletion is sent to the changelog with
/// it; a row is sent with its own.
///
/// ```
/// use streams_runtime::state::{Direction, KeyRange, KeyValueStore, MemoryEngine, OverlayLimit, Stamped};
///
/// let mut words = KeyValueStore::<i64>::new("words", Box::new(MemoryEngine::new()), OverlayLimit::UNBOUNDED);
/// let count = |at| {
///     move |row: &mut Option<Stamped<i64>>| {
///         let row = row.get_or_insert(Stamped { value: 0, timestamp: at });
///         row.value += 1;
///         row.timestamp = row.timestamp.max(at);
///         row.value
///     }
/// };
/// assert_eq!(words.update(b"apple", 10, count(10))?, 1);
/// assert_eq!(words.update(b"apple", 20, count(20))?, 2);
/// assert_eq!(words.get(b"apple")?, Some(&Stamped { value: 2, timestamp: 20 }));
///
/// let mut scan = words.scan(KeyRange::ALL, Direction::Forward)?;
/// assert_eq!(scan.next()?.map(|(key, row)| (key, row.value)), Some((&b"apple"[..], 2)));
/// # Ok::<(), streams_runtime::state::StateError>(())
/// ```
pub struct KeyValueStore<S: Serde> {
    overlay: Overlay<S>,
}

impl<S: Serde> KeyValueStore<S> {
    /// A store over what `engine` holds. `name` appears in errors.
    pub fn new(name: &str, engine: Box<dyn Engine>, limit: OverlayLimit) -> Self {
        KeyValueStore { overlay: Overlay::new(name, engine, limit) }
    }

    /// The store's name.
    pub fn name(&self) -> &str {
        self.overlay.name()
    }

    /// The row of a key.
    ///
    /// # Errors
    /// If the engine fails or the row is not of this format.
    #[inline]
    pub fn get(&mut self, key: &[u8]) -> Result<Option<&Stamped<S::Type>>, StateError> {
        self.overlay.get(key)
    }

    /// Sets or deletes the row of a key. A deletion reaches the changelog even if there was no row.
    ///
    /// # Errors
    /// If the value has no form in this format and is encoded at once (see [`OverlayLimit`]). Nothing is changed
    /// then. Mostly it is [`Remembered::prepare`] that finds out.
    pub fn put(&mut self, key: &[u8], row: Option<Stamped<S::Type>>, at: i64) -> Result<(), StateError> {
        self.overlay.put(key, row, at)
    }

    /// Changes the row of a key in place: a `get` and a `put` in one. It counts as a change whatever `f` does.
    ///
    /// For functions that cannot fail. If `f` panics, the transaction must be aborted.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`put`](Self::put).
    #[inline]
    pub fn update<R>(
        &mut self,
        key: &[u8],
        at: i64,
        f: impl FnOnce(&mut Option<Stamped<S::Type>>) -> R,
    ) -> Result<R, StateError> {
        self.overlay.update(key, at, f)
    }

    /// As [`update`](Self::update), for functions that can fail: `f` works on a copy, which becomes the row only if
    /// it returns `Ok`. After an `Err` or a panic the row is what it was, and no change is counted.
    ///
    /// # Errors
    /// The outer error is the store's, the inner one is that of `f`.
    pub fn try_update<R, E>(
        &mut self,
        key: &[u8],
        at: i64,
        f: impl FnOnce(&mut Option<Stamped<S::Type>>) -> Result<R, E>,
    ) -> Result<Result<R, E>, StateError>
    where
        S::Type: Clone,
    {
        self.overlay.try_update(key, at, f)
    }

    /// The rows between two keys, changes of the open transaction included.
    ///
    /// The first scan of a store sorts its changes; from then on they are kept sorted.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn scan(&mut self, range: KeyRange<'_>, direction: Direction) -> Result<Scan<'_, S>, StateError> {
        self.overlay.scan(range, direction)
    }

    /// How many rows there are; counts them.
    ///
    /// # Errors
    /// As a scan's.
    pub fn len(&mut self) -> Result<usize, StateError> {
        let mut scan = self.scan(KeyRange::ALL, Direction::Forward)?;
        let mut rows = 0;
        while scan.next()?.is_some() {
            rows += 1;
        }
        Ok(rows)
    }

    /// Whether there is no row.
    ///
    /// # Errors
    /// As a scan's.
    pub fn is_empty(&mut self) -> Result<bool, StateError> {
        Ok(self.scan(KeyRange::ALL, Direction::Forward)?.next()?.is_none())
    }

    /// Replays a piece of the changelog, in its order. It goes to the engine together with `mark`; the overlay is
    /// applied below it and emptied, since what it holds may be older.
    ///
    /// # Errors
    /// If the engine fails. Nothing of the piece is visible then.
    ///
    /// # Panics
    /// Within a transaction: abort it first.
    pub fn restore(&mut self, records: &[Restored<'_>], mark: &Mark) -> Result<(), StateError> {
        self.overlay.restore(records.iter().copied(), mark, None)
    }

    /// What the engine was last marked with.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn mark(&self) -> Result<Option<Mark>, StateError> {
        self.overlay.engine().mark().map_err(|e| super::overlay::engine_error(self.name(), e))
    }

    /// Forgets everything, the engine's rows and mark included: the start of a rebuild.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn clear(&mut self) -> Result<(), StateError> {
        self.overlay.clear()
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
}

impl<S: Serde> Remembered for KeyValueStore<S> {
    fn prepare(&mut self, changelog: &mut dyn ChangelogSink) -> Result<(), StateError> {
        self.overlay.prepare(changelog)
    }

    fn committed(&mut self) {
        self.overlay.committed();
    }

    fn aborted(&mut self) {
        self.overlay.aborted();
    }

    fn apply(&mut self, mark: &Mark) -> Result<(), StateError> {
        self.overlay.apply(mark, None)
    }

    fn restore(&mut self, records: &[Restored<'_>], mark: &Mark) -> Result<(), StateError> {
        KeyValueStore::restore(self, records, mark)
    }

    fn mark(&self) -> Result<Option<Mark>, StateError> {
        KeyValueStore::mark(self)
    }

    fn clear(&mut self) -> Result<(), StateError> {
        KeyValueStore::clear(self)
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
