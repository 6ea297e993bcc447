//! A function that takes context takes the key as well.

use streams_runtime::{Timestamp, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64, _at: Timestamp) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
