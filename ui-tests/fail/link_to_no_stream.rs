//! What is read is a topic, a step or a branch.

use streams_runtime::{processor, topology};

struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

#[processor(from = large, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [large, doubled]);

fn main() {}
