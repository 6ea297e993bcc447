//! `init` is the first row of an `aggregate`.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count, init = zero)]
struct Counts;

fn zero() -> i64 {
    0
}

topology!(App = [Counts]);

fn main() {}
