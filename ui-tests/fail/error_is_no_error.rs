//! The error of a step is one that can be reported.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

struct TooLarge;

#[processor(from = Orders, map_values)]
fn checked(order: &u64) -> Result<u64, TooLarge> {
    if *order > 100 { Err(TooLarge) } else { Ok(*order) }
}

#[processor(from = checked, filter)]
fn small(order: &u64) -> bool {
    *order < 10
}

topology!(App = [checked, small]);

fn main() {}
