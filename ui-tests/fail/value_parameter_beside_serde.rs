//! A parameter has the type of what it takes; other crates with a name such as `value` do not change the words.

use streams_runtime::{Json, processor, topic, topology};

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Order;

#[topic(name = "orders", key = String, value = Json<Order>)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(key: &u64, _: &Order) -> bool {
    *key > 100
}

topology!(App = [large]);

fn main() {}
