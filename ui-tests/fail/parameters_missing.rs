//! A function takes at least the value.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large() -> bool {
    true
}

#[processor(from = large, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [large, doubled]);

fn main() {}
