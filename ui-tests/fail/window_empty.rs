//! A window cannot be empty.

use streams_runtime::{ktable, processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
#[window(tumbling = "0s", grace = "5s")]
struct Counts;

#[processor(from = Counts, filter)]
fn many(count: &i64) -> bool {
    *count > 100
}

topology!(App = [Counts, many]);

fn main() {}
