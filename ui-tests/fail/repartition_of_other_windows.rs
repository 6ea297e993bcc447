//! A format for windowed keys says the length that their windows have.

use streams_runtime::{TimeWindowed, ktable, processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
#[window(tumbling = "15s", grace = "5s")]
struct Counts;

#[processor(from = Counts, filter, repartition(key = TimeWindowed<String, 10_000>))]
fn many(count: &i64) -> bool {
    *count > 10
}

topology!(App = [Counts, many]);

fn main() {}
