//! `Option` and `Result` are written out in the signature of a step.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

type MaybeOrder = Option<u64>;

#[processor(from = Orders, map_values)]
fn large(order: &u64) -> MaybeOrder {
    Some(*order).filter(|order| *order > 100)
}

topology!(App = [large]);

fn main() {}
