//! Records as lines of text, for runs without a broker.
//!
//! ```text
//! topic key value                     orders 12345 {"orderId":12345,"locationId":"store_1234"}
//! topic@time key value                orders@1670230527000 12345 {"orderId":12345}
//! ```
//!
//! The time is in ms since the epoch; without one a record gets the time of the line before, or 0. A key with blanks
//! stands in double quotes, as in JSON. `null` is a null. Lines that are empty or begin with `#` are left out. Output
//! is written the same way, so one application's output is another's input.

use crate::partitioner::partition_of;
use crate::record::Headers;
use crate::stream::{TopicSpec, TopicText};
use crate::topology::{Plan, Topology};
use crate::transport::Message;
use crate::transport::memory::{MemoryLog, Records};
use std::io::Write;

/// A line that is not a record.
#[derive(Debug, thiserror::Error)]
#[error("{input}, line {line}: {problem}")]
pub struct LineError {
    input: String,
    line: usize,
    problem: String,
}

impl LineError {
    pub(crate) fn new(input: &str, line: usize, problem: String) -> Self {
        LineError { input: input.to_owned(), line, problem }
    }
}

/// True for lines without a record.
pub(crate) fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

struct Known {
    spec: TopicSpec,
    partitions: u32,
}

struct Printed {
    name: &'static str,
    text: TopicText,
    records: Vec<Records>,
}

/// The topics of an application, as lines.
pub(crate) struct Topics {
    log: MemoryLog,
    inputs: Vec<Known>,
    outputs: Vec<Printed>,
    time: i64,
}

impl Topics {
    pub(crate) fn of(topology: &Topology, plan: &Plan, log: &MemoryLog) -> Topics {
        let partitions =
            |name: &str| plan.external.iter().find(|t| t.name == name).map_or(1, |t| t.partitions);
        let (mut inputs, mut outputs): (Vec<Known>, Vec<Printed>) = (Vec::new(), Vec::new());
        for entry in topology.entries() {
            for spec in entry.spec.reads.iter().filter_map(|read| read.topic) {
                if inputs.iter().all(|known| known.spec.name != spec.name) {
                    inputs.push(Known { spec, partitions: partitions(spec.name) });
                }
            }
            if let Some(spec) = entry.spec.to
                && outputs.iter().all(|printed| printed.name != spec.name)
            {
                let records =
                    (0..partitions(spec.name)).filter_map(|p| log.read_committed(spec.name, p, 0).ok());
                outputs.push(Printed { name: spec.name, text: spec.text, records: records.collect() });
            }
        }
        Topics { log: log.clone(), inputs, outputs, time: 0 }
    }

    /// Says what can be written and what will be read.
    pub(crate) fn write_heading(&self, name: &str, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "# {name} on the in-process log")?;
        let names: Vec<&str> = self.inputs.iter().map(|known| known.spec.name).collect();
        writeln!(out, "# reads {}, one record a line: topic key value", names.join(", "))?;
        let names: Vec<&str> = self.outputs.iter().map(|printed| printed.name).collect();
        writeln!(out, "# prints what leaves through {}: topic@time key value", names.join(", "))
    }

    /// Appends the record of a line to its topic.
    pub(crate) fn write_line(&mut self, line: &str) -> Result<(), String> {
        let (topic, rest) = word(line)?;
        let (name, time) = match topic.rsplit_once('@') {
            Some((name, time)) => {
                let time = time.parse::<i64>().map_err(|_| format!("`{time}` is not a time in ms"))?;
                (name.to_owned(), Some(time))
            }
            None => (topic, None),
        };
        let Some(known) = self.inputs.iter().find(|known| known.spec.name == name) else {
            let names: Vec<&str> = self.inputs.iter().map(|known| known.spec.name).collect();
            return Err(format!("no input topic is called `{name}`; there is {}", names.join(", ")));
        };
        if rest.trim().is_empty() {
            return Err(format!("a record of `{name}` needs a key and a value: `{name} key value`"));
        }
        let quoted = rest.trim_start().starts_with('"');
        let (key, value) = word(rest)?;
        let key = match (key.as_str(), quoted) {
            ("null", false) => None,
            (key, _) => {
                Some((known.spec.text.read_key)(key).map_err(|e| format!("the key cannot be read: {e}"))?)
            }
        };
        // Bytes that the format cannot read are let through: that is the topic's `decode` policy to decide.
        let value = match value.trim() {
            "null" => None,
            value => Some((known.spec.text.read_value)(value).unwrap_or_else(|_| value.as_bytes().to_vec())),
        };
        self.time = time.unwrap_or(self.time);
        let partition = key.as_deref().map_or(0, |key| partition_of(key, known.partitions));
        let none = Headers::new();
        let appended = self.log.append(&name, partition, key.as_deref(), value.as_deref(), self.time, &none);
        appended.map(drop).map_err(|error| error.to_string())
    }

    /// Prints what came since the last time, topic by topic; returns how many records.
    pub(crate) fn print(&mut self, out: &mut dyn Write) -> std::io::Result<u64> {
        let mut printed = 0;
        for topic in &mut self.outputs {
            for message in topic.records.iter_mut().flatten() {
                let key = message.key().map_or_else(|| "null".to_owned(), topic.text.show_key);
                let key = if key.contains(char::is_whitespace) || key.is_empty() {
                    format!("{key:?}")
                } else {
                    key
                };
                let value = message.value().map_or_else(|| "null".to_owned(), topic.text.show_value);
                writeln!(out, "{}@{} {key} {value}", topic.name, message.timestamp())?;
                printed += 1;
            }
        }
        Ok(printed)
    }
}

/// The first word, in quotes or not, and what follows.
fn word(line: &str) -> Result<(String, &str), String> {
    let line = line.trim_start();
    if line.starts_with('"') {
        let mut words = serde_json::Deserializer::from_str(line).into_iter::<String>();
        return match words.next() {
            Some(Ok(word)) => {
                let end = words.byte_offset();
                Ok((word, &line[end..]))
            }
            _ => Err("a quoted key has no end".to_owned()),
        };
    }
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    Ok((line[..end].to_owned(), &line[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_stand_in_quotes() {
        assert_eq!(word("orders 1 {}").unwrap(), ("orders".to_owned(), " 1 {}"));
        assert_eq!(word(r#" "new york" {}"#).unwrap(), ("new york".to_owned(), " {}"));
        assert!(word(r#""new york"#).is_err());
    }
}
