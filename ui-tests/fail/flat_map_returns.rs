//! `flat_map` returns several pairs.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, flat_map)]
fn step(order: &u64) -> Vec<u64> {
    vec![*order]
}

topology!(App = [step]);

fn main() {}
