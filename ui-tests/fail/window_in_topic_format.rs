//! A topic of windowed keys says the size of their windows.

use streams_runtime::{ktable, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[topic(name = "counts", key = String, value = i64)]
struct CountsTopic;

#[ktable(store = "counts", from = Orders, count, to = CountsTopic)]
#[window(tumbling = "15s", grace = "5s")]
struct Counts;

topology!(App = [Counts]);

fn main() {}
