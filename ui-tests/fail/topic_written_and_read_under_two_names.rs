//! A topic is declared once, whether it is read or written.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64)]
struct Orders;
#[topic(name = "large", key = String, value = u64)]
struct Large;
#[topic(name = "large", key = String, value = i64)]
struct LargeOrders;

#[processor(from = Orders, filter, to = Large)]
fn large(order: &u64) -> bool {
    *order > 100
}

#[processor(from = LargeOrders, filter)]
fn known(order: &i64) -> bool {
    *order > 0
}

topology!(App = [large, known]);

fn main() {}
