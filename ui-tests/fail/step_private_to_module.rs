//! A step that is private to a module is not seen outside.

use streams_runtime::{processor, topic};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

mod orders {
    #[streams_runtime::processor(from = super::Orders, filter)]
    fn large(order: &u64) -> bool {
        *order > 100
    }
}

#[processor(from = orders::large, map_values)]
fn doubled(order: &u64) -> u64 {
    order * 2
}

fn main() {}
