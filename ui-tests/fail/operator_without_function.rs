//! An operator that computes something needs a function.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
struct Large;

#[processor(from = Large, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [Large, doubled]);

fn main() {}
