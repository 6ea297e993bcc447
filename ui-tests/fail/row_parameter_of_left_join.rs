//! `left_join` may find no row, so the function takes an `Option`.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;
#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Orders, left_join = Users)]
fn named(order: &u64, user: &str) -> String {
    format!("{order}{user}")
}

topology!(App = [Users, named]);

fn main() {}
