//! Steps that remember nothing.

use super::*;

#[processor(from = In, filter)]
fn kept(word: &str) -> bool {
    word.len() > 1
}
#[processor(from = In, filter_not)]
fn short(word: &str) -> bool {
    word.len() > 3
}
#[processor(from = kept, map)]
fn mapped(key: &str, word: &str) -> (String, String) {
    (format!("{key}!"), word.to_uppercase())
}
#[processor(from = short, map_values)]
fn values(word: &str, at: Timestamp) -> String {
    format!("{word}@{}", at.as_ms())
}
#[processor(from = In, flat_map)]
fn flat(key: &str, word: &str) -> Vec<(String, String)> {
    word.split(' ').map(|w| (w.to_owned(), key.to_owned())).collect()
}
#[processor(from = In, flat_map_values)]
fn flat_values(word: &str) -> impl Iterator<Item = String> {
    word.chars().map(String::from).collect::<Vec<_>>().into_iter()
}
#[processor(from = mapped, filter_map)]
fn some(key: &str, word: &str) -> Option<(String, String)> {
    (key != "a!").then(|| (word.to_owned(), key.to_owned()))
}
#[processor(from = values, filter_map_values)]
fn some_values(word: &str, from: Source) -> Option<String> {
    (from.partition == 0).then(|| word.to_owned())
}
#[processor(from = flat_values, select_key)]
fn keyed(letter: &str) -> String {
    letter.to_owned()
}
#[processor(from = keyed, peek)]
fn watched(_: &str) {}
#[processor(from = [some, some_values, watched, flat], merge, to = Out)]
struct All;

#[derive(Branches)]
enum Way {
    Left(String),
    Right(String),
    Nowhere,
}
#[processor(from = In, split)]
fn way(word: &str) -> Way {
    match word.len() % 3 {
        0 => Way::Left(word.to_owned()),
        1 => Way::Right(word.to_owned()),
        _ => Way::Nowhere,
    }
}
#[processor(from = Way::Left, to = Second)]
struct Left;
#[processor(from = Way::Right, map_values, to = Second)]
fn right(word: &str) -> String {
    format!("right {word}")
}

topology!(
    Stateless = [
        kept,
        short,
        mapped,
        values,
        flat,
        flat_values,
        some,
        some_values,
        keyed,
        watched,
        All,
        way,
        Left,
        right
    ]
);

#[test]
fn stateless_steps() {
    undone::<Stateless>(feed, none);
}
