//! Steps that read one another need a topic in between.

use streams_runtime::{processor, topology};

#[processor(from = second, filter)]
fn first(order: &u64) -> bool {
    *order > 100
}

#[processor(from = first, filter)]
fn second(order: &u64) -> bool {
    *order < 1000
}

topology!(App = [first, second]);

fn main() {}
