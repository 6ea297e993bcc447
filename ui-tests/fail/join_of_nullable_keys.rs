//! A join needs a key; who leaves nulls out says so.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "clicks", key = Option<String>, value = u64, partitions = 4)]
struct Clicks;
#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Clicks, join = Users)]
fn named(click: &u64, user: &str) -> String {
    format!("{click}{user}")
}

topology!(App = [Users, named]);

fn main() {}
