//! A topic says its key's format.

use streams_runtime::{processor, topic};

#[topic(name = "orders", value = u64)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

fn main() {}
