//! The test driver one record at a time, as `bench.Ttd` does it with Kafka Streams' `TopologyTestDriver`.
//!
//! ```text
//! cargo run --release -p streams-bench --bin ttd -- stateless 200000 5
//! ```
//!
//! Arguments: `stateless` or `count`, records a batch, batches, and how many records are piped together (1 if it is
//! left out; more go through `pipe_all`, with one commit). One line of JSON a batch; the first is warm-up.
//! Processor time is read from `/proc`, so it is 0 elsewhere than on Linux.

use std::time::Instant;
use streams_bench::peer::bytes::{Counted, Counts, Flipped, In, Stateless};
use streams_runtime::{Driver, Headers, Input, Output, Serde, TestRecord, Timestamp, Topic};

const KEYS: u64 = 100_000;
const START_MS: i64 = 1_760_000_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (workload, records, batches, together) = match &arguments[..] {
        [workload, records, batches] => (workload, records, batches, 1),
        [workload, records, batches, together] => {
            (workload, records, batches, together.parse().expect("TOGETHER is a number"))
        }
        _ => panic!("usage: ttd stateless|count RECORDS BATCHES [TOGETHER]"),
    };
    let records = records.parse().expect("RECORDS is a number");
    let batches = batches.parse().expect("BATCHES is a number");
    match workload.as_str() {
        "stateless" => run::<Flipped>(&Stateless::driver(), "W1", records, batches, together),
        "count" => run::<Counts>(&Counted::driver(), "W3", records, batches, together),
        other => panic!("no workload `{other}`"),
    }
}

fn run<Out>(driver: &Driver, name: &str, records: u64, batches: u64, together: u64)
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
        let wall = wall.elapsed().as_secs_f64() * 1e6 / records as f64;
        let cpu = (cpu_us() - cpu) / records as f64;
        println!(
            r#"{{"workload":"W9-{name}","contender":"streams","batch":{batch},"records":{records},"outputs":{read},"wall_us_per_record":{wall:.3},"cpu_us_per_record":{cpu:.3}}}"#
        );
    }
}

fn record((key, value, timestamp): (Vec<u8>, Vec<u8>, i64)) -> TestRecord<Vec<u8>, Vec<u8>> {
    let timestamp = Timestamp::from_ms(timestamp);
    TestRecord { key: Some(key), value: Some(value), timestamp, headers: Headers::new() }
}

/// User and system time of this process, in ticks of 10 ms.
fn cpu_us() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, field 2, may hold anything; behind its parenthesis comes field 3.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 * 10_000.0
}
