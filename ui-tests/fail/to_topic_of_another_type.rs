//! What is written to a topic is what the topic takes.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, map_values, to = Orders)]
fn shown(order: &u64) -> String {
    order.to_string()
}

#[processor(from = shown, filter)]
fn long(order: &str) -> bool {
    order.len() > 3
}

topology!(App = [shown, long]);

fn main() {}
