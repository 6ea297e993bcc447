//! The pair of a `map` is written out.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

type Pair = (String, u64);

#[processor(from = Orders, map)]
fn by_size(key: &str, order: &u64) -> Pair {
    (key.to_owned(), *order)
}

topology!(App = [by_size]);

fn main() {}
