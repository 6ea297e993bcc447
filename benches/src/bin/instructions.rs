//! Instructions per record, counted by callgrind: a figure that does not depend on the machine's load.
//!
//! ```text
//! cargo run --release -p streams-bench --bin instructions
//! ```
//!
//! Runs itself under valgrind, with N and with 2 N records, so that start and warm-up cancel out; what it costs to
//! write a record into the in-process log is measured apart and taken off.

use std::process::{Command, Stdio};
use streams_bench::bench::{BATCH, Bench, KEYS};
use streams_bench::chains::{Count, Dropped, Eleven, Five, Numbers, One, QuietCount, Results};
use streams_runtime::{App, Driver};

const N: usize = 16 * BATCH;

/// Name, what it runs, what it is.
const ROWS: [(&str, &str); 9] = [
    ("append", "a record is written to the in-process log (taken off everything below)"),
    ("drop", "read, decoded, dropped by the first step"),
    ("chain-1", "one `map_values`, written"),
    ("chain-5", "five steps, written"),
    ("chain-11", "eleven steps, written"),
    ("count-quiet", "counted by key, nobody reads the table"),
    ("count", "counted by key, every update written"),
    ("pipe-1", "as chain-1, one record a commit, through the test driver, with its own append"),
    ("pipe-count", "as count, in the same way"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => table(),
        [name, records] => work(name, records.parse().expect("a number of records")),
        _ => panic!("no arguments, or a row and a number of records"),
    }
}

fn table() {
    let mut append = 0.0;
    println!("{:<12} {:>12}", "", "instructions");
    for (name, what) in ROWS {
        let per_record = (instructions(name, 2 * N) - instructions(name, N)) / N as f64;
        let taken_off = if name.starts_with("pipe") { 0.0 } else { append };
        if name == "append" {
            append = per_record;
        }
        println!("{name:<12} {:>12.0}  {what}", per_record - taken_off);
    }
}

/// Runs this program once more, under callgrind.
fn instructions(name: &str, records: usize) -> f64 {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([name, &records.to_string()])
        .stdout(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("valgrind is needed: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = count.unwrap_or_else(|| panic!("valgrind said:\n{text}")).1;
    count.trim().parse().expect("callgrind prints a number")
}

fn work(name: &str, records: usize) {
    match name {
        "append" => Bench::start::<Dropped>().write(records),
        "drop" => batches::<Dropped>(records),
        "chain-1" => batches::<One>(records),
        "chain-5" => batches::<Five>(records),
        "chain-11" => batches::<Eleven>(records),
        "count-quiet" => batches::<QuietCount>(records),
        "count" => batches::<Count>(records),
        "pipe-1" => one_by_one(&One::driver(), records),
        "pipe-count" => one_by_one(&Count::driver(), records),
        other => panic!("no row `{other}`"),
    }
}

/// A batch is written, then worked on, as when a worker keeps up with its input.
fn batches<A: App>(records: usize) {
    let mut bench = Bench::start::<A>();
    for _ in 0..records / BATCH {
        bench.write(BATCH);
        assert_eq!(bench.run(), BATCH);
    }
}

fn one_by_one(driver: &Driver, records: usize) {
    let (input, mut output) = (driver.input::<Numbers>(), driver.output::<Results>());
    for i in 0..records {
        input.pipe_at((i % KEYS) as i64, i as i64, i as i64).expect("every record can be processed");
        while let Some(record) = output.read() {
            std::hint::black_box(record);
        }
    }
}
