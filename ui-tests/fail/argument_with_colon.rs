//! Arguments are written with an equals sign.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from: Orders, map_values, repartition)]
fn billed(order: &u64) -> String {
    order.to_string()
}

#[processor(from = billed, filter)]
fn long(key: &str, bill: &str) -> bool {
    bill.len() > key.len()
}

topology!(App = [billed, long]);

fn main() {}
