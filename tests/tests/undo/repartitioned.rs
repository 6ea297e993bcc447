//! Through an internal topic, to the next sub-topology.

use super::*;

#[processor(from = In, select_key, repartition(partitions = 3))]
fn by_word(word: &str) -> String {
    word.to_owned()
}
#[ktable(store = "by-word", from = by_word, count)]
struct ByWord;
#[processor(from = ByWord, map, to = Out)]
fn shown(word: &str, count: &i64) -> (String, String) {
    (word.to_owned(), count.to_string())
}
topology!(Repartitioned = [by_word, ByWord, shown]);

#[test]
fn repartition_and_count() {
    undone::<Repartitioned>(feed, |driver| format!("{:?}", driver.rows::<ByWord>()));
}

// Nothing but another layout, and keys that may be null.
#[processor(from = Nullable, repartition(partitions = 4))]
struct Wider;
#[processor(from = Wider, to = Nulls)]
struct Copied;
#[topic(name = "nulls", partitions = 2, key = Option<String>, value = Option<String>)]
struct Nulls;
#[processor(from = Nullable, select_key, repartition, null_value = skip, name = "by-first-letter")]
fn by_letter(word: &str) -> Option<String> {
    word.chars().next().map(String::from)
}
#[ktable(store = "by-letter", from = by_letter, aggregate, null_key = skip)]
fn of_letter(all: &mut String, word: &str) {
    all.push_str(word);
}
#[processor(from = by_letter, left_join = of_letter, to = Nulls)]
fn beside(key: Option<&str>, word: &str, all: Option<&str>) -> String {
    format!("{word} of {key:?}: {all:?}")
}
topology!(Layouts = [Wider, Copied, by_letter, of_letter, beside]);

#[test]
fn other_layouts_and_keys_that_are_null() {
    undone::<Layouts>(feed_nulls, |driver| format!("{:?}", driver.rows::<of_letter>()));
}
