//! The row of an aggregate is taken as `&mut`.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "sums", from = Orders, aggregate)]
fn sum(_sum: &u64, _order: &u64) {}

topology!(App = [sum]);

fn main() {}
