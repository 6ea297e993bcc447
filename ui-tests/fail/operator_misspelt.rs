//! A misspelt operator is one error.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, mapp, repartition)]
fn by_size(order: &u64) -> (u64, String) {
    (order / 100, order.to_string())
}

#[processor(from = by_size, filter)]
fn large(size: &u64, order: &str) -> bool {
    order.len() > 3 && *size > 1
}

topology!(App = [by_size, large]);

fn main() {}
