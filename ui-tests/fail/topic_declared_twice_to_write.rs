//! A topic that one step reads and another one writes has one declaration.
use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64)]
struct Orders;
#[topic(name = "orders", key = String, value = u64)]
struct OrdersAgain;

#[processor(from = Orders, filter, to = OrdersAgain)]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
