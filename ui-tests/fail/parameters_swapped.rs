//! The key comes before the value.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64, key: &str) -> bool {
    *order > 100 && !key.is_empty()
}

topology!(App = [large]);

fn main() {}
