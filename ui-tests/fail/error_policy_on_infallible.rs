//! `error` says what happens after an `Err`, so the function returns a `Result`.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, map_values, error = skip)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

topology!(App = [doubled]);

fn main() {}
