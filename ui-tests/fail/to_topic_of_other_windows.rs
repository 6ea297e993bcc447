//! A topic of windowed keys says the length that their windows have.

use streams_runtime::{TimeWindowed, ktable, processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[topic(name = "counts", key = TimeWindowed<String, 10_000>, value = i64)]
struct CountsTopic;

#[ktable(store = "counts", from = Orders, count)]
#[window(tumbling = "15s", grace = "5s")]
struct Counts;

#[processor(from = Counts, filter, to = CountsTopic)]
fn many(count: &i64) -> bool {
    *count > 10
}

topology!(App = [Counts, many]);

fn main() {}
