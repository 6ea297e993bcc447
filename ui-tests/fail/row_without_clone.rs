//! The row of an aggregate can be cloned, because its updates are sent.

use streams_runtime::{DefaultSerde, ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[derive(Default, DefaultSerde, serde::Serialize, serde::Deserialize)]
struct Sum(u64);

#[ktable(store = "sums", from = Orders, aggregate)]
fn sum(sum: &mut Sum, order: &u64) {
    sum.0 += order;
}

#[processor(from = sum, filter)]
fn large(sum: &Sum) -> bool {
    sum.0 > 100
}

topology!(App = [sum, large]);

fn main() {}
