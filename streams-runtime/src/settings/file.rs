//! A file of settings: lines of `name = value`.
//!
//! The part of Java's properties that a file for Kafka Streams uses. A line that begins with `#` or `!` is a comment. A
//! value is taken as it stands, without the spaces around it: there are no escapes, and it ends with its line.
//!
//! Knows lines. Does not know names, nor how a file is read.

use super::entry::{Entry, Origin};
use super::mistakes::Mistake;

/// What stands in the text of a file.
pub(super) fn entries(file: &str, text: &str, mistakes: &mut Vec<Mistake>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let origin = Origin::File(file.to_owned(), number);
        match line.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
            Some((name, value)) if !name.is_empty() => match value.strip_suffix('\\') {
                Some(begun) => mistakes.push(Mistake::new(
                    &Entry::new(name, begun, origin),
                    "a value ends with its line, and this one ends with `\\`",
                    "write it into one line",
                )),
                None => entries.push(Entry::new(name, value, origin)),
            },
            _ => mistakes.push(Mistake::new(
                &Entry::new("", line, origin),
                "not a setting",
                "write `name = value`, or `#` before a comment",
            )),
        }
    }
    entries
}
