//! A join returns the joined value.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;
#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Orders, join = Users)]
fn named(_: &u64, _: &str) {}

topology!(App = [Users, named]);

fn main() {}
