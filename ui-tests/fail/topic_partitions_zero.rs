//! A topic has at least one partition.

use streams_runtime::{processor, topic};

#[topic(name = "orders", key = String, value = u64, partitions = 0)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

fn main() {}
