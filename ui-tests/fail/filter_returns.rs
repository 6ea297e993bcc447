//! A filter returns `bool`.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn step(order: &u64) -> u64 {
    *order
}

#[processor(from = step, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [step, large]);

fn main() {}
