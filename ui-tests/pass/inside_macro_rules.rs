//! Items made by a `macro_rules!` are items like others.

use streams_runtime::{ktable, processor, topic, topology, window};

macro_rules! pipeline {
    ($topic:ident, $name:literal, $value:ty, $step:ident, $word:ident, $sum:ident, $counts:ident, $table:ident, $app:ident) => {
        #[topic(name = $name, key = String, value = $value, partitions = 4, null_value = skip)]
        struct $topic;
        #[processor(from = $topic, filter)]
        fn $step(key: &str, value: &$value) -> bool {
            *value > 100 && !key.is_empty()
        }
        #[processor(from = $step, select_key, repartition)]
        fn $word(value: &$value) -> $value {
            *value
        }
        #[ktable(store = "sums", from = $word, aggregate)]
        #[window(tumbling = "15s", grace = "0s")]
        fn $sum(sum: &mut $value, value: $value) {
            *sum += value;
        }
        #[ktable(store = "counts", from = $word, count)]
        struct $counts;
        #[ktable(store = "table", from = $topic)]
        struct $table;
        topology!($app = [$step, $word, $sum, $counts, $table]);
    };
}

pipeline!(Numbers, "numbers", u64, large, by_value, sum, Counts, Table, App);

fn main() {
    assert!(large("a", &101));
    assert!(App::describe().contains("numbers"));
}
