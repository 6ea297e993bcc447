//! `select_key` returns the new key.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, select_key, repartition)]
fn step(_: &u64) {}

#[processor(from = step, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [step, large]);

fn main() {}
