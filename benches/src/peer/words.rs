//! W7: lines of eight words; each word goes through a repartition topic and is counted behind it.

use streams_runtime::{ktable, processor, topic, topology};

/// Lines under keys that do not matter.
#[topic(name = "lines", key = Vec<u8>, value = String)]
pub struct Lines;

/// How often each word occurred.
#[topic(name = "word-counts", key = String, value = i64)]
pub struct WordCounts;

/// The words of a line.
#[processor(from = Lines, flat_map_values)]
pub fn split(line: &str) -> impl Iterator<Item = String> {
    line.split(' ').map(str::to_owned)
}

/// Words with themselves as key.
#[processor(from = split, select_key, repartition)]
pub fn by_word(word: &str) -> String {
    word.to_owned()
}

/// How often each word occurred so far.
#[ktable(store = "words", from = by_word, count, to = WordCounts)]
pub struct Words;

topology!(
    /// W7: words counted behind a repartition.
    pub WordCount = [split, by_word, Words]
);
