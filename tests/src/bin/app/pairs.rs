//! Two versions of one application: counts of two topics, each by itself, and then with a join of the two.
//!
//! In the first each topic leads itself; in the second `left` leads, and `right` follows it.

use streams_runtime::prelude::*;

#[topic(name = "left", partitions = 2, key = String, value = String)]
struct Left;

#[topic(name = "right", partitions = 2, key = String, value = String)]
struct Right;

/// How often a key came, in which topic.
#[topic(name = "counts", key = String, value = i64)]
struct Counts;

#[topic(name = "paired", key = String, value = String)]
struct Paired;

#[ktable(store = "lefts", from = Left, count, to = Counts)]
struct Lefts;

#[ktable(store = "rights", from = Right, count, to = Counts)]
struct Rights;

#[processor(from = Left, left_join = Rights, to = Paired)]
fn paired(left: &str, rights: Option<&i64>) -> String {
    format!("{left} {}", rights.copied().unwrap_or_default())
}

topology!(
    /// Each topic by itself.
    pub Apart = [Lefts, Rights]
);

topology!(
    /// Both, read together.
    pub Together = [Lefts, Rights, paired]
);
