//! The `timestamp` of a topic is a function with a name.

use streams_runtime::{Timestamp, processor, topic};

#[topic(name = "orders", key = String, value = u64, timestamp = |order| Timestamp::from_ms(*order as i64))]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100 && Timestamp::from_ms(0).as_ms() == 0
}

fn main() {}
