//! How a scenario is run: its input lines go through the driver, and what it wrote comes out as output lines.
//!
//! Knows lines and the driver's public interface; knows no scenario and compares nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use streams_runtime::state::OverlayLimit;
use streams_runtime::transport::Message as _;
use streams_runtime::{
    Driver, DriverError, Header, Headers, Serde, Stream, Table, Topic, Topology, Windowed,
};
use thiserror::Error;

use super::in_json::{InJson, InJsonError};
use crate::conformance::{InputLine, InputRecord, OutputLine, OutputRecord, Payload};

/// Why a scenario cannot be run at all. An application that stops is no such reason but an answer.
#[derive(Debug, Error)]
pub enum RunError {
    /// The driver did not start or could not take a record.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// An input line is for a topic that the scenario does not read.
    #[error("line {line}: the scenario does not read topic `{topic}`")]
    Topic {
        /// The number of the line, from 0.
        line: usize,
        /// The topic.
        topic: String,
    },
    /// A key or value of an input line is not of its topic's format.
    #[error("line {line}: {problem}")]
    Format {
        /// The number of the line, from 0.
        line: usize,
        /// What is wrong with it.
        problem: InJsonError,
    },
}

/// A record as bytes, on its way into the driver.
struct Raw<'l> {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    line: &'l InputRecord,
}

struct Input {
    topic: &'static str,
    bytes_of: for<'l> fn(&'l InputRecord) -> Result<Raw<'l>, InJsonError>,
    pipe: fn(&Driver, &Raw<'_>) -> Result<(), DriverError>,
}

/// Answers the next record of an output topic; the argument is the step.
type Next = Box<dyn FnMut(u64) -> Option<OutputRecord>>;

struct Rows {
    store: &'static str,
    read: fn(&Driver) -> Vec<Value>,
}

/// A topology with the topics and stores that its recording looks at.
pub struct Binding {
    topology: fn() -> Topology,
    inputs: Vec<Input>,
    outputs: Vec<fn(&Driver) -> Next>,
    stores: Vec<Rows>,
}

impl Binding {
    /// A topology of which nothing is known yet.
    pub fn of(topology: fn() -> Topology) -> Binding {
        Binding { topology, inputs: Vec::new(), outputs: Vec::new(), stores: Vec::new() }
    }

    /// Input lines may be for this topic.
    pub fn reads<T>(mut self) -> Binding
    where
        T: Topic<KeySerde: InJson + Serde<Type = T::Key>, ValueSerde: InJson + Serde<Type = T::Value>>,
    {
        self.inputs.push(Input { topic: T::TOPIC.name, bytes_of: raw::<T>, pipe: pipe::<T> });
        self
    }

    /// The records of this topic are part of the answer.
    pub fn writes<T>(mut self) -> Binding
    where
        T: Topic<KeySerde: InJson + Serde<Type = T::Key>, ValueSerde: InJson + Serde<Type = T::Value>>,
    {
        self.outputs.push(next::<T>);
        self
    }

    /// The rows of this table at the end are part of the answer.
    pub fn keeps<T>(mut self) -> Binding
    where
        T: Table<KeySerde: InJson + Serde<Type = T::Key>, ValueSerde: InJson + Serde<Type = T::Value>>,
        T::Value: Clone,
    {
        self.stores.push(Rows { store: T::STORE.name, read: |driver| in_order::<T>(driver.rows::<T>()) });
        self
    }

    /// The windows of this table at the end are part of the answer.
    pub fn keeps_windows<T, K>(mut self) -> Binding
    where
        T: Table<Key = Windowed<K>>,
        T: Table<KeySerde: InJson + Serde<Type = Windowed<K>>, ValueSerde: InJson + Serde<Type = T::Value>>,
        T::Value: Clone,
    {
        self.stores
            .push(Rows { store: T::STORE.name, read: |driver| in_order::<T>(driver.windows::<T, K>()) });
        self
    }

    /// The graph in Kafka Streams' terms.
    pub fn describe(&self) -> String {
        (self.topology)().describe()
    }

    /// Runs the input from its beginning, with stores that keep as many rows typed as `overlay` says.
    ///
    /// # Errors
    /// If the input is not for this scenario.
    pub fn run(&self, input: &[InputLine], overlay: OverlayLimit) -> Result<Vec<OutputLine>, RunError> {
        let driver = Driver::start_with((self.topology)(), overlay)?;
        let mut outputs: Vec<Next> = self.outputs.iter().map(|output| output(&driver)).collect();
        let mut lines = Vec::new();
        for (line, content) in input.iter().enumerate() {
            let step = line as u64;
            match self.step(&driver, line, content)? {
                Ok(()) => {}
                Err(error @ (DriverError::Worker(_) | DriverError::Stopped(_))) => {
                    lines.push(OutputLine::Error { step, error: error.to_string() });
                    return Ok(lines);
                }
                Err(error) => return Err(error.into()),
            }
            for next in &mut outputs {
                lines.extend(std::iter::from_fn(|| next(step)).map(OutputLine::Record));
            }
        }
        if !self.stores.is_empty() {
            let stores: BTreeMap<_, _> =
                self.stores.iter().map(|rows| (rows.store.to_owned(), (rows.read)(&driver))).collect();
            lines.push(OutputLine::Stores(stores));
        }
        lines.push(OutputLine::Dropped(driver.dropped()));
        Ok(lines)
    }

    fn step(
        &self,
        driver: &Driver,
        line: usize,
        content: &InputLine,
    ) -> Result<Result<(), DriverError>, RunError> {
        match content {
            InputLine::AdvanceWallClock(ms) => Ok(driver.advance_wall_clock(*ms)),
            InputLine::Record(record) => {
                let input = self.inputs.iter().find(|input| input.topic == record.topic);
                let input = input.ok_or_else(|| RunError::Topic { line, topic: record.topic.clone() })?;
                let raw = (input.bytes_of)(record).map_err(|problem| RunError::Format { line, problem })?;
                Ok((input.pipe)(driver, &raw))
            }
        }
    }
}

fn bytes<S: InJson>(payload: &Payload) -> Result<Option<Vec<u8>>, InJsonError> {
    match payload {
        Payload::Json(Value::Null) => Ok(None),
        Payload::Json(json) => S::from_json(json).map(Some),
        Payload::Bytes(bytes) => Ok(Some(bytes.clone())),
    }
}

fn payload<S: InJson>(bytes: Option<&[u8]>) -> Payload {
    match bytes {
        None => Payload::Json(Value::Null),
        Some(bytes) => S::to_json(bytes).map_or_else(|| Payload::Bytes(bytes.to_vec()), Payload::Json),
    }
}

fn raw<T: Topic<KeySerde: InJson, ValueSerde: InJson>>(line: &InputRecord) -> Result<Raw<'_>, InJsonError> {
    let (key, value) = (bytes::<T::KeySerde>(&line.key)?, bytes::<T::ValueSerde>(&line.value)?);
    Ok(Raw { key, value, line })
}

fn pipe<T>(driver: &Driver, raw: &Raw<'_>) -> Result<(), DriverError>
where
    T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>,
{
    let mut headers = Headers::new();
    for (name, text) in &raw.line.headers {
        let value = text.as_ref().map(|text| text.as_bytes().to_vec());
        headers.push(Header { name: name.clone(), value });
    }
    driver.input::<T>().pipe_bytes(raw.key.as_deref(), raw.value.as_deref(), raw.line.ts, &headers)
}

fn next<T>(driver: &Driver) -> Next
where
    T: Topic<KeySerde: InJson + Serde<Type = T::Key>, ValueSerde: InJson + Serde<Type = T::Value>>,
{
    let mut output = driver.output::<T>();
    Box::new(move |step| {
        let message = output.read_bytes()?;
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let headers = message.headers();
        Some(OutputRecord {
            step,
            topic: T::TOPIC.name.to_owned(),
            key: payload::<T::KeySerde>(message.key()),
            value: payload::<T::ValueSerde>(message.value()),
            ts: message.timestamp(),
            headers: headers.iter().map(|h| (h.name.clone(), h.value.as_ref().map(text))).collect(),
        })
    })
}

/// Rows as pairs of key and value, by the bytes of their keys.
fn in_order<T>(rows: Vec<(<T as Stream>::Key, <T as Stream>::Value)>) -> Vec<Value>
where
    T: Table<KeySerde: InJson + Serde<Type = T::Key>, ValueSerde: InJson + Serde<Type = T::Value>>,
{
    let mut rows: Vec<(Vec<u8>, Value)> = rows
        .iter()
        .map(|(key, value)| {
            let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
            T::KeySerde::encode(key, &mut key_bytes).expect("a stored key can be written");
            T::ValueSerde::encode(value, &mut value_bytes).expect("a stored row can be written");
            let row = json!([T::KeySerde::to_json(&key_bytes), T::ValueSerde::to_json(&value_bytes)]);
            (key_bytes, row)
        })
        .collect();
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows.into_iter().map(|(_, row)| row).collect()
}
