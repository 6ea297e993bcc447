//! A format named for a value is one of its type.

use streams_runtime::{Json, ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "sums", from = Orders, aggregate, value = Json<String>)]
fn sum(sum: &mut u64, order: &u64) {
    *sum += order;
}

topology!(App = [sum]);

fn main() {}
