//! A table without a store has no format of its own.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "users", key = String, value = Option<String>)]
struct UsersTopic;

#[ktable(from = UsersTopic, value = streams_runtime::Json<String>)]
struct Users;

topology!(App = [Users]);

fn main() {}
