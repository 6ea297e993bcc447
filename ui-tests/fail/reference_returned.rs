//! What a step emits outlives the record it came from.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, map_values)]
fn key(key: &str, _: &u64) -> &str {
    key
}

#[processor(from = key, filter)]
fn short(key: &str) -> bool {
    key.len() < 3
}

topology!(App = [key, short]);

fn main() {}
