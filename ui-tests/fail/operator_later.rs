//! Operators that are not built yet say so.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, for_each)]
fn shown(order: &u64) {
    println!("{order}");
}

topology!(App = [shown]);

fn main() {}
