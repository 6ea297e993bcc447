//! Windows that are not built yet say so.

use streams_runtime::{ktable, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
#[window(hopping = "1m", advance = "10s", grace = "5s")]
struct Counts;

topology!(App = [Counts]);

fn main() {}
