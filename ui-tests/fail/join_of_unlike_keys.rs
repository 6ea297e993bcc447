//! Both sides of a join have one key type.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "clicks", key = u64, value = u64, partitions = 4)]
struct Clicks;
#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[processor(from = Clicks, join = Users)]
fn named(click: &u64, user: &str) -> String {
    format!("{click}{user}")
}

#[processor(from = named, filter)]
fn long(name: &str) -> bool {
    name.len() > 3
}

topology!(App = [Users, named, long]);

fn main() {}
