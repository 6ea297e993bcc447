//! A `reduce` over values that can be null has a row that can be missing.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = Option<u64>)]
struct Orders;

#[ktable(store = "sums", from = Orders, reduce)]
fn sum(sum: &mut u64, order: Option<&u64>) {
    *sum += order.unwrap_or(&0);
}

topology!(App = [sum]);

fn main() {}
