//! Both sides of a join have as many partitions.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "clicks", key = String, value = u64, partitions = 6)]
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
