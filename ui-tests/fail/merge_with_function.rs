//! `merge` and `count` compute nothing, so they stand on a unit struct.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, merge)]
fn all(order: &u64) -> u64 {
    *order
}

#[processor(from = all, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [all, doubled]);

fn main() {}
