//! Policies that are not built yet say so.

use streams_runtime::{processor, topic, topology};

#[topic(name = "dead", key = String, value = u64)]
struct Dead;
#[topic(name = "orders", key = String, value = u64, decode = dead_letter(Dead))]
struct Orders;

#[processor(from = Orders, filter, to = Dead)]
fn large(order: &u64) -> bool {
    *order > 100
}

topology!(App = [large]);

fn main() {}
