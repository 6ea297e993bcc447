//! The joined parameter is the table's row.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;
#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Orders, left_join = Users)]
fn named(order: &u64, user: Option<&u64>) -> u64 {
    order + user.unwrap_or(&0)
}

topology!(App = [Users, named]);

fn main() {}
