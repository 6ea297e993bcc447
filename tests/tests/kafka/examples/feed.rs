//! Feeds an example record by record and compares what it writes with the driver.
//!
//! One record after the other, because the driver works that way: on a broker, records of several partitions that come
//! at once may be processed in several orders.

use std::collections::BTreeMap;

use streams_runtime::Driver;
use streams_tests::broker::Broker;
use streams_tests::broker::app::App;
use streams_tests::broker::supervised::Signal;
use streams_tests::broker::tools::{
    Isolation, Message, PATIENCE, Producer, committed, create_topic, end_offsets, read, until,
};

use super::topics::{ByKey, Given, Input, Output};

/// 2022-12-05T08:00:00Z, before everything that happens in the data.
const START: i64 = 1_670_227_200_000;

/// An example and its data.
pub struct Example {
    pub binary: &'static str,
    /// Lines `topic key value`.
    pub data: &'static str,
    pub driver: fn() -> Driver,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
}

pub fn run(broker: &Broker, example: &Example) {
    let bootstrap = broker.bootstrap();
    for input in &example.inputs {
        create_topic(&bootstrap, input.name, input.partitions, &[]);
    }
    for output in &example.outputs {
        create_topic(&bootstrap, output.name, output.partitions, &[]);
    }
    let app = App::start(example.binary, &bootstrap, &[("commit.interval.ms", "50")]);
    let producer = Producer::new(&bootstrap);
    let driver = (example.driver)();
    for (number, line) in example.lines().enumerate() {
        let (input, given) = example.given(line, number);
        (input.pipe)(&driver, &given).unwrap();
        producer.write([message(input, &given)]);
        until(line, PATIENCE, || {
            app.assert_runs();
            let done = example.is_read(&bootstrap, input) && example.is_written(&bootstrap, &driver);
            done.then_some(())
        });
    }
    app.signal(Signal::Terminate);
    assert_eq!(app.ended(PATIENCE), Some(0), "{}", app.stderr());
    // Nothing came late.
    for output in &example.outputs {
        assert_eq!(written(&bootstrap, output), (output.all)(&driver), "{}", output.name);
    }
}

impl Example {
    fn lines(&self) -> impl Iterator<Item = &'static str> {
        self.data.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    }

    fn given(&self, line: &str, number: usize) -> (&Input, Given) {
        let mut words = line.splitn(3, ' ');
        let topic = words.next().unwrap();
        let mut bytes = || words.next().filter(|word| *word != "null").map(|word| word.as_bytes().to_vec());
        let input = self.inputs.iter().find(|input| input.name == topic).unwrap();
        let seconds = i64::try_from(number).unwrap();
        (input, Given { key: bytes(), value: bytes(), timestamp: START + 1000 * seconds })
    }

    /// Whether the group has committed all there is of a topic.
    fn is_read(&self, bootstrap: &str, input: &Input) -> bool {
        let committed = committed(bootstrap, self.binary, input.name);
        let ends = (0..).zip(end_offsets(bootstrap, input.name, Isolation::Committed));
        ends.filter(|(_, end)| *end > 0).all(|(partition, end)| committed.get(&partition) == Some(&end))
    }

    /// Whether everything the driver wrote is there; if there is more, that is told in the end.
    fn is_written(&self, bootstrap: &str, driver: &Driver) -> bool {
        let count = |records: &ByKey| records.values().map(Vec::len).sum::<usize>();
        self.outputs.iter().all(|output| count(&written(bootstrap, output)) >= count(&(output.all)(driver)))
    }
}

fn message(input: &Input, given: &Given) -> Message {
    let mut message = Message::to(input.name).timestamp(given.timestamp);
    if let Some(key) = &given.key {
        message = message.key(key);
    }
    if let Some(value) = &given.value {
        message = message.value(value);
    }
    message
}

/// What a reader of committed records finds; equal keys must lie together.
fn written(bootstrap: &str, output: &Output) -> ByKey {
    let mut by_key = ByKey::new();
    let mut places = BTreeMap::new();
    for record in read(bootstrap, output.name, Isolation::Committed) {
        if record.key.is_some() {
            let place = *places.entry(record.key.clone()).or_insert(record.partition);
            assert_eq!(record.partition, place, "{} is in two partitions", record.key_text());
        }
        by_key.entry(record.key).or_default().push((record.value, record.timestamp));
    }
    by_key
}
