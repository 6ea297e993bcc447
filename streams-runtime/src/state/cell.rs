//! Single values that belong to the transaction: stream times, schedules, counters.
//!
//! They know their committed and their live value and nothing of where they are kept: a task writes times and
//! schedules into the metadata of its offsets, so that they are committed with them.

use super::{ChangelogSink, Mark, Remembered, StateError};

/// A value and what it goes back to when the transaction is aborted.
///
/// ```
/// use streams_runtime::state::{Remembered, Undo};
/// let mut due = Undo::new(10);
/// due.set(20);
/// due.aborted();
/// assert_eq!(*due.get(), 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo<T> {
    live: T,
    /// `None` while nothing was changed, so that a commit of an untouched value costs nothing.
    before: Option<T>,
}

impl<T: Clone> Undo<T> {
    /// Starts with a committed value.
    pub fn new(committed: T) -> Self {
        Undo { live: committed, before: None }
    }

    /// The live value.
    pub fn get(&self) -> &T {
        &self.live
    }

    /// The value as of the last commit.
    pub fn get_committed(&self) -> &T {
        self.before.as_ref().unwrap_or(&self.live)
    }

    /// Changes the value.
    pub fn set(&mut self, value: T) {
        let old = std::mem::replace(&mut self.live, value);
        self.before.get_or_insert(old);
    }
}

impl<T: Clone> Remembered for Undo<T> {
    fn prepare(&mut self, _: &mut dyn ChangelogSink) -> Result<(), StateError> {
        Ok(())
    }

    fn committed(&mut self) {
        self.before = None;
    }

    fn aborted(&mut self) {
        if let Some(before) = self.before.take() {
            self.live = before;
        }
    }

    fn apply(&mut self, _: &Mark) -> Result<(), StateError> {
        Ok(())
    }
}

/// A stream time: unknown, then the highest time seen. It never goes back, except by an abort.
///
/// ```
/// use streams_runtime::state::{Remembered, TimeCell};
/// let mut time = TimeCell::unknown();
/// assert_eq!((time.get(), time.advance(5), time.advance(3)), (None, 5, 5));
/// time.aborted();
/// assert_eq!(time.get(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeCell(Undo<i64>);

/// As Kafka's `NO_TIMESTAMP`. No record with a negative time reaches a step.
const UNKNOWN: i64 = -1;

impl TimeCell {
    /// No record was seen yet.
    pub fn unknown() -> Self {
        TimeCell(Undo::new(UNKNOWN))
    }

    /// Starts at a committed time.
    pub fn starting_at(committed: Option<i64>) -> Self {
        TimeCell(Undo::new(committed.unwrap_or(UNKNOWN)))
    }

    /// The live time.
    pub fn get(&self) -> Option<i64> {
        known(*self.0.get())
    }

    /// The time as of the last commit.
    pub fn get_committed(&self) -> Option<i64> {
        known(*self.0.get_committed())
    }

    /// Sees a time; returns the stream time after it.
    #[inline]
    pub fn advance(&mut self, time: i64) -> i64 {
        if time > *self.0.get() {
            self.0.set(time);
        }
        *self.0.get()
    }
}

fn known(time: i64) -> Option<i64> {
    (time > UNKNOWN).then_some(time)
}

impl Remembered for TimeCell {
    fn prepare(&mut self, changelog: &mut dyn ChangelogSink) -> Result<(), StateError> {
        self.0.prepare(changelog)
    }

    fn committed(&mut self) {
        self.0.committed();
    }

    fn aborted(&mut self) {
        self.0.aborted();
    }

    fn apply(&mut self, mark: &Mark) -> Result<(), StateError> {
        self.0.apply(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abort_goes_back_to_the_commit_not_to_the_last_change() {
        let mut cell = Undo::new("a");
        cell.set("b");
        cell.committed();
        cell.set("c");
        cell.set("d");
        assert_eq!((*cell.get(), *cell.get_committed()), ("d", "b"));
        cell.aborted();
        assert_eq!((*cell.get(), *cell.get_committed()), ("b", "b"));
        cell.aborted();
        assert_eq!(*cell.get(), "b");
    }

    #[test]
    fn stream_time_goes_back_only_by_an_abort() {
        let mut time = TimeCell::starting_at(Some(10));
        assert_eq!(time.advance(30), 30);
        assert_eq!(time.advance(20), 30);
        assert_eq!(time.get_committed(), Some(10));
        time.aborted();
        assert_eq!((time.get(), time.advance(20)), (Some(10), 20));
        time.committed();
        time.aborted();
        assert_eq!(time.get(), Some(20));
    }

    #[test]
    fn time_zero_is_a_time() {
        let mut time = TimeCell::unknown();
        assert_eq!(time.advance(0), 0);
        assert_eq!(time.get(), Some(0));
        assert_eq!(TimeCell::starting_at(None).get(), None);
    }
}
