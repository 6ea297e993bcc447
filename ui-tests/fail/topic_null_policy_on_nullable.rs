//! A topic that expects nulls has no policy for them.

use streams_runtime::{processor, topic};

#[topic(name = "orders", key = String, value = Option<u64>, null_value = skip)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: Option<&u64>) -> bool {
    order.is_some()
}

fn main() {}
