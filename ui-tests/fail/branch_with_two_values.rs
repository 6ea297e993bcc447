//! A branch carries one value.

use streams_runtime::{Branches, processor, topic};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[derive(Branches)]
enum BySize {
    Small(String, u64),
}

#[processor(from = Orders, split)]
fn by_size(key: String, order: u64) -> BySize {
    BySize::Small(key, order)
}

fn main() {}
