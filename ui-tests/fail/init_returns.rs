//! `init` returns a row.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "sums", from = Orders, aggregate, init = zero)]
fn sum(sum: &mut u64, order: &u64) {
    *sum += order;
}

fn zero() -> String {
    String::new()
}

topology!(App = [sum]);

fn main() {}
