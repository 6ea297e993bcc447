//! A step writes to one topic, which is no list.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;
#[topic(name = "large", key = String, value = u64)]
struct Large;

#[processor(from = Orders, filter, to = [Large])]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
