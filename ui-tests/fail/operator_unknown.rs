//! An operator is one of those that are known.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, rekey, repartition)]
fn by_size(order: &u64) -> u64 {
    order / 100
}

#[processor(from = by_size, filter)]
fn large(size: &u64, order: &u64) -> bool {
    *order > *size
}

topology!(App = [by_size, large]);

fn main() {}
