//! Records as lines of text, for runs without a broker.
//!
//! ```text
//! topic key value            orders 12345 {"orderId":12345,"locationId":"store_1234"}
//! topic@time key value       orders@2022-12-05T08:55:27Z 12345 {"orderId":12345}
//! ```
//!
//! The time is in ISO 8601 or in milliseconds since 1970; without one it is 0. A key with blanks stands in double
//! quotes, as in JSON. `null` is a null. Lines that are empty or begin with `#` are left out. Output is written the
//! same way, so one application's output is another's input; all that is said besides stands behind a `#`.
//!
//! Knows topics and their formats as text; does not know steps, nor when there is something to print.

use crate::app::Summary;
use crate::counters::Dropped;
use crate::partitioner::partition_of;
use crate::record::{Headers, Timestamp};
use crate::stream::{TopicSpec, TopicText};
use crate::topology::{Names, Plan, Topology};
use crate::transport::Message;
use crate::transport::memory::{MemoryLog, Records};
use std::io::{self, BufRead, Write};

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

/// Where lines come from.
pub struct TextInput<'a> {
    pub(crate) name: String,
    /// The topic, if lines are values only.
    pub(crate) topic: Option<String>,
    /// Whether to show what was read.
    pub(crate) echo: bool,
    pub(crate) reader: Box<dyn BufRead + 'a>,
}

impl<'a> TextInput<'a> {
    /// One record a line: `topic@time key value`. Messages call it `name`.
    pub fn records(name: impl Into<String>, reader: impl BufRead + 'a) -> Self {
        TextInput { name: name.into(), topic: None, echo: true, reader: Box::new(reader) }
    }

    /// One value a line, all for one topic, with null keys.
    pub fn values(topic: &str, name: impl Into<String>, reader: impl BufRead + 'a) -> Self {
        TextInput { topic: Some(topic.to_owned()), ..TextInput::records(name, reader) }
    }
}

/// The input topics of a topology.
fn inputs(topology: &Topology) -> Vec<TopicSpec> {
    let mut inputs: Vec<TopicSpec> = Vec::new();
    let reads = topology.entries().iter().flat_map(|entry| entry.spec.reads);
    for spec in reads.filter_map(|read| read.topic) {
        if inputs.iter().all(|known| known.name != spec.name) {
            inputs.push(spec);
        }
    }
    inputs
}

/// The input topic called `name`, or which ones there are.
pub(crate) fn known(topology: &Topology, name: &str) -> Result<TopicSpec, String> {
    let inputs = inputs(topology);
    inputs.iter().find(|spec| spec.name == name).copied().ok_or_else(|| unknown(name, &inputs))
}

fn unknown(name: &str, inputs: &[TopicSpec]) -> String {
    let names: Vec<&str> = inputs.iter().map(|spec| spec.name).collect();
    format!("no input topic is called `{name}`; there is {}", names.join(", "))
}

struct Printed {
    name: &'static str,
    text: TopicText,
    records: Vec<Records>,
}

/// The topics of an application, as lines.
pub(crate) struct Topics {
    log: MemoryLog,
    /// Lines know topics as they are declared, the log as they are called.
    names: Names,
    inputs: Vec<TopicSpec>,
    outputs: Vec<Printed>,
    quiet: bool,
    /// The longest name of an output topic, for a column.
    width: usize,
}

/// How much of an input line is shown.
const ECHO: usize = 110;

impl Topics {
    pub(crate) fn of(topology: &Topology, plan: &Plan, log: &MemoryLog, quiet: bool) -> Topics {
        let mut outputs: Vec<Printed> = Vec::new();
        for spec in topology.entries().iter().filter_map(|entry| entry.spec.to) {
            if outputs.iter().all(|printed| printed.name != spec.name) {
                let name = plan.names.external(spec.name);
                let planned = plan.external.iter().find(|topic| topic.name == name);
                let partitions = 0..planned.map_or(1, |topic| topic.partitions);
                let records = partitions.filter_map(|p| log.read_committed(name, p, 0).ok());
                outputs.push(Printed { name: spec.name, text: spec.text, records: records.collect() });
            }
        }
        let width = outputs.iter().map(|printed| printed.name.len()).max().unwrap_or(0);
        Topics {
            log: log.clone(),
            names: plan.names.clone(),
            inputs: inputs(topology),
            outputs,
            quiet,
            width,
        }
    }

    /// Says what can be written and what will be read.
    pub(crate) fn write_heading(&self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let inputs: Vec<&str> = self.inputs.iter().map(|spec| spec.name).collect();
        let outputs: Vec<&str> = self.outputs.iter().map(|printed| printed.name).collect();
        writeln!(out, "# {name} on the in-process log, no broker needed")?;
        writeln!(out, "#   reads  {}", inputs.join(", "))?;
        writeln!(out, "#   writes {}", outputs.join(", "))?;
        writeln!(out, "# One record a line: topic@time key value. `#>` shows the input.\n")
    }

    /// Shows a line that was read.
    pub(crate) fn echo(&self, topic: Option<&str>, line: &str, out: &mut dyn Write) -> io::Result<()> {
        match topic {
            _ if self.quiet => Ok(()),
            None if line.trim().is_empty() || line.starts_with('#') => writeln!(out, "{line}"),
            Some(_) if line.trim().is_empty() => Ok(()),
            Some(topic) => writeln!(out, "#> {}", shortened(&format!("{topic} null {line}"))),
            None => writeln!(out, "#> {}", shortened(line)),
        }
    }

    /// Appends the record of a line to its topic. False if there is none in it.
    pub(crate) fn write_line(&mut self, line: &str) -> Result<bool, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(false);
        }
        let (topic, rest) = word(line)?;
        if topic.starts_with(['{', '[']) {
            let example = self.inputs.first().map_or("topic", |spec| spec.name);
            return Err(format!(
                "a line begins with the name of a topic; give a file of values as `{example}=FILE`"
            ));
        }
        let (name, time) = match topic.rsplit_once('@') {
            Some((name, time)) => {
                (name, time.parse::<Timestamp>().map_err(|error| error.to_string())?.as_ms())
            }
            None => (topic.as_str(), 0),
        };
        let spec = self.input(name)?;
        if rest.trim().is_empty() {
            return Err(format!("a record of `{name}` needs a key and a value: `{name} key value`"));
        }
        let quoted = rest.trim_start().starts_with('"');
        let (key, value) = word(rest)?;
        if value.trim().is_empty() {
            return Err(format!("a record of `{name}` needs a value behind its key; `null` is a null"));
        }
        let key = match (key.as_str(), quoted) {
            ("null", false) => None,
            (key, _) => {
                Some((spec.text.read_key)(key).map_err(|e| format!("the key `{key}` cannot be read: {e}"))?)
            }
        };
        self.append(&spec, key.as_deref(), value, time).map(|()| true)
    }

    /// Appends a value with a null key. False if the line is empty.
    pub(crate) fn write_value(&mut self, topic: &str, line: &str) -> Result<bool, String> {
        if line.trim().is_empty() {
            return Ok(false);
        }
        let spec = self.input(topic)?;
        self.append(&spec, None, line, 0).map(|()| true)
    }

    fn input(&self, name: &str) -> Result<TopicSpec, String> {
        let found = self.inputs.iter().find(|spec| spec.name == name);
        found.copied().ok_or_else(|| unknown(name, &self.inputs))
    }

    fn append(&self, spec: &TopicSpec, key: Option<&[u8]>, value: &str, time: i64) -> Result<(), String> {
        let value = match value.trim() {
            "null" => None,
            value => Some(match (spec.text.read_value)(value) {
                Ok(bytes) => bytes,
                // Text that a text format cannot read is let through: that is the topic's `decode` policy to decide.
                Err(_) if spec.text.value_is_text => value.as_bytes().to_vec(),
                Err(cause) => return Err(format!("the value `{value}` cannot be read: {cause}")),
            }),
        };
        let name = self.names.external(spec.name);
        let partitions = self.log.partitions(name).map_err(|error| error.to_string())?;
        let partition = key.map_or(0, |key| partition_of(key, partitions));
        let headers = Headers::new();
        let appended = self.log.append(name, partition, key, value.as_deref(), time, &headers);
        appended.map(drop).map_err(|error| error.to_string())
    }

    /// Prints what came since the last time, topic by topic; returns how many records.
    pub(crate) fn print(&mut self, out: &mut dyn Write) -> io::Result<u64> {
        let mut printed = 0;
        for topic in &mut self.outputs {
            for message in topic.records.iter_mut().flatten() {
                let key = message.key().map_or_else(|| "null".to_owned(), |key| key_text(&topic.text, key));
                let value = message.value().map_or_else(|| "null".to_owned(), topic.text.show_value);
                let name = match message.timestamp() {
                    0 => topic.name.to_owned(),
                    time => format!("{}@{}", topic.name, Timestamp::from_ms(time)),
                };
                // In a column, since the times of one application are about equally long.
                let rest = name.len().saturating_sub(topic.name.len());
                let width = if self.quiet { 0 } else { self.width + rest };
                writeln!(out, "{name:width$} {key} {value}")?;
                printed += 1;
            }
        }
        Ok(printed)
    }

    /// Says what a policy left out since the last time, and what the format or the function said of it.
    pub(crate) fn print_dropped(
        &self,
        before: &[Dropped],
        now: &[Dropped],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let records = |dropped: &Dropped| (dropped.at, dropped.reason, dropped.records);
        let is_new = |dropped: &&Dropped| !before.iter().any(|other| records(other) == records(dropped));
        for Dropped { at, reason, last, .. } in now.iter().filter(is_new).filter(|_| !self.quiet) {
            let said = last.as_ref().map(|last| format!(": {last}")).unwrap_or_default();
            writeln!(out, "# left out at `{at}`: {reason}{said}")?;
        }
        Ok(())
    }

    /// Says what was done.
    pub(crate) fn write_summary(&self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let Summary { read, written, dropped } = summary;
        writeln!(out, "\n# {read} records read, {written} written, {dropped} left out")
    }
}

fn key_text(text: &TopicText, key: &[u8]) -> String {
    let key = (text.show_key)(key);
    let quotes = key.is_empty() || key == "null" || key.starts_with('"') || key.contains(char::is_whitespace);
    if quotes { serde_json::Value::from(key).to_string() } else { key }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(ECHO) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
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

    #[test]
    fn long_lines_are_shortened_between_characters() {
        assert_eq!(shortened("é"), "é");
        assert_eq!(shortened(&"é".repeat(ECHO + 1)), format!("{}…", "é".repeat(ECHO)));
    }
}
