//! Two steps of a topology have two names.

use streams_runtime::{topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

mod first {
    #[streams_runtime::processor(from = super::Orders, filter)]
    pub fn large(order: &u64) -> bool {
        *order > 100
    }
}
mod second {
    #[streams_runtime::processor(from = super::Orders, filter)]
    pub fn large(order: &u64) -> bool {
        *order > 1000
    }
}

topology!(App = [first::large, second::large]);

fn main() {}
