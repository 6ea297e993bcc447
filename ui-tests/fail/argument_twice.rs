//! An argument is given once.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
