//! Windowed keys are joined where their windows are of one length.

use streams_runtime::{ktable, processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
#[window(tumbling = "15s", grace = "5s")]
struct Counts;

#[ktable(store = "minutes", from = Orders, count)]
#[window(tumbling = "1m", grace = "5s")]
struct Minutes;

#[processor(from = Counts, join = Minutes)]
fn both(count: &i64, minute: &i64) -> i64 {
    count + minute
}

topology!(App = [Counts, Minutes, both]);

fn main() {}
