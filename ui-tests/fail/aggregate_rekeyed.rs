//! Rows are kept where their key's records are.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, select_key)]
fn by_size(order: &u64) -> u64 {
    order / 100
}

#[ktable(store = "sizes", from = by_size, count)]
struct Sizes;

#[processor(from = Sizes, filter)]
fn many(count: &i64) -> bool {
    *count > 100
}

topology!(App = [by_size, Sizes, many]);

fn main() {}
