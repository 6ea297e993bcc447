//! The framework allocates nothing per record: what is allocated belongs to a batch and its commit.
//!
//! Two runs that differ only in the number of records of a batch differ in allocations by the chunks in which the
//! in-process log keeps what is written to it, and by nothing else.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use streams_bench::bench::{BATCH, Bench};
use streams_bench::chains::Numbers;
use streams_bench::chains::{Count, Eleven, Five, One, QuietCount};
use streams_runtime::{App, processor, topology};

struct Counting;

thread_local! {
    /// Of this thread only: tests run side by side.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// The only unsafe code of the benchmarks: an allocator cannot be written without it. It counts and hands every call
// to the system's allocator as it came, so the promises of the caller are those the system's allocator asks for.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of the worker for this many records that are in the log already.
fn allocations(bench: &mut Bench, records: usize) -> usize {
    bench.write(records);
    let before = ALLOCATIONS.with(Cell::get);
    assert_eq!(bench.run(), records);
    ALLOCATIONS.with(Cell::get) - before
}

/// Allocations of a large batch beyond those of a small one, both with every key and one commit.
fn beyond_the_batch<A: App>() -> usize {
    let mut bench = Bench::start::<A>();
    // Buffers grow to their size.
    for _ in 0..8 {
        allocations(&mut bench, BATCH);
    }
    let small: usize = (0..8).map(|_| allocations(&mut bench, BATCH / 8)).sum();
    let large: usize = (0..8).map(|_| allocations(&mut bench, BATCH)).sum();
    large.saturating_sub(small)
}

/// What the log takes for 8 x 896 more records: two segments for 256 of them, and chunks of bytes of up to 64 kB.
const CHUNKS: usize = 2 * 8 * 896 / 256 + 8;

#[test]
fn a_record_costs_no_allocation() {
    let found = [
        ("chain of 1", beyond_the_batch::<One>()),
        ("chain of 5", beyond_the_batch::<Five>()),
        ("chain of 11", beyond_the_batch::<Eleven>()),
        ("count, updates written", beyond_the_batch::<Count>()),
    ];
    assert!(
        found.iter().all(|(_, n)| *n <= CHUNKS),
        "{found:?} for 7168 records, {CHUNKS} allowed for the log"
    );
}

#[test]
fn a_record_that_is_only_counted_takes_not_even_memory_of_the_log() {
    assert_eq!(beyond_the_batch::<QuietCount>(), 0);
}

/// Asks for memory once a record.
#[processor(from = Numbers, map_values)]
fn boxed(value: i64) -> i64 {
    *std::hint::black_box(Box::new(value))
}

topology!(Boxing = [boxed]);

#[test]
fn an_allocation_per_record_is_noticed() {
    assert!(beyond_the_batch::<Boxing>() >= 7168);
}

#[test]
fn a_commit_like_the_one_before_it_costs_no_allocation() {
    let mut bench = Bench::start::<One>();
    allocations(&mut bench, BATCH);
    let found: usize = (0..BATCH).map(|_| allocations(&mut bench, 1)).sum();
    // The log: segments for 1024 records, and for these and as many markers; a few chunks of bytes.
    assert!(found <= 4 + 8 + 8, "{found} for 1024 commits");
}

#[test]
fn a_row_is_encoded_once_a_commit_however_often_it_changed() {
    let mut bench = Bench::start::<Count>();
    allocations(&mut bench, BATCH);
    // One handle to the bytes that changelog, undo and engine share.
    let found: usize = (0..BATCH).map(|_| allocations(&mut bench, 1)).sum();
    assert!((1024..1024 + 64).contains(&found), "{found} for 1024 commits of one row");
}
