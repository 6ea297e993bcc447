//! The first row is the type's default, or what `init` returns.

use streams_runtime::{DefaultSerde, ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[derive(Clone, DefaultSerde, serde::Serialize, serde::Deserialize)]
struct Sum(u64);

#[ktable(store = "sums", from = Orders, aggregate)]
fn sum(sum: &mut Sum, order: &u64) {
    sum.0 += order;
}

topology!(App = [sum]);

fn main() {}
