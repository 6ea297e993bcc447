//! `null_key` is about the key that comes in.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, select_key, null_key = skip)]
fn by_size(order: &u64) -> Option<u64> {
    Some(order / 100)
}

topology!(App = [by_size]);

fn main() {}
