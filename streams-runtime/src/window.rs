//! Windows of time: which ones a record falls into, and what their keys are.
//!
//! Pure arithmetic on milliseconds; knows no store and no stream time.

/// A span of event time, `start` inclusive, `end` exclusive (as `TimeWindow` in Kafka Streams).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan {
    /// First millisecond.
    pub start: i64,
    /// First millisecond after it.
    pub end: i64,
}

/// A key and the window it was aggregated in; the key of every windowed table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Windowed<K> {
    /// The key that was grouped by.
    pub key: K,
    /// The window.
    pub window: TimeSpan,
}

/// Which windows a record falls into, and how long they stay open.
pub trait Windows: 'static {
    /// How long one window is.
    const SIZE_MS: i64;
    /// How long after its end a window still takes late records.
    const GRACE_MS: i64;

    /// Hands over every window that contains `time_ms`, by ascending start, and whether it is the last one.
    ///
    /// # Errors
    /// The first error of `window`.
    fn each<E>(time_ms: i64, window: impl FnMut(TimeSpan, bool) -> Result<(), E>) -> Result<(), E>;
}

/// Windows that follow one another, aligned to the epoch: `#[window(tumbling = "15s", grace = "5s")]`
/// (`TimeWindows.ofSizeAndGrace`).
///
/// ```
/// use streams_runtime::{Tumbling, Windows};
/// let mut seen = vec![];
/// Tumbling::<15_000, 0>::each(31_000, |w, _| Ok::<_, ()>(seen.push((w.start, w.end))));
/// assert_eq!(seen, [(30_000, 45_000)]);
/// ```
#[derive(Debug)]
pub enum Tumbling<const SIZE_MS: i64, const GRACE_MS: i64> {}

impl<const SIZE_MS: i64, const GRACE_MS: i64> Windows for Tumbling<SIZE_MS, GRACE_MS> {
    const SIZE_MS: i64 = SIZE_MS;
    const GRACE_MS: i64 = GRACE_MS;

    #[inline]
    fn each<E>(time_ms: i64, mut window: impl FnMut(TimeSpan, bool) -> Result<(), E>) -> Result<(), E> {
        let start = time_ms - time_ms % SIZE_MS;
        window(TimeSpan { start, end: start.saturating_add(SIZE_MS) }, true)
    }
}
