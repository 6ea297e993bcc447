//! The topologies that run beside Kafka Streams write what they must: the same digest as the reference.

use streams_bench::peer::{bytes, orders, table, words};
use streams_bench::workload::{Digest, Reference, Workload};
use streams_runtime::{App, Headers, Serde, Topic};

/// Many keys occur again, some do not.
const RECORDS: u64 = 3000;

/// Pipes the input of `workload` through `A`, and takes in what it wrote to `Out`.
fn output<A, In, Out>(workload: Workload) -> Digest
where
    A: App,
    In: Topic<KeySerde: Serde<Type = In::Key>, ValueSerde: Serde<Type = In::Value>>,
    Out: Topic<KeySerde: Serde<Type = Out::Key>, ValueSerde: Serde<Type = Out::Value>>,
{
    let driver = A::test_driver();
    let (pipe, mut output) = (driver.input::<In>(), driver.output::<Out>());
    let headers = Headers::new();
    for input in workload.inputs(RECORDS) {
        pipe.pipe_bytes(Some(&input.key), Some(&input.value), input.timestamp, &headers).unwrap();
    }
    let mut digest = Digest::default();
    while let Some(record) = output.read_bytes() {
        use streams_runtime::transport::Message;
        digest.add(record.key().unwrap(), record.value().unwrap());
    }
    assert_eq!(driver.dropped(), 0);
    digest
}

#[test]
fn two_stateless_steps() {
    let output = output::<bytes::Stateless, bytes::In, bytes::Flipped>(Workload::Stateless);
    assert_eq!(output, Reference::of(Workload::Stateless, RECORDS));
    assert!((RECORDS - 100..RECORDS).contains(&output.records), "some are dropped, not many");
}

#[test]
fn two_stateless_steps_on_json() {
    let output = output::<orders::InJson, orders::Orders, orders::SeenOrders>(Workload::Json);
    assert_eq!(output, Reference::of(Workload::Json, RECORDS));
    assert!((RECORDS - 100..RECORDS).contains(&output.records), "some are dropped, not many");
}

#[test]
fn a_count_by_key() {
    let output = output::<bytes::Counted, bytes::In, bytes::Counts>(Workload::Count);
    assert_eq!(output, Reference::of(Workload::Count, RECORDS));
    assert_eq!(output.records, RECORDS);
}

#[test]
fn words_counted_behind_a_repartition() {
    let output = output::<words::WordCount, words::Lines, words::WordCounts>(Workload::WordCount);
    assert_eq!(output, Reference::of(Workload::WordCount, RECORDS));
    assert_eq!(output.records, 8 * RECORDS);
}

#[test]
fn a_topic_read_as_a_table() {
    let output = output::<table::Restored, table::Rows, table::Updates>(Workload::Table);
    assert_eq!(output, Reference::of(Workload::Table, RECORDS));
    assert_eq!(output.records, RECORDS);
}
