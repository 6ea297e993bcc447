//! A table without a store has no format of its own.

use streams_runtime::{Json, ktable, topic, topology};

#[topic(name = "users", key = String, value = Option<String>)]
struct UsersTopic;

#[ktable(from = UsersTopic, value = Json<String>)]
struct Users;

topology!(App = [Users]);

fn main() {}
