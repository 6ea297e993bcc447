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
