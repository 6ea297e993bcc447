//! A store belongs to one table.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
struct Counts;
#[ktable(store = "counts", from = Orders, count)]
struct AlsoCounts;

topology!(App = [Counts, AlsoCounts]);

fn main() {}
