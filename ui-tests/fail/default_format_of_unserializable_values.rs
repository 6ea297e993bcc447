//! What has a default format derives `Serialize` and `Deserialize`.

use streams_runtime::{DefaultSerde, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[derive(DefaultSerde)]
struct Bill {
    total: u64,
}

#[processor(from = Orders, map_values, repartition)]
fn billed(order: &u64) -> Bill {
    Bill { total: *order }
}

#[processor(from = billed, filter)]
fn large(bill: &Bill) -> bool {
    bill.total > 100
}

topology!(App = [billed, large]);

fn main() {}
