//! A split returns an enum with `#[derive(Branches)]`.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

enum BySize {
    Small(u64),
}

#[processor(from = Orders, split)]
fn by_size(order: u64) -> BySize {
    BySize::Small(order)
}

#[processor(from = BySize::Small, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [by_size, doubled]);

fn main() {}
