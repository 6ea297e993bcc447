//! Windowed streams are merged where their windows are of one length.

use streams_runtime::{ktable, processor, topic, topology, window};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[ktable(store = "counts", from = Orders, count)]
#[window(tumbling = "15s", grace = "5s")]
struct Counts;

#[ktable(store = "minutes", from = Orders, count)]
#[window(tumbling = "1m", grace = "5s")]
struct Minutes;

#[processor(from = [Counts, Minutes], merge)]
struct Both;

topology!(App = [Counts, Minutes, Both]);

fn main() {}
