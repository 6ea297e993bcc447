//! An aggregate reads a stream; of a table it would have to take old rows back.

use streams_runtime::{ktable, topic, topology};

#[topic(name = "users", key = String, value = Option<String>, partitions = 4)]
struct UsersTopic;
#[ktable(store = "users", from = UsersTopic)]
struct Users;

#[ktable(store = "counts", from = Users, count, null_value = skip)]
struct Counts;

topology!(App = [Users, Counts]);

fn main() {}
