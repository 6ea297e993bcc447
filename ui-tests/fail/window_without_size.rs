//! How long a window is is said.

use streams_runtime::{ktable, processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
#[window(grace = "5s")]
struct Counts;

#[processor(from = Counts, filter)]
fn many(count: &i64) -> bool {
    *count > 100
}

topology!(App = [Counts, many]);

fn main() {}
