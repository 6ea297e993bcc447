//! A windowed table is keyed by window and key.

use streams_runtime::{ktable, processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "per-minute", from = Orders, count)]
#[window(tumbling = "1m", grace = "0s")]
struct PerMinute;

#[processor(from = Orders, join = PerMinute)]
fn share(order: &u64, count: &i64) -> i64 {
    *order as i64 / count
}

topology!(App = [PerMinute, share]);

fn main() {}
