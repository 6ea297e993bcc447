//! The row of a `reduce` is of the type of its values.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "sums", from = Orders, reduce)]
fn sum(sum: &mut String, order: &u64) {
    sum.push_str(&order.to_string());
}

topology!(App = [sum]);

fn main() {}
