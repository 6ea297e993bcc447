//! The row is the first parameter of an aggregate.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "sums", from = Orders, aggregate)]
fn sum(_key: &str, order: &u64, sum: &mut u64) {
    *sum += order;
}

topology!(App = [sum]);

fn main() {}
