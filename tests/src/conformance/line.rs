//! Input and output lines: what one JSON object of a case means.
//!
//! Knows the fields of a line and which of them exclude each other. It does not know the formats behind keys and
//! values, nor what a sequence of lines must look like (that is for `compare`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use thiserror::Error;

/// A line that cannot be read; the text says which and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct LineError(String);

/// Header names and texts in order; a text of `None` is a null header.
pub type HeaderTexts = Vec<(String, Option<String>)>;

/// A key or a value: read by the topic's format, or raw bytes if that format cannot read it.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// What the format makes of it; null is `Value::Null`.
    Json(Value),
    /// Raw bytes, written as base64.
    Bytes(Vec<u8>),
}

/// One line of input; its number within the case, from 0, is the *step*.
#[derive(Clone, Debug, PartialEq)]
pub enum InputLine {
    /// A record arrives.
    Record(InputRecord),
    /// The wall clock, which starts at 0 and otherwise stands still, moves on by so many milliseconds.
    AdvanceWallClock(i64),
}

/// A record that arrives on a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRecord {
    /// The topic.
    pub topic: String,
    /// The key.
    pub key: Payload,
    /// The value.
    pub value: Payload,
    /// Event time in milliseconds.
    pub ts: i64,
    /// Headers, usually none.
    pub headers: HeaderTexts,
}

/// One line of output.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputLine {
    /// A record was written.
    Record(OutputRecord),
    /// The application stopped; always the last line.
    Error {
        /// The step that failed.
        step: u64,
        /// What the implementation calls the failure.
        error: String,
    },
    /// The rows of each listed store at the end, as pairs of key and value.
    Stores(BTreeMap<String, Vec<Value>>),
    /// How many records were dropped in all.
    Dropped(u64),
}

/// A record written to a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputRecord {
    /// The input line that caused it.
    pub step: u64,
    /// The topic.
    pub topic: String,
    /// The key.
    pub key: Payload,
    /// The value.
    pub value: Payload,
    /// Event time in milliseconds.
    pub ts: i64,
    /// Headers, usually none.
    pub headers: HeaderTexts,
}

/// Reads all lines of `text`, skipping blank ones; errors begin with `source` and the line's number from 1.
pub fn read_lines<L: FromStr<Err = LineError>>(source: &str, text: &str) -> Result<Vec<L>, LineError> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            line.parse().map_err(|LineError(problem)| LineError(format!("{source}:{}: {problem}", index + 1)))
        })
        .collect()
}

/// A record as it is spelled; `step` only in output.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<u64>,
    topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    key: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    value: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    ts: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: HeaderTexts,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceFields {
    advance_wall_clock_ms: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorFields {
    step: u64,
    error: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoresFields {
    stores: BTreeMap<String, Vec<Value>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DroppedFields {
    dropped: u64,
}

/// Tells a field that is null from one that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn payload(name: &str, json: Option<Value>, base64: Option<String>) -> Result<Payload, LineError> {
    match (json, base64) {
        (Some(json), None) => Ok(Payload::Json(json)),
        (None, Some(text)) => BASE64
            .decode(&text)
            .map(Payload::Bytes)
            .map_err(|problem| LineError(format!("{name}_base64 {text:?}: {problem}"))),
        (None, None) => Err(LineError(format!("neither {name} nor {name}_base64"))),
        (Some(_), Some(_)) => Err(LineError(format!("both {name} and {name}_base64"))),
    }
}

fn spelled(payload: &Payload) -> (Option<Value>, Option<String>) {
    match payload {
        Payload::Json(json) => (Some(json.clone()), None),
        Payload::Bytes(bytes) => (None, Some(BASE64.encode(bytes))),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, LineError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(LineError("not a JSON object".into())),
        Err(problem) => Err(LineError(format!("not JSON: {problem}"))),
    }
}

fn fields<T: for<'de> Deserialize<'de>>(object: Map<String, Value>, text: &str) -> Result<T, LineError> {
    T::deserialize(Value::Object(object)).map_err(|problem| LineError(format!("{problem}: {}", text.trim())))
}

impl FromStr for InputLine {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        let object = object(text)?;
        if object.contains_key("advance_wall_clock_ms") {
            return Ok(InputLine::AdvanceWallClock(
                fields::<AdvanceFields>(object, text)?.advance_wall_clock_ms,
            ));
        }
        let read: RecordFields = fields(object, text)?;
        if read.step.is_some() {
            return Err(LineError(format!("an input line has no step: {}", text.trim())));
        }
        Ok(InputLine::Record(InputRecord {
            topic: read.topic,
            key: payload("key", read.key, read.key_base64)?,
            value: payload("value", read.value, read.value_base64)?,
            ts: read.ts,
            headers: read.headers,
        }))
    }
}

impl FromStr for OutputLine {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        let object = object(text)?;
        let Some(step) = object.get("step") else {
            return if object.contains_key("stores") {
                Ok(OutputLine::Stores(fields::<StoresFields>(object, text)?.stores))
            } else if object.contains_key("dropped") {
                Ok(OutputLine::Dropped(fields::<DroppedFields>(object, text)?.dropped))
            } else {
                Err(LineError(format!("unknown line: {}", text.trim())))
            };
        };
        let Some(step) = step.as_u64() else {
            return Err(LineError(format!("steps must be integers that never go back: {}", text.trim())));
        };
        if object.contains_key("error") {
            let read: ErrorFields = fields(object, text)?;
            return Ok(OutputLine::Error { step, error: read.error });
        }
        if !object.contains_key("topic") {
            return Err(LineError(format!("neither topic nor error: {}", text.trim())));
        }
        let read: RecordFields = fields(object, text)?;
        Ok(OutputLine::Record(OutputRecord {
            step,
            topic: read.topic,
            key: payload("key", read.key, read.key_base64)?,
            value: payload("value", read.value, read.value_base64)?,
            ts: read.ts,
            headers: read.headers,
        }))
    }
}

impl Serialize for InputLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            InputLine::Record(InputRecord { topic, key, value, ts, headers }) => {
                let ((key, key_base64), (value, value_base64)) = (spelled(key), spelled(value));
                let (topic, headers) = (topic.clone(), headers.clone());
                RecordFields { step: None, topic, key, key_base64, value, value_base64, ts: *ts, headers }
                    .serialize(serializer)
            }
            InputLine::AdvanceWallClock(ms) => {
                AdvanceFields { advance_wall_clock_ms: *ms }.serialize(serializer)
            }
        }
    }
}

impl Serialize for OutputLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            OutputLine::Record(OutputRecord { step, topic, key, value, ts, headers }) => {
                let ((key, key_base64), (value, value_base64)) = (spelled(key), spelled(value));
                let (topic, headers) = (topic.clone(), headers.clone());
                RecordFields {
                    step: Some(*step),
                    topic,
                    key,
                    key_base64,
                    value,
                    value_base64,
                    ts: *ts,
                    headers,
                }
                .serialize(serializer)
            }
            OutputLine::Error { step, error } => {
                ErrorFields { step: *step, error: error.clone() }.serialize(serializer)
            }
            OutputLine::Stores(stores) => StoresFields { stores: stores.clone() }.serialize(serializer),
            OutputLine::Dropped(dropped) => DroppedFields { dropped: *dropped }.serialize(serializer),
        }
    }
}

/// The line as it is written to a file, without the newline.
impl fmt::Display for InputLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// The line as it is written to a file, without the newline.
impl fmt::Display for OutputLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input_error(text: &str) -> String {
        text.parse::<InputLine>().unwrap_err().to_string()
    }

    fn output_error(text: &str) -> String {
        text.parse::<OutputLine>().unwrap_err().to_string()
    }

    #[test]
    fn lines_are_written_as_they_were_read() {
        for text in [
            r#"{"topic":"in","key":"A","value":null,"ts":-1}"#,
            r#"{"topic":"in","key":null,"value_base64":"bm90IGpzb24=","ts":5,"headers":[["a","x"],["a",null]]}"#,
            r#"{"topic":"in","key_base64":"","value":{"a":[1,2.5,true]},"ts":5}"#,
            r#"{"advance_wall_clock_ms":1000}"#,
        ] {
            assert_eq!(text.parse::<InputLine>().unwrap().to_string(), text);
        }
        for text in [
            r#"{"step":3,"topic":"out","key":9223372036854775807,"value":"é","ts":7,"headers":[["h","*"]]}"#,
            r#"{"step":3,"topic":"out","key_base64":"AAE=","value":null,"ts":7}"#,
            r#"{"step":0,"error":"StreamsException"}"#,
            r#"{"stores":{"a":[["k",1]],"b":[]}}"#,
            r#"{"dropped":0}"#,
        ] {
            assert_eq!(text.parse::<OutputLine>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn null_is_a_payload_and_absence_is_not() {
        assert!(input_error(r#"{"topic":"in","value":1,"ts":0}"#).contains("neither key nor key_base64"));
        let both = r#"{"topic":"in","key":null,"value":1,"value_base64":"","ts":0}"#;
        assert!(input_error(both).contains("both value and value_base64"));
    }

    #[test]
    fn misspelled_lines_are_errors() {
        assert!(input_error(r#"{"topic":"in","key":1,"value":1,"ts":0,"header":[]}"#).contains("header"));
        assert!(input_error(r#"{"step":1,"topic":"in","key":1,"value":1,"ts":0}"#).contains("has no step"));
        assert!(input_error(r#"{"topic":"in","key_base64":"?","value":1,"ts":0}"#).contains("key_base64"));
        assert!(output_error("{").starts_with("not JSON: "));
        assert_eq!(output_error("[1]"), "not a JSON object");
        assert_eq!(output_error(r#"{"steps":1}"#), r#"unknown line: {"steps":1}"#);
        assert_eq!(output_error(r#"{"step":1}"#), r#"neither topic nor error: {"step":1}"#);
        let float = r#"{"step":1.5,"error":"x"}"#;
        assert_eq!(output_error(float), format!("steps must be integers that never go back: {float}"));
    }

    #[test]
    fn errors_name_source_and_line() {
        let text = "{\"dropped\":1}\n\n{\"dropped\":1}\n";
        assert_eq!(read_lines::<OutputLine>("x", text).unwrap().len(), 2);
        let error = read_lines::<OutputLine>("x.jsonl", "{\"dropped\":1}\n\n[]\n").unwrap_err();
        assert_eq!(error.to_string(), "x.jsonl:3: not a JSON object");
    }
}
