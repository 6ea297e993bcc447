//! A topology may read what it writes: the topic in between knows its types.

use streams_runtime::{processor, topic, topology};

#[topic(name = "tries", key = String, value = u64)]
struct Tries;

#[processor(from = Tries, filter)]
fn open(tries: &u64) -> bool {
    *tries < 3
}

#[processor(from = open, map_values, to = Tries)]
fn again(tries: &u64) -> u64 {
    tries + 1
}

topology!(App = [open, again]);

fn main() {
    App::describe();
}
