//! A `timestamp` function takes the value.

use streams_runtime::{Timestamp, processor, topic};

#[topic(name = "orders", key = String, value = u64, timestamp = ordered_at)]
struct Orders;

fn ordered_at(_order: &String) -> Timestamp {
    Timestamp::from_ms(0)
}

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

fn main() {}
