//! Branches are written by a split.

use streams_runtime::{Branches, processor, topology};

#[derive(Branches)]
enum BySize {
    Small(u64),
}

#[processor(from = BySize::Small, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [doubled]);

fn main() {}
