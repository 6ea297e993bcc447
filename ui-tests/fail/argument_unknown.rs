//! An attribute takes the arguments it knows.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(form = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

#[processor(from = large, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [large, doubled]);

fn main() {}
