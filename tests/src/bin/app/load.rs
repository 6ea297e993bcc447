//! Much of everything: many partitions, rows that together are larger than memory, work that takes its time.

use std::thread;
use std::time::Duration;

use streams_runtime::prelude::*;

/// What is to be done: how many milliseconds it takes, its number, and anything.
#[topic(name = "jobs", key = Option<String>, value = String)]
struct Jobs;

/// The numbers of those that are done.
#[topic(name = "done", key = Option<String>, value = String)]
struct Done;

#[processor(from = Jobs, map_values, to = Done)]
fn work(job: &str) -> Result<String, String> {
    let mut words = job.split(' ');
    let mut word = || words.next().ok_or_else(|| format!("not a job: {job}"));
    let ms = word()?.parse().map_err(|error| format!("{error}: {job}"))?;
    thread::sleep(Duration::from_millis(ms));
    Ok(word()?.to_owned())
}

topology!(
    /// Does what takes its time.
    pub Sleeper = [work]
);

#[topic(name = "events", key = String, value = String)]
struct Events;

#[topic(name = "event-counts", key = String, value = i64)]
struct EventCountsTopic;

#[ktable(store = "event-counts", from = Events, count, to = EventCountsTopic)]
struct EventCounts;

topology!(
    /// Counts, in as many partitions as there are.
    pub Wide = [EventCounts]
);

/// Which page is to be written once more.
#[topic(name = "pages", partitions = 50, key = Option<String>, value = i64)]
struct Pages;

/// How often each page has been written.
#[topic(name = "page-times", key = i64, value = i64)]
struct PageTimes;

#[processor(from = Pages, select_key, repartition)]
fn by_number(page: &i64) -> i64 {
    *page
}

/// Far larger than the record it comes from.
const PAGE: usize = 1_000;

#[ktable(store = "pages", from = by_number, aggregate)]
fn page(row: &mut String, _page: &i64) {
    let times = times(row) + 1;
    *row = format!("{times:>PAGE$}");
}

#[processor(from = page, map_values, to = PageTimes)]
fn times(row: &str) -> i64 {
    row.trim().parse().unwrap_or_default()
}

topology!(
    /// A hundred tasks, fifty of them with a store.
    pub Bookshop = [by_number, page, times]
);
