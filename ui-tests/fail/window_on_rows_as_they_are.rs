//! Only what aggregates has windows.

use streams_runtime::{ktable, topic, topology, window};

#[topic(name = "users", key = String, value = Option<String>)]
struct UsersTopic;

#[ktable(store = "users", from = UsersTopic)]
#[window(tumbling = "15s", grace = "5s")]
struct Users;

topology!(App = [Users]);

fn main() {}
