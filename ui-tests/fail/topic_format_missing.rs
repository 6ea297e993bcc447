//! What a topic holds has a format.

use streams_runtime::{processor, topic, topology};

struct Order;

#[topic(name = "orders", key = String, value = Order)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(_: &Order) -> bool {
    true
}

topology!(App = [large]);

fn main() {}
