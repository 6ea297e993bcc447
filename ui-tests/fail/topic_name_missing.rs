//! A topic says its name.

use streams_runtime::{processor, topic};

#[topic(key = String, value = u64)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

fn main() {}
