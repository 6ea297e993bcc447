//! A value that can be null is taken as an `Option`.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = Option<u64>)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
