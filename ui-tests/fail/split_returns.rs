//! A split returns an enum of branches.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, split)]
fn step(_: &u64) {}

topology!(App = [step]);

fn main() {}
