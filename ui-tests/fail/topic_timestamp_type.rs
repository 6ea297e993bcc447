//! A `timestamp` function returns a time.

use streams_runtime::{processor, topic};

#[topic(name = "orders", key = String, value = u64, timestamp = ordered_at)]
struct Orders;

fn ordered_at(order: &u64) -> u64 {
    *order
}

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

fn main() {}
