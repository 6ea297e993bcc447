//! A `timestamp` function of nullable values takes an `Option`.

use streams_runtime::{Timestamp, processor, topic};

#[topic(name = "orders", key = String, value = Option<u64>, timestamp = ordered_at)]
struct Orders;

fn ordered_at(_order: &u64) -> Timestamp {
    Timestamp::from_ms(0)
}

#[processor(from = Orders, filter)]
fn large(order: Option<&u64>) -> bool {
    order.is_some_and(|order| *order > 100)
}

fn main() {}
