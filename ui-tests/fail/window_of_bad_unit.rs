//! The units of time are ms, s, m, h and d.

use streams_runtime::{ktable, processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
#[window(tumbling = "15s", grace = "5min")]
struct Counts;

#[processor(from = Counts, filter)]
fn many(count: &i64) -> bool {
    *count > 100
}

topology!(App = [Counts, many]);

fn main() {}
