//! Nulls are written only to topics that expect them.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, map_values, to = Orders)]
fn large(order: &u64) -> Option<u64> {
    Some(*order).filter(|order| *order > 100)
}

topology!(App = [large]);

fn main() {}
