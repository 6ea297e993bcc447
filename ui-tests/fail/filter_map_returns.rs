//! `filter_map` returns one pair or none.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter_map)]
fn step(key: &str, order: &u64) -> (String, u64) {
    (key.to_owned(), *order)
}

topology!(App = [step]);

fn main() {}
