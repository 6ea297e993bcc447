//! A span of time is a string with a unit.

use streams_runtime::{ktable, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
#[window(tumbling = 60_000, grace = "5s")]
struct Counts;

topology!(App = [Counts]);

fn main() {}
