//! What a step emits outlives the record it came from.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = String, partitions = 4)]
struct Orders;

#[processor(from = Orders, map_values)]
fn trimmed(order: &str) -> &str {
    order.trim()
}

#[processor(from = trimmed, filter)]
fn short(key: &str) -> bool {
    key.len() < 3
}

topology!(App = [trimmed, short]);

fn main() {}
