//! Every branch is read by a step of the topology.

use streams_runtime::{Branches, processor, topic, topology};

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

#[processor(from = BySize::Small, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [by_size, doubled]);

fn main() {}
