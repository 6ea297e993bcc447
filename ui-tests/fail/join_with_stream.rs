//! A join looks rows up, so it takes a table, not a stream.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

#[processor(from = Orders, join = doubled)]
fn sum(order: &u64, other: &u64) -> u64 {
    order + other
}

topology!(App = [doubled, sum]);

fn main() {}
