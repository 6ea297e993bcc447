//! Every way to take a parameter.

use streams_runtime::{Headers, Source, Timestamp, ktable, processor, topic, topology};

#[topic(name = "lines", key = Option<String>, value = Option<String>)]
struct Lines;
#[topic(name = "bytes", key = String, value = Vec<u8>)]
struct Blobs;

/// Doc comments stay where they are.
#[processor(from = Lines, filter)]
fn borrowed<'a>(key: Option<&'a str>, line: Option<&'a String>) -> bool {
    key.is_some() && line.is_some()
}

#[processor(from = Lines, map_values)]
fn whole(line: &Option<String>) -> Option<String> {
    line.clone()
}

#[processor(from = Lines, flat_map_values)]
fn taken(line: Option<String>) -> impl Iterator<Item = String> {
    line.into_iter()
}

#[processor(from = taken, flat_map)]
fn pairs(key: Option<String>, line: String, at: Timestamp) -> Vec<(Timestamp2, Option<String>)> {
    vec![(at.as_ms(), key), (line.len() as i64, None)]
}
type Timestamp2 = i64;

#[processor(from = Blobs, peek)]
fn sliced(_: &str, blob: &[u8], at: Timestamp, headers: &Headers, source: Source<'_>) {
    let _ = (blob, at, headers, source);
}

#[processor(from = Blobs, map_values, error = skip)]
fn parsed(blob: &[u8], _at: Timestamp) -> std::result::Result<u64, std::num::ParseIntError> {
    String::from_utf8_lossy(blob).parse()
}

#[ktable(store = "longest", from = Lines, reduce, null_key = skip)]
fn longest(all: &mut Option<String>, line: Option<&str>) {
    match line {
        None => *all = None,
        Some(line) if all.as_ref().is_some_and(|all| all.len() < line.len()) => *all = Some(line.to_owned()),
        Some(_) => {}
    }
}

#[ktable(store = "sum", from = parsed, aggregate, init = ten, error = fail)]
fn sum(sum: &mut u64, key: &str, n: u64, at: Timestamp) -> Result<(), String> {
    let _ = (key, at);
    *sum = sum.checked_add(n).ok_or("too much")?;
    Ok(())
}

fn ten() -> u64 {
    10
}

#[ktable(from = Lines, null_key = skip)]
struct View;

#[processor(from = View, filter_map)]
fn some(key: &str, line: Option<&str>) -> Option<(String, String)> {
    Some((line?.to_owned(), key.to_owned()))
}

topology!(App = [borrowed, whole, taken, pairs, sliced, parsed, longest, sum, View, some]);

fn main() {
    assert!(!borrowed(None, None));
    assert_eq!(taken(Some("a".to_owned())).count(), 1);
    App::describe();
}
