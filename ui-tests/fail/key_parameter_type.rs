//! The key parameter is the stream's key.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(key: u64, order: &u64) -> bool {
    *order > key
}

topology!(App = [large]);

fn main() {}
