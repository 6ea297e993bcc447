//! A topic's name is one that Kafka takes.

use streams_runtime::{processor, topic};

#[topic(name = "all orders", key = String, value = u64)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

fn main() {}
