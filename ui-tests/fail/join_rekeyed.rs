//! A join after a change of key needs `repartition`.

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

#[processor(from = by_size, join = Users)]
fn named(order: &u64, user: &str) -> String {
    format!("{order}{user}")
}

topology!(App = [by_size, Users, named]);

fn main() {}
