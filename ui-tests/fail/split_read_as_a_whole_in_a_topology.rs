//! Who reads a split itself is told so once.

use streams_runtime::{Branches, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;
#[derive(Branches)]
enum BySize {
    Small(u64),
    Large(u64),
}

#[processor(from = Orders, split)]
fn by_size(order: u64) -> BySize {
    if order < 100 { BySize::Small(order) } else { BySize::Large(order) }
}

#[processor(from = by_size, filter)]
fn even(order: &u64) -> bool {
    order % 2 == 0
}

topology!(App = [by_size, even]);

fn main() {}
