//! A step says what it reads.

use streams_runtime::{processor, topology};

#[processor(filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

#[processor(from = large, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [large, doubled]);

fn main() {}
