//! Steps that take long, and steps that write much.

use std::cell::RefCell;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::Worker;

#[topic(name = "in", partitions = 2, key = i64, value = i64)]
struct In;
#[topic(name = "out", partitions = 2, key = i64, value = i64)]
struct Out;

thread_local! {
    /// The log whose clock a slow step moves, and by how much.
    static SLOW: RefCell<Option<(MemoryLog, i64)>> = const { RefCell::new(None) };
}

/// Takes as long as the test says.
#[processor(from = In, map_values, to = Out)]
fn slow(n: &i64) -> i64 {
    SLOW.with_borrow(|slow| {
        if let Some((log, ms)) = slow {
            log.set_time_ms(log.time_ms() + ms);
        }
    });
    *n
}
topology!(Slow = [slow]);

/// A log with so many records in each partition, and a worker that has its tasks.
fn start(records: i64, ms: i64) -> (MemoryLog, Worker<InProcess>) {
    let log = MemoryLog::new();
    log.create_topic("in", 2).unwrap();
    log.set_session_timeout_ms(i64::MAX / 2);
    log.set_transaction_timeout_ms(i64::MAX / 2);
    for n in 0..records * 2 {
        let bytes = n.to_be_bytes();
        log.append("in", (n % 2) as u32, Some(&bytes), Some(&bytes), n, &Headers::new()).unwrap();
    }
    SLOW.set(Some((log.clone(), ms)));
    let worker = InProcess::new(&log, "slow", "one").start(Slow::graph()).unwrap();
    (log, worker)
}

/// More than is taken from the log at once.
const RECORDS: i64 = 5_000;

#[test]
fn a_slow_step_does_not_keep_the_thread_for_long_and_nothing_is_piled_up() {
    let (log, mut worker) = start(RECORDS, 1_000);
    let (mut fetched, mut processed, mut most) = (0, 0, 0);
    for round in 0..200 {
        let began_ms = log.time_ms();
        let step = worker.step(usize::MAX).unwrap();
        worker.commit().unwrap();
        (fetched, processed) = (fetched + step.fetched, processed + step.processed);
        most = most.max(fetched - processed);
        // At first nobody knows that it is slow.
        let patience = if round < 10 { 8_000 } else { 1_000 };
        assert!(log.time_ms() - began_ms <= patience, "round {round} took {} ms", log.time_ms() - began_ms);
    }
    assert!(processed > 150, "{processed}");
    assert!(most <= 1024, "{most} records were taken from the log before their time");
    // Both partitions have their turns.
    let done = |partition| log.committed("slow", "in", partition).unwrap().map_or(0, |at| at.offset);
    assert!((done(0) - done(1)).abs() < 20, "{} and {}", done(0), done(1));
}

#[test]
fn a_fast_step_takes_whole_batches() {
    let (log, mut worker) = start(RECORDS, 0);
    let mut rounds = 0;
    while (0..2).map(|p| log.read_committed("out", p, 0).map_or(0, Iterator::count)).sum::<usize>() < 10_000 {
        worker.step(usize::MAX).unwrap();
        worker.commit().unwrap();
        rounds += 1;
    }
    assert!(rounds < 15, "{rounds}");
}
