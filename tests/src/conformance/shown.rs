//! How a difference is shown: records and rows as spaced JSON, one a line.
//!
//! Knows nothing of what makes records differ.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use super::line::{OutputLine, OutputRecord};

/// A title and one indented line for each record, without step and topic.
pub(super) fn listing(title: &str, records: &[&OutputRecord]) -> String {
    let mut lines = vec![title.to_owned()];
    lines.extend(records.iter().map(|record| format!("    {}", without_place(record))));
    if records.is_empty() {
        lines.push("    (nothing)".into());
    }
    lines.join("\n")
}

/// A row of a store.
pub(super) fn row(value: &Value) -> String {
    spaced(value)
}

fn without_place(record: &OutputRecord) -> String {
    let whole = spaced(&OutputLine::Record(record.clone()));
    let place = format!("{{\"step\": {}, \"topic\": {}, ", record.step, spaced(&record.topic));
    match whole.strip_prefix(&place) {
        Some(rest) => format!("{{{rest}"),
        None => whole,
    }
}

/// JSON on one line with a space after each comma and colon.
fn spaced(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut bytes, Spaced)) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(problem) => format!("({problem})"),
    }
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
