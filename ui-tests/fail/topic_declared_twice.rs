//! A topic is declared once.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64)]
struct Orders;
#[topic(name = "orders", key = String, value = u64)]
struct AlsoOrders;

#[processor(from = Orders, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

#[processor(from = AlsoOrders, filter)]
fn small(order: &u64) -> bool {
    *order < 10
}

topology!(App = [large, small]);

fn main() {}
