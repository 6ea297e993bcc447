//! A step joins tables of its own topology.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;
#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Orders, join = Users)]
fn named(order: &u64, user: &str) -> String {
    format!("{order}{user}")
}

topology!(App = [named]);

fn main() {}
