//! Whether `count` counts nulls is said.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = Option<u64>)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
struct Counts;

topology!(App = [Counts]);

fn main() {}
