//! A topic says its value's format.

use streams_runtime::{processor, topic};

#[topic(name = "orders", key = String)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

fn main() {}
