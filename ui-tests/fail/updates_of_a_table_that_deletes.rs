//! The updates of a table whose rows can be deleted are nullable.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Users, filter)]
fn named(user: &str) -> bool {
    !user.is_empty()
}

topology!(App = [Users, named]);

fn main() {}
