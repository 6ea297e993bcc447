//! An aborted transaction leaves nothing behind, in any operator: process a batch, take it back, process it again
//! and commit is the same as process it once and commit. Compared are all committed records of all topics
//! (outputs, repartition topics, changelogs) with bytes, times and headers; the rows of the stores; the stream
//! times; the counted drops. Each with stores that keep no row typed, three, and all of them.

use std::fmt::Write;
use streams_runtime::prelude::*;
use streams_runtime::state::OverlayLimit;
use streams_runtime::transport::Message;
use streams_runtime::{Driver, TestRecord};

#[topic(name = "in", partitions = 2, key = String, value = String)]
struct In;
#[topic(name = "other", partitions = 2, key = String, value = Option<String>)]
struct Other;
#[topic(name = "out", partitions = 2, key = String, value = String)]
struct Out;
#[topic(name = "second", partitions = 2, key = String, value = String)]
struct Second;
#[topic(name = "sums", partitions = 2, key = String, value = Option<i64>)]
struct Sums;
#[topic(name = "nullable", partitions = 2, key = Option<String>, value = Option<String>)]
struct Nullable;

/// Keys and words in an order that is not that of their times. `n` makes batches differ.
fn records(n: i64) -> Vec<TestRecord<String, String>> {
    let words = ["apple pear", "fig", "", "7", "plum x", "3", "x", "fig fig", "12", "kiwi", "-5", "pear"];
    let mut records = Vec::new();
    for (i, word) in (0..).zip(words) {
        let mut headers = Headers::new();
        if i % 3 == 0 {
            headers.add("n", [n as u8, i as u8]);
        }
        records.push(TestRecord {
            key: Some(["a", "b", "c", "d", "e"][(i * i + n) as usize % 5].to_owned()),
            value: Some(word.to_owned()),
            timestamp: Timestamp::from_ms(n * 9_000 + i * 2_700 % 11_000),
            headers,
        });
    }
    records
}

fn feed(driver: &Driver) {
    for n in 0..3 {
        driver.input::<In>().pipe_all(&records(n)).unwrap();
    }
}

fn feed_both(driver: &Driver) {
    for n in 0..3 {
        let mut rows = records(n + 7);
        rows[4].value = None;
        driver.input::<Other>().pipe_all(&rows[..5]).unwrap();
        driver.input::<In>().pipe_all(&records(n)).unwrap();
    }
}

fn feed_nulls(driver: &Driver) {
    for n in 0..3 {
        let mut records = records(n);
        records.iter_mut().step_by(3).for_each(|record| record.value = None);
        records.iter_mut().step_by(4).for_each(|record| record.key = None);
        driver.input::<Nullable>().pipe_all(&records).unwrap();
    }
}

/// Everything that can be seen from outside.
fn seen(driver: &Driver, rows: fn(&Driver) -> String) -> (String, i64) {
    let (log, mut seen, mut ends) = (driver.log(), String::new(), 0);
    for topic in log.topics() {
        for partition in 0..log.partitions(&topic).unwrap() {
            ends += log.watermarks(&topic, partition).unwrap().high;
            let committed = log.committed("driver", &topic, partition).unwrap();
            let times = committed.map(|committed| committed.metadata);
            writeln!(seen, "{topic}-{partition} {times:?}").unwrap();
            for record in log.read_committed(&topic, partition, 0).unwrap() {
                let (key, value) = (record.key(), record.value());
                writeln!(seen, "  {} {key:?} {value:?} {:?}", record.timestamp(), record.headers()).unwrap();
            }
        }
    }
    writeln!(seen, "dropped {:?}\nrows {}", driver.drops(), rows(driver)).unwrap();
    (seen, ends)
}

/// A table without rows to show.
fn none(_: &Driver) -> String {
    String::new()
}

#[track_caller]
fn undone<A: App>(feed: fn(&Driver), rows: fn(&Driver) -> String) {
    let mut answers = Vec::new();
    for overlay in [OverlayLimit::NONE, OverlayLimit::values(3), OverlayLimit::UNBOUNDED] {
        let plain = Driver::start_with(A::graph(), overlay).unwrap();
        feed(&plain);
        let doubting = Driver::start_with(A::graph(), overlay).unwrap();
        doubting.doubt();
        feed(&doubting);
        let ((plain, plain_ends), (doubted, doubted_ends)) = (seen(&plain, rows), seen(&doubting, rows));
        assert_eq!(plain, doubted, "an abort left something behind, with {overlay:?}");
        assert!(plain.lines().filter(|line| line.starts_with("  ")).count() > 50, "{plain}");
        assert!(doubted_ends > plain_ends, "nothing was aborted");
        answers.push(plain);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "it depends on what is kept typed");
}

mod stateless {
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
}

mod repartitioned {
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
}

mod joins {
    use super::*;

    #[ktable(store = "others", from = Other)]
    struct Others;
    #[processor(from = In, join = Others, to = Out)]
    fn inner(word: &str, other: &str) -> String {
        format!("{word}+{other}")
    }
    #[processor(from = In, left_join = Others, to = Second)]
    fn left(word: &str, other: Option<&str>) -> String {
        format!("{word}+{other:?}")
    }
    topology!(Joins = [Others, inner, left]);

    #[test]
    fn a_topic_as_table_and_joins_with_it() {
        undone::<Joins>(feed_both, |driver| format!("{:?}", driver.rows::<Others>()));
    }
}

mod tables {
    use super::*;

    #[ktable(store = "latest", from = Nullable, null_key = skip)]
    struct Latest;
    #[processor(from = Latest, to = Nullable2)]
    struct Updates;
    #[topic(name = "updates", partitions = 2, key = Option<String>, value = Option<String>)]
    struct Nullable2;
    #[processor(from = Nullable, filter_map_values, null_key = skip)]
    fn present(word: Option<String>) -> Option<String> {
        word
    }
    #[ktable(store = "as-table", from = present, to = Second)]
    struct AsTable;
    topology!(Tables = [Latest, Updates, present, AsTable]);

    #[test]
    fn deletes_streams_as_tables_and_drops() {
        undone::<Tables>(feed_nulls, |driver| {
            format!("{:?} {:?}", driver.rows::<Latest>(), driver.rows::<AsTable>())
        });
    }
}

mod aggregates {
    use super::*;

    #[ktable(store = "counted", from = In, count)]
    struct Counted;
    #[ktable(store = "reduced", from = In, reduce, to = Out)]
    fn reduced(all: &mut String, word: &str) {
        all.push('-');
        all.push_str(word);
    }
    #[ktable(store = "folded", from = In, aggregate, value = Json<Vec<String>>)]
    fn folded(all: &mut Vec<String>, key: &str, word: &str) {
        all.push(format!("{key}{word}"));
    }
    // Changes the row and fails: what it changed must not stay.
    #[ktable(store = "summed", from = In, aggregate, error = skip)]
    fn summed(sum: &mut i64, word: &str) -> Result<(), std::num::ParseIntError> {
        *sum += 1_000;
        *sum += word.parse::<i64>()?;
        Ok(())
    }
    #[ktable(store = "deleting", from = In, aggregate, to = Sums)]
    fn deleting(sum: &mut Option<i64>, word: &str) {
        *sum = Some(sum.unwrap_or(0) + word.len() as i64).filter(|sum| sum % 4 != 0);
    }
    topology!(Aggregates = [Counted, reduced, folded, summed, deleting]);

    #[test]
    fn count_reduce_aggregate() {
        undone::<Aggregates>(feed, |driver| {
            let lists = (driver.rows::<Counted>(), driver.rows::<reduced>(), driver.rows::<folded>());
            let sums = (driver.rows::<summed>(), driver.rows::<deleting>());
            assert!(driver.dropped() > 0);
            format!("{lists:?} {sums:?}")
        });
    }
}

mod windows {
    use super::*;

    #[topic(name = "windows", partitions = 2, key = TimeWindowed<String, 5_000>, value = String)]
    struct Windows;

    #[ktable(store = "window-counts", from = In, count)]
    #[window(tumbling = "5s", grace = "0s")]
    struct Counted;
    #[ktable(store = "window-words", from = In, reduce, to = Windows)]
    #[window(tumbling = "5s", grace = "2s")]
    fn reduced(all: &mut String, word: &str) {
        all.push('-');
        all.push_str(word);
    }
    #[ktable(store = "window-sums", from = In, aggregate, error = skip)]
    #[window(tumbling = "1s", grace = "1s")]
    fn summed(sum: &mut i64, word: &str) -> Result<(), std::num::ParseIntError> {
        *sum += 1_000;
        *sum += word.parse::<i64>()?;
        Ok(())
    }
    #[ktable(store = "window-gone", from = In, aggregate)]
    #[window(tumbling = "10s", grace = "1s")]
    fn deleting(sum: &mut Option<i64>, word: &str) {
        *sum = Some(sum.unwrap_or(0) + word.len() as i64).filter(|sum| sum % 4 != 0);
    }
    topology!(Windowing = [Counted, reduced, summed, deleting]);

    #[test]
    fn windows_their_stream_times_and_late_records() {
        undone::<Windowing>(feed, |driver| {
            let lists = (driver.windows::<Counted, String>(), driver.windows::<reduced, String>());
            let sums = (driver.windows::<summed, String>(), driver.windows::<deleting, String>());
            let drops = driver.drops();
            assert!(
                drops.iter().any(|drop| drop.reason == streams_runtime::counters::Reason::Late),
                "{drops:?}"
            );
            format!("{lists:?} {sums:?}")
        });
    }
}

mod policies {
    use super::*;

    #[topic(name = "bytes", partitions = 2, key = String, value = Json<Vec<i64>>, decode = skip, null_key = skip,
            null_value = skip, no_time = partition_time)]
    struct Bytes;
    struct Picky;
    impl Serde for Picky {
        type Type = i64;
        fn encode(value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
            if value % 3 == 0 {
                return Err(SerdeError::new("not a third"));
            }
            out.extend_from_slice(value.to_string().as_bytes());
            Ok(())
        }
        fn decode(bytes: &[u8]) -> Result<i64, SerdeError> {
            str::from_utf8(bytes).map_err(SerdeError::new)?.parse().map_err(SerdeError::new)
        }
    }
    #[topic(name = "picky", partitions = 2, key = String, value = Picky, encode = skip)]
    struct PickyOut;
    #[processor(from = Bytes, map_values, error = skip, to = PickyOut)]
    #[allow(clippy::ptr_arg, reason = "a parameter is the type the topic carries")]
    fn first(numbers: &Vec<i64>, at: Timestamp) -> Result<i64, &'static str> {
        numbers.first().map(|first| first + at.as_ms()).ok_or("no number")
    }
    topology!(Policies = [first]);

    fn feed_bytes(driver: &Driver) {
        for n in 0..4 {
            let none = Headers::new();
            for i in 0..20_i64 {
                let key = [b'a' + (i % 7) as u8];
                let text = format!("[{}]", n * 20 + i);
                let value: Option<&[u8]> = match i % 5 {
                    0 => Some(b"[]"),
                    1 => Some(b"not json"),
                    2 if i > 10 => None,
                    _ => Some(text.as_bytes()),
                };
                let time = if i % 4 == 3 && n > 0 { -1 } else { n * 1_000 + i * 37 % 400 };
                let key = if i % 9 == 8 { None } else { Some(&key[..]) };
                let partition = (i % 2) as u32;
                driver.log().append("bytes", partition, key, value, time, &none).unwrap();
            }
            driver.run().unwrap();
        }
    }

    #[test]
    fn policies_drops_and_partition_time() {
        undone::<Policies>(feed_bytes, |driver| {
            assert!(driver.drops().len() >= 5, "{:?}", driver.drops());
            String::new()
        });
    }
}
