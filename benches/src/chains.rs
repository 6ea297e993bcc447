//! Chains of one to eleven steps over a number, to tell what a step costs, and a count of them.

use streams_runtime::{ktable, processor, topic, topology};

/// Numbers.
#[topic(name = "numbers", key = i64, value = i64)]
pub struct Numbers;

/// What a chain writes.
#[topic(name = "results", key = i64, value = i64)]
pub struct Results;

/// Adds one; the only step of the chain of one.
#[processor(from = Numbers, map_values, to = Results)]
pub fn only(value: i64) -> i64 {
    value + 1
}

topology!(
    /// A chain of one step.
    pub One = [only]
);

/// Defines a run of alternating `map_values` and `filter`, each reading the one before it.
macro_rules! chain {
    ($from:ident => $map:ident, $filter:ident $(, $rest:ident)*) => {
        /// Adds one.
        #[processor(from = $from, map_values)]
        pub fn $map(value: i64) -> i64 {
            value + 1
        }
        /// Keeps everything that occurs.
        #[processor(from = $map, filter)]
        pub fn $filter(value: &i64) -> bool {
            *value != i64::MIN
        }
        chain!($filter => $($rest),*);
    };
    ($from:ident => $last:ident) => {
        /// Adds one, and writes it.
        #[processor(from = $from, map_values, to = Results)]
        pub fn $last(value: i64) -> i64 {
            value + 1
        }
    };
}

chain!(Numbers => five_1, five_2, five_3, five_4, five_5);
topology!(
    /// A chain of five steps.
    pub Five = [five_1, five_2, five_3, five_4, five_5]
);

chain!(Numbers => eleven_1, eleven_2, eleven_3, eleven_4, eleven_5, eleven_6, eleven_7, eleven_8, eleven_9, eleven_10, eleven_11);
topology!(
    /// A chain of eleven steps.
    pub Eleven = [
        eleven_1, eleven_2, eleven_3, eleven_4, eleven_5, eleven_6, eleven_7, eleven_8, eleven_9, eleven_10,
        eleven_11
    ]
);

/// Drops every record: what is left is the cost of reading one.
#[processor(from = Numbers, filter)]
pub fn nothing(value: &i64) -> bool {
    *value == i64::MIN
}

topology!(
    /// A source whose records go nowhere.
    pub Dropped = [nothing]
);

/// How many numbers there were of each key.
#[ktable(store = "numbers-by-key", from = Numbers, count, to = Results)]
pub struct Counted;

topology!(
    /// A count whose every update is written.
    pub Count = [Counted]
);

/// As [`Counted`], with nobody who reads it.
#[ktable(store = "quiet-numbers-by-key", from = Numbers, count)]
pub struct Quiet;

topology!(
    /// A count that only keeps its rows.
    pub QuietCount = [Quiet]
);
