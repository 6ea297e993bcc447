//! A topic that is read as a table says what a null value means.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "users", key = String, value = String)]
struct UsersTopic;

#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Users, filter)]
fn named(user: &str) -> bool {
    !user.is_empty()
}

topology!(App = [Users, named]);

fn main() {}
