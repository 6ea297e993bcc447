//! More rows than there is memory for.

use std::collections::BTreeMap;
use streams_runtime::commit::Commit;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::instance::{InProcess, MemoryDisk};
use streams_runtime::memory::Share;
use streams_runtime::prelude::*;
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::Worker;

#[topic(name = "in", partitions = 4, key = i64, value = i64)]
struct In;
#[topic(name = "last", partitions = 4, key = i64, value = i64)]
struct Lasts;

/// A row that is much larger than the record it comes from.
#[processor(from = In, map_values)]
fn grown(n: &i64) -> String {
    format!("{n:>0$}", 1_000)
}
#[ktable(store = "large", from = grown)]
struct Large;
#[processor(from = Large, map_values, to = Lasts)]
fn last(row: &str) -> i64 {
    row.trim().parse().unwrap_or(-1)
}
#[ktable(store = "counts", from = In, count)]
struct Counts;
topology!(Growing = [grown, Large, last, Counts]);

const KEYS: i64 = 10_000;
const RECORDS: i64 = 20_000;

fn log() -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic("in", 4).unwrap();
    for n in 0..RECORDS {
        // Some keys come again soon, most of them late.
        let key = if n % 3 == 0 { n % 50 } else { n * 7_919 % KEYS };
        let partition = streams_runtime::partition_of(&key.to_be_bytes(), 4);
        log.append("in", partition, Some(&key.to_be_bytes()), Some(&n.to_be_bytes()), n, &Headers::new())
            .unwrap();
    }
    log
}

struct Ran {
    lasts: Vec<Vec<(Vec<u8>, Vec<u8>)>>,
    changelogs: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
    commits: usize,
    most_bytes: usize,
}

/// Commits when it is asked to, and in the end.
fn run(share: Share, guarantee: Guarantee) -> Ran {
    let (log, disk) = (log(), MemoryDisk::new());
    let instance = InProcess::new(&log, "growing", "one").disk(&disk).memory(share).guarantee(guarantee);
    let mut worker: Worker<InProcess> = instance.start(Growing::graph()).unwrap();
    let (mut commits, mut most_bytes) = (0, 0);
    for _ in 0..100_000 {
        let step = worker.step(usize::MAX).unwrap();
        most_bytes = most_bytes.max(worker.rows_bytes());
        let done = step.is_idle() && worker.is_at_ends();
        if (worker.wants_commit() || done) && worker.commit().unwrap() == Commit::Done {
            commits += 1;
        }
        if done && !worker.is_changed() {
            break;
        }
    }
    let pair = |m: &dyn Message| (m.key().unwrap().to_vec(), m.value().unwrap().to_vec());
    let read = |topic: &str| -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
        (0..4).map(|p| log.read_committed(topic, p, 0).unwrap().map(|m| pair(&m)).collect()).collect()
    };
    let topics = ["growing-large-changelog", "growing-counts-changelog"];
    let changelogs = topics.iter().flat_map(|topic| read(topic)).map(BTreeMap::from_iter).collect();
    Ran { lasts: read("last"), changelogs, commits, most_bytes }
}

#[test]
fn a_small_budget_commits_early_and_changes_nothing() {
    let free = run(Share::UNBOUNDED, Guarantee::ExactlyOnce);
    assert_eq!(free.commits, 1);
    assert!(free.most_bytes > 10 << 20, "{}", free.most_bytes);
    let share = Share { rows: 2 << 20, records: 1 << 20 };
    for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let bound = run(share, guarantee);
        assert!(bound.commits > 10, "{}", bound.commits);
        assert!(bound.most_bytes <= share.rows, "{}", bound.most_bytes);
        assert!(bound.lasts == free.lasts, "an output differs");
        assert!(bound.changelogs == free.changelogs, "a store differs");
        // The same input makes the same decisions.
        let again = run(share, guarantee);
        assert_eq!((again.commits, again.most_bytes), (bound.commits, bound.most_bytes));
    }
}
