//! Bytes under keys of 8 bytes: formats cost next to nothing, so what is measured is the framework.

use streams_runtime::{ktable, processor, topic, topology};

/// Records of 100 bytes.
#[topic(name = "in", key = Vec<u8>, value = Vec<u8>)]
pub struct In;

/// What the stateless workload writes.
#[topic(name = "flipped", key = Vec<u8>, value = Vec<u8>)]
pub struct Flipped;

/// What the count writes.
#[topic(name = "counts", key = Vec<u8>, value = i64)]
pub struct Counts;

const MASK: u8 = 0x5A;

/// Flips bits of the first byte.
#[processor(from = In, map_values)]
pub fn flip(mut value: Vec<u8>) -> Vec<u8> {
    if let Some(first) = value.first_mut() {
        *first ^= MASK;
    }
    value
}

/// Drops what began with a zero.
#[processor(from = flip, filter, to = Flipped)]
pub fn kept(value: &[u8]) -> bool {
    value.first() != Some(&MASK)
}

topology!(
    /// W1 and S1: two stateless steps.
    pub Stateless = [flip, kept]
);

/// How many records there were of each key.
#[ktable(store = "count", from = In, count, to = Counts)]
pub struct Count;

topology!(
    /// W2 with a `state.dir`, W3 without: a count by key.
    pub Counted = [Count]
);
