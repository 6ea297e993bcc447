//! A step is a free function.

use streams_runtime::{processor, topic};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

struct Limit(u64);

impl Limit {
    #[processor(from = Orders, filter)]
    fn large(&self, order: &u64) -> bool {
        *order > self.0
    }
}

fn main() {}
