//! After key and value a function takes `Timestamp`, `&Headers` or `Source`.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[processor(from = Orders, filter)]
fn large(_key: &str, order: &u64, _clock: &std::time::Duration) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
