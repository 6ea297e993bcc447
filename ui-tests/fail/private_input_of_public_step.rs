//! A step is at most as visible as what it reads.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
pub fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
