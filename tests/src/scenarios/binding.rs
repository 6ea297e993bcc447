//! How a scenario is run: its input lines go through the driver, and what it wrote comes out as output lines.
//!
//! Knows lines and the driver's public interface; knows no scenario and compares nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use streams_runtime::state::OverlayLimit;
use streams_runtime::transport::Message as _;
use streams_runtime::{
    Driver, DriverError, Header, Headers, Serde, Stream, Table, TestRecord, Timestamp, Topic, Topology,
    Windowed,
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

/// Pipes records as one batch; `None` if one cannot be read.
type PipeAll = fn(&Driver, &[Raw<'_>]) -> Option<Result<(), DriverError>>;

struct Input {
    topic: &'static str,
    bytes_of: for<'l> fn(&'l InputRecord) -> Result<Raw<'l>, InJsonError>,
    pipe: fn(&Driver, &Raw<'_>) -> Result<(), DriverError>,
    pipe_all: PipeAll,
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
        self.inputs.push(Input {
            topic: T::TOPIC.name,
            bytes_of: raw::<T>,
            pipe: pipe::<T>,
            pipe_all: pipe_all::<T>,
        });
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
            written(&mut outputs, step, &mut lines);
        }
        self.end(&driver, &mut lines);
        Ok(lines)
    }

    /// Runs the input as one batch with one commit; all of the answer is in step 0. `None` if the scenario has
    /// several inputs, whose order in a batch is not that of the lines, or if a line is no readable record.
    ///
    /// # Errors
    /// If the input is not for this scenario, or the application stops.
    pub fn run_at_once(
        &self,
        input: &[InputLine],
        overlay: OverlayLimit,
    ) -> Result<Option<Vec<OutputLine>>, RunError> {
        let [only] = self.inputs.as_slice() else { return Ok(None) };
        let mut raws = Vec::new();
        for (line, content) in input.iter().enumerate() {
            let InputLine::Record(record) = content else { return Ok(None) };
            raws.push((only.bytes_of)(record).map_err(|problem| RunError::Format { line, problem })?);
        }
        let driver = Driver::start_with((self.topology)(), overlay)?;
        let mut outputs: Vec<Next> = self.outputs.iter().map(|output| output(&driver)).collect();
        let Some(piped) = (only.pipe_all)(&driver, &raws) else { return Ok(None) };
        piped?;
        let mut lines = Vec::new();
        written(&mut outputs, 0, &mut lines);
        self.end(&driver, &mut lines);
        Ok(Some(lines))
    }

    /// What is said after the last record.
    fn end(&self, driver: &Driver, lines: &mut Vec<OutputLine>) {
        if !self.stores.is_empty() {
            let rows = self.stores.iter().map(|rows| (rows.store.to_owned(), (rows.read)(driver)));
            lines.push(OutputLine::Stores(rows.collect::<BTreeMap<_, _>>()));
        }
        lines.push(OutputLine::Dropped(driver.dropped()));
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

/// Appends what came since the last time, as of `step`.
fn written(outputs: &mut [Next], step: u64, lines: &mut Vec<OutputLine>) {
    for next in outputs {
        lines.extend(std::iter::from_fn(|| next(step)).map(OutputLine::Record));
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
    let headers = headers(raw.line);
    driver.input::<T>().pipe_bytes(raw.key.as_deref(), raw.value.as_deref(), raw.line.ts, &headers)
}

/// Pipes typed records as one batch; `None` if one cannot be read.
fn pipe_all<T>(driver: &Driver, raws: &[Raw<'_>]) -> Option<Result<(), DriverError>>
where
    T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>,
{
    let typed = raws.iter().map(|raw| {
        Some(TestRecord {
            key: raw.key.as_deref().map(T::KeySerde::decode).transpose().ok()?,
            value: raw.value.as_deref().map(T::ValueSerde::decode).transpose().ok()?,
            timestamp: Timestamp::from_ms(raw.line.ts),
            headers: headers(raw.line),
        })
    });
    let records: Vec<TestRecord<T::Key, T::Value>> = typed.collect::<Option<_>>()?;
    Some(driver.input::<T>().pipe_all(&records))
}

fn headers(line: &InputRecord) -> Headers {
    let mut headers = Headers::new();
    for (name, text) in &line.headers {
        let value = text.as_ref().map(|text| text.as_bytes().to_vec());
        headers.push(Header { name: name.clone(), value });
    }
    headers
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::find;

    fn run(id: &str, input: &[&str]) -> Result<String, String> {
        let input: Vec<InputLine> = input.iter().map(|line| line.parse().unwrap()).collect();
        let lines = (find(id).unwrap().bind)().run(&input, OverlayLimit::NONE);
        let lines = lines.map_err(|problem| problem.to_string())?;
        Ok(lines.iter().map(OutputLine::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn records_rows_and_drops_come_in_this_order() {
        let input = [
            r#"{"topic":"in","key":"B","value":"x","ts":7,"headers":[["a",null]]}"#,
            r#"{"advance_wall_clock_ms":5}"#,
            r#"{"topic":"in","key":"A","value":"y","ts":5}"#,
            r#"{"topic":"in","key":null,"value":"y","ts":5}"#,
        ];
        let expected = [
            r#"{"step":0,"topic":"out","key":"B","value":1,"ts":7,"headers":[["a",null]]}"#,
            r#"{"step":2,"topic":"out","key":"A","value":1,"ts":5}"#,
            r#"{"stores":{"counts":[["A",1],["B",1]]}}"#,
            r#"{"dropped":1}"#,
        ];
        assert_eq!(run("agg_count", &input).unwrap(), expected.join("\n"));
    }

    #[test]
    fn nothing_follows_an_error() {
        let good = r#"{"topic":"in","key":"A","value":"ok","ts":0}"#;
        let bad = r#"{"topic":"in","key":"A","value":"boom","ts":0}"#;
        let answer = run("processing_fail", &[good, bad, good]).unwrap();
        let lines: Vec<_> = answer.lines().collect();
        assert_eq!(lines.len(), 2, "{answer}");
        assert!(lines[1].starts_with(r#"{"step":1,"error":"#), "{answer}");
    }

    #[test]
    fn input_for_another_scenario_is_refused() {
        let line = r#"{"topic":"elsewhere","key":"A","value":"x","ts":0}"#;
        assert_eq!(
            run("agg_count", &[line]).unwrap_err(),
            "line 0: the scenario does not read topic `elsewhere`"
        );
        let line = r#"{"topic":"in","key":1,"value":"x","ts":0}"#;
        assert_eq!(run("agg_count", &[line]).unwrap_err(), "line 0: 1 is not a string");
    }
}
