//! An aggregate needs a key; who leaves nulls out says so.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = Option<String>, value = u64)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
struct Counts;

topology!(App = [Counts]);

fn main() {}
