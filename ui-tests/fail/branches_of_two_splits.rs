//! One enum belongs to one split.

use streams_runtime::{Branches, processor, topic};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;
#[derive(Branches)]
enum BySize {
    Small(u64),
    Large(u64),
    Ignored,
}

#[processor(from = Orders, split)]
fn by_size(order: u64) -> BySize {
    match order {
        0 => BySize::Ignored,
        1..=100 => BySize::Small(order),
        _ => BySize::Large(order),
    }
}

#[processor(from = Orders, split)]
fn again(order: u64) -> BySize {
    BySize::Small(order)
}

#[processor(from = BySize::Small, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

fn main() {}
