//! What aggregates keeps rows, so it names a store.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(from = Orders, count)]
struct Counts;

#[processor(from = Counts, filter)]
fn many(count: &i64) -> bool {
    *count > 100
}

topology!(App = [Counts, many]);

fn main() {}
