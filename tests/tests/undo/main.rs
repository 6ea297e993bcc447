//! An aborted transaction leaves nothing behind, in any operator: process a batch, take it back, process it again
//! and commit is the same as process it once and commit. Compared are all committed records of all topics
//! (outputs, repartition topics, changelogs) with bytes, times and headers; the rows of the stores; the stream
//! times; the counted drops. Each with stores that keep no row typed, three, and all of them. That no word of the language is
//! left out is a test of its own (`words`).

use std::fmt::Write;
use streams_runtime::prelude::*;
use streams_runtime::state::OverlayLimit;
use streams_runtime::transport::Message;
use streams_runtime::{Driver, TestRecord};

mod aggregates;
mod fallible;
mod fan_in;
mod joins;
mod policies;
mod repartitioned;
mod stateless;
mod tables;
mod windows;
mod words;

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
