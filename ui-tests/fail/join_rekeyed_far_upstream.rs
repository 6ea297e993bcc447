//! The key that counts is the one of the last topic, however far away it changed.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;
#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Orders, select_key)]
fn by_size(order: &u64) -> String {
    order.to_string()
}
#[processor(from = by_size, filter)]
fn large(order: &u64) -> bool {
    *order > 100
}
#[processor(from = large, map_values)]
fn halved(order: &u64) -> u64 {
    order / 2
}

#[processor(from = halved, join = Users)]
fn named(order: &u64, user: &str) -> String {
    format!("{order}{user}")
}

topology!(App = [by_size, large, halved, Users, named]);

fn main() {}
