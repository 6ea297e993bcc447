//! Everything is said at once, and nothing twice.

use streams_runtime::{ktable, processor, topic, topology, window};

#[topic(name = "all orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> u64 {
    *order
}

#[processor(from = large, map_values)]
fn shown(order: &String) -> String {
    order.clone()
}

#[processor(from = shown, select_key)]
fn by_length(text: &str) -> u64 {
    text.len() as u64
}

#[ktable(store = "lengths", from = by_length, count)]
#[window(tumbling = "15", grace = "5s")]
struct Lengths;

topology!(App = [large, shown, by_length, by_length]);

fn main() {}
