//! A value that is never null is not taken as an `Option`.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: Option<&u64>) -> bool {
    order.is_some()
}

topology!(App = [large]);

fn main() {}
