//! A store as its engine has it, without types: enough to replay its changelog and nothing else.
//!
//! Whoever restores need not know what is in a row. What is written here is what the typed store of the same kind would have
//! written, byte by byte, so that it may be opened on this engine afterwards.
//!
//! Knows keys and rows as bytes. Does not know transactions: it has no changes.

use super::engine::{Engine, Mark};
use super::overlay::engine_error;
use super::replayed::{self, HIGHEST, Windows, first_visible};
use super::{ChangelogSink, Remembered, Restored, StateError};

/// The rows of a store.
pub(crate) struct RawStore {
    name: &'static str,
    engine: Box<dyn Engine>,
    windows: Option<OfWindows>,
    bytes: Vec<u8>,
}

struct OfWindows {
    retention_ms: i64,
    highest: Option<i64>,
}

impl RawStore {
    /// What `engine` holds of a store of this name; of windows, if they are kept for so long.
    ///
    /// # Errors
    /// If the engine fails or is not that of a store of this kind.
    pub(crate) fn open(
        name: &'static str,
        engine: Box<dyn Engine>,
        retention_ms: Option<i64>,
    ) -> Result<RawStore, StateError> {
        let windows = match retention_ms {
            None => None,
            Some(retention_ms) => {
                Some(OfWindows { retention_ms, highest: replayed::highest(name, engine.as_ref())? })
            }
        };
        Ok(RawStore { name, engine, windows, bytes: Vec::new() })
    }
}

impl Remembered for RawStore {
    fn prepare(&mut self, _changelog: &mut dyn ChangelogSink) -> Result<(), StateError> {
        Ok(())
    }

    fn committed(&mut self) {}

    fn aborted(&mut self) {}

    fn apply(&mut self, mark: &Mark) -> Result<(), StateError> {
        let applied = self.engine.apply(&mut std::iter::empty(), Some(mark));
        applied.map_err(|cause| engine_error(self.name, cause))
    }

    fn restore(&mut self, records: &[Restored<'_>], mark: &Mark) -> Result<(), StateError> {
        let RawStore { name, engine, windows, bytes } = self;
        let (place, none) = ((*name, engine.as_mut()), std::iter::empty());
        let Some(windows) = windows else {
            return replayed::write(place, none, records.iter().copied(), None, mark, bytes);
        };
        let moved = Windows::of(name, records)?;
        let highest = windows.highest.max(moved.highest);
        let row = highest.map(i64::to_be_bytes);
        let more = row.as_ref().map(|row| (HIGHEST, &row[..]));
        replayed::write(place, none, moved.rows(records), more, mark, bytes)?;
        windows.highest = highest;
        Ok(())
    }

    fn mark(&self) -> Result<Option<Mark>, StateError> {
        self.engine.mark().map_err(|cause| engine_error(self.name, cause))
    }

    fn clear(&mut self) -> Result<(), StateError> {
        if let Some(windows) = &mut self.windows {
            windows.highest = None;
        }
        self.engine.clear().map_err(|cause| engine_error(self.name, cause))
    }

    fn damage(&self) -> Option<String> {
        self.engine.damage().map(str::to_owned)
    }

    fn keep(&self, why: &str) {
        self.engine.keep(why);
    }

    fn first_visible(&self) -> Option<i64> {
        let windows = self.windows.as_ref()?;
        windows.highest.map(|highest| first_visible(highest, windows.retention_ms))
    }
}
