//! Merged streams carry like records.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[topic(name = "clicks", key = String, value = String, partitions = 4)]
struct Clicks;

#[processor(from = [Orders, Clicks], filter)]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
