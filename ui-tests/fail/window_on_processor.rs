//! `#[window]` belongs to a table, not to a processor.

use streams_runtime::{processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
#[window(tumbling = "15s", grace = "5s")]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
