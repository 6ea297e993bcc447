//! `to` names a topic.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

#[processor(from = Orders, filter, to = large)]
fn small(order: &u64) -> bool {
    *order < 10
}

topology!(App = [large, small]);

fn main() {}
