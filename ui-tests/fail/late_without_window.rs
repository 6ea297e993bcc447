//! `late` is about windows.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count, late = fail)]
struct Counts;

topology!(App = [Counts]);

fn main() {}
