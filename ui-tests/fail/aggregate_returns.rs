//! An aggregate changes its row in place.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "sums", from = Orders, aggregate)]
fn sum(sum: u64, order: &u64) -> u64 {
    sum + order
}

#[processor(from = sum, filter)]
fn large(sum: &u64) -> bool {
    *sum > 100
}

topology!(App = [sum, large]);

fn main() {}
