//! Fifty stores on disk, and far more rows than there is memory for: what the process really takes.
//!
//! Each measurement has a process of its own, so that nothing else is measured with it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use streams_runtime::StateDirectory;
use streams_runtime::commit::Commit;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::instance::InProcess;
use streams_runtime::memory::Budget;
use streams_runtime::prelude::*;
use streams_runtime::state::DiskMemory;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::Worker;

const PARTITIONS: u32 = 10;

#[topic(name = "in", partitions = 10, key = i64, value = i64)]
struct In;

#[ktable(store = "a", from = In, aggregate)]
fn a(row: &mut String, size: &i64) {
    again(row, *size);
}
#[ktable(store = "b", from = In, aggregate)]
fn b(row: &mut String, size: &i64) {
    again(row, *size);
}
#[ktable(store = "c", from = In, aggregate)]
fn c(row: &mut String, size: &i64) {
    again(row, *size);
}
#[ktable(store = "d", from = In, aggregate)]
fn d(row: &mut String, size: &i64) {
    again(row, *size);
}
#[ktable(store = "e", from = In, aggregate)]
fn e(row: &mut String, size: &i64) {
    again(row, *size);
}
topology!(Wide = [a, b, c, d, e]);

const STORES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A row of so many characters that says how often it was written.
fn again(row: &mut String, size: i64) {
    let times = times(row.as_bytes());
    let times = (times + 1).to_string();
    row.clear();
    row.extend(std::iter::repeat_n(' ', usize::try_from(size).unwrap() - times.len()));
    row.push_str(&times);
}

fn times(row: &[u8]) -> u8 {
    str::from_utf8(row).unwrap().trim().parse().unwrap_or(0)
}

const MEASURE: &str = "MEASURED_BY_A_TEST";
const BUDGET: u64 = 64 << 20;
const PASSES: u8 = 2;

/// What the system says of this process, in bytes.
fn resident(field: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Where the stores of a process are.
fn root(process: u32) -> PathBuf {
    std::env::temp_dir().join(format!("streams-bounds-{process}"))
}

/// Runs a test of this file alone, in a process that measures itself.
fn measure(test: &str, guarantee: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "disk::measured", "--nocapture", "--test-threads=1"]);
    child.env(MEASURE, format!("{test} {guarantee}")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    let root = root(child.id());
    let output = child.wait_with_output().unwrap();
    // Whatever came of it: one that succeeded has removed it.
    let _ = fs::remove_dir_all(root);
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("measured:"), "{said}");
}

/// What the next tests start; alone it does nothing.
#[test]
fn measured() {
    let Ok(what) = std::env::var(MEASURE) else { return };
    let (size, guarantee) = what.split_once(' ').unwrap();
    let guarantee = Guarantee::named(guarantee).unwrap();
    // Each pass writes as many bytes of rows as the whole budget has.
    let size: i64 = size.parse().unwrap();
    let keys = BUDGET as i64 / size / STORES.len() as i64;

    let root = root(std::process::id());
    let budget = Budget::of(BUDGET);
    let directory = StateDirectory::with_memory(&root, "wide", DiskMemory { bytes: budget.disk() }).unwrap();
    let log = MemoryLog::new();
    log.create_topic("in", PARTITIONS).unwrap();
    let machine = InProcess::new(&log, "wide", "one").directory(&directory);
    let mut worker = machine.memory(budget.worker(1)).guarantee(guarantee).start(Wide::graph()).unwrap();
    let seen = vec![0; keys as usize * STORES.len()];
    let mut tail = Tail { log, seen, most: 0 };
    run(&mut worker, &mut tail, 1);
    let before = resident("VmRSS");

    let mut commits = 0;
    for _ in 0..PASSES {
        for key in 0..keys {
            let bytes = key.to_be_bytes();
            let partition = streams_runtime::partition_of(&bytes, PARTITIONS);
            let size = size.to_be_bytes();
            tail.log.append("in", partition, Some(&bytes), Some(&size), 0, &Headers::new()).unwrap();
        }
        // Committed now and then, so that rows wait for their engines; and without a pause, so that none need to.
        commits += run(&mut worker, &mut tail, 7);
    }
    let grown = resident("VmHWM").saturating_sub(before);
    let rows = worker.rows_bytes();
    worker.close().unwrap();
    drop(directory);
    fs::remove_dir_all(&root).unwrap();
    println!(
        "measured: rows of {size} bytes, {commits} commits, {} MB beside {} MB of the log",
        grown >> 20,
        tail.most >> 20
    );
    assert!(
        tail.seen.iter().all(|times| *times == PASSES),
        "a row was not written as often as it was asked for"
    );
    assert!(rows <= budget.worker(1).rows, "{rows}");
    // What the log deleted it keeps for what comes next.
    let grown = grown.saturating_sub(2 * tail.most);
    assert!(grown < BUDGET as usize, "{} MB", grown >> 20);
}

/// The changelogs, which are in this process too: they are looked at and deleted as they grow.
struct Tail {
    log: MemoryLog,
    /// How often each row says that it was written.
    seen: Vec<u8>,
    /// How many bytes there were at most.
    most: usize,
}

impl Tail {
    fn take(&mut self) {
        let mut bytes = 0;
        for (store, name) in STORES.iter().enumerate() {
            let topic = format!("wide-{name}-changelog");
            for partition in 0..PARTITIONS {
                let ends = self.log.watermarks(&topic, partition).unwrap();
                for message in self.log.read_committed(&topic, partition, ends.start).unwrap() {
                    let value = message.value().unwrap();
                    bytes += value.len();
                    let key = i64::from_be_bytes(message.key().unwrap().try_into().unwrap()) as usize;
                    self.seen[key * STORES.len() + store] = times(value);
                }
                self.log.delete_records(&topic, partition, ends.high).unwrap();
            }
        }
        for partition in 0..PARTITIONS {
            let read = self.log.committed("wide", "in", partition).unwrap().map_or(0, |at| at.offset);
            self.log.delete_records("in", partition, read).unwrap();
        }
        self.most = self.most.max(bytes);
    }
}

/// To the end of the input, with a commit every so many steps and whenever one is asked for.
fn run(worker: &mut Worker<InProcess>, tail: &mut Tail, steps: usize) -> usize {
    let mut commits = 0;
    for n in 1..1_000_000 {
        let step = worker.step(usize::MAX).unwrap();
        let done = step.is_idle() && worker.is_at_ends();
        if worker.wants_commit() || done || n % steps == 0 {
            commits += usize::from(worker.commit().unwrap() == Commit::Done);
            tail.take();
        }
        if done && !worker.is_changed() {
            return commits;
        }
    }
    panic!("it never comes to rest");
}

#[test]
fn fifty_stores_with_small_rows_stay_within_the_budget() {
    measure("1000", "exactly_once_v2");
}

#[test]
fn fifty_stores_with_large_rows_stay_within_the_budget() {
    measure("100000", "exactly_once_v2");
    measure("100000", "at_least_once");
}
