//! The test driver one record at a time, as `bench.Ttd` does it with Kafka Streams' `TopologyTestDriver`.
//!
//! ```text
//! cargo run --release -p streams-bench --bin ttd -- stateless 200000 5
//! ```
//!
//! Arguments: `stateless` or `count`, records a batch, batches, how many records are piped together (1 if it is
//! left out; more go through `pipe_all`, with one commit), and the guarantee (`exactly_once_v2`, if it is left out, or
//! `at_least_once`). One line of JSON a batch; the first is warm-up. Processor time is read from `/proc`, so it is 0
//! elsewhere than on Linux.

use std::time::Instant;
use streams_bench::peer::bytes::{Counted, Counts, Flipped, In, Stateless};
use streams_runtime::{App, Driver, Guarantee, Headers, Input, Output, Serde, TestRecord, Timestamp, Topic};

const KEYS: u64 = 100_000;
const START_MS: i64 = 1_760_000_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [workload, records, batches, rest @ ..] = &arguments[..] else {
        panic!("usage: ttd stateless|count RECORDS BATCHES [TOGETHER [GUARANTEE]]");
    };
    let number = |text: &String| text.parse().unwrap_or_else(|_| panic!("`{text}` is not a number"));
    let (records, batches, together) = (number(records), number(batches), rest.first().map_or(1, number));
    let guarantee = rest.get(1).map_or(Guarantee::ExactlyOnce, |name| {
        Guarantee::named(name).unwrap_or_else(|| panic!("there is no guarantee `{name}`"))
    });
    let start = |topology| Driver::builder(topology).guarantee(guarantee).start().expect("the topics fit");
    let print = |name: &'static str| {
        move |batch: Batch| {
            let Batch { batch, read, wall_us, cpu_us } = batch;
            println!(
                r#"{{"workload":"W9-{name}","contender":"streams","guarantee":"{}","batch":{batch},"records":{records},"outputs":{read},"wall_us_per_record":{:.3},"cpu_us_per_record":{:.3}}}"#,
                guarantee.name(),
                wall_us / records as f64,
                cpu_us / records as f64,
            );
        }
    };
    match workload.as_str() {
        "stateless" => run::<Flipped>(&start(Stateless::graph()), records, batches, together, print("W1")),
        "count" => run::<Counts>(&start(Counted::graph()), records, batches, together, print("W3")),
        other => panic!("no workload `{other}`"),
    }
}

/// What was measured.
struct Batch {
    batch: u64,
    read: u64,
    wall_us: f64,
    cpu_us: f64,
}

fn run<Out>(driver: &Driver, records: u64, batches: u64, together: u64, print: impl Fn(Batch))
where
    Out: Topic<KeySerde: Serde<Type = Out::Key>, ValueSerde: Serde<Type = Out::Value>>,
{
    let (input, mut output): (Input<'_, In>, Output<Out>) = (driver.input(), driver.output());
    let mut value = vec![0; 100];
    value[0] = 1;
    let mut random = 42u64;
    let mut timestamp = START_MS;
    for batch in 0..batches {
        let mut read = 0u64;
        let (cpu, wall) = (cpu_us(), Instant::now());
        for _ in 0..records / together {
            let mut next = || {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let key = (random >> 33) % KEYS;
                timestamp += 1;
                (key.to_be_bytes().to_vec(), value.clone(), timestamp - 1)
            };
            let piped = if together == 1 {
                let (key, value, timestamp) = next();
                input.pipe_at(key, value, timestamp)
            } else {
                let records: Vec<_> = (0..together).map(|_| next()).map(record).collect();
                input.pipe_all(&records)
            };
            piped.expect("every record can be processed");
            while let Some(record) = output.read() {
                std::hint::black_box(&record);
                read += 1;
            }
        }
        let wall_us = wall.elapsed().as_secs_f64() * 1e6;
        let cpu_us = cpu_us() - cpu;
        print(Batch { batch, read, wall_us, cpu_us });
    }
}

fn record((key, value, timestamp): (Vec<u8>, Vec<u8>, i64)) -> TestRecord<Vec<u8>, Vec<u8>> {
    let timestamp = Timestamp::from_ms(timestamp);
    TestRecord { key: Some(key), value: Some(value), timestamp, headers: Headers::new() }
}

/// Processor time of this process, which has one thread.
fn cpu_us() -> f64 {
    // The system counts up to the last time it looked at the thread, which is now.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let ns: u64 = stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or_default();
    ns as f64 / 1e3
}
