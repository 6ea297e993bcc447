//! A join looks rows up, so it takes a table, not a topic.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[topic(name = "users", key = String, value = String, partitions = 4)]
struct Users;

#[processor(from = Orders, join = Users)]
fn named(order: &u64, user: &str) -> String {
    format!("{order}{user}")
}

#[processor(from = named, filter)]
fn long(name: &str) -> bool {
    name.len() > 3
}

topology!(App = [named, long]);

fn main() {}
