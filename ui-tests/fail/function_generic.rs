//! A step has one type of record.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large<T: Into<u64> + Copy>(order: &T) -> bool {
    (*order).into() > 100
}

topology!(App = [large]);

fn main() {}
