//! `map_values` returns the new value.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, map_values)]
fn step(_: &u64) {}

#[processor(from = step, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [step, large]);

fn main() {}
