//! One thing that was said, and where.
//!
//! Knows places. Does not know which names there are nor what a value means.

use std::ffi::{OsStr, OsString};
use std::fmt;

/// Where a setting was said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// In the code, by a method of the builder.
    Code,
    /// In a file, in this line (from 1).
    File(String, usize),
    /// In the environment, by this variable.
    Environment(String),
    /// Nowhere.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Code => f.write_str("in the code"),
            Origin::File(file, line) => write!(f, "in {file}, line {line}"),
            Origin::Environment(variable) => write!(f, "in the environment, `{variable}`"),
            Origin::Default => f.write_str("by default"),
        }
    }
}

/// A name with its value, as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, in Kafka's form.
    pub name: String,
    /// The value. Only a path may be something else than text.
    pub value: OsString,
    /// Where it was said.
    pub origin: Origin,
}

impl Entry {
    /// Something that was said.
    pub fn new(name: impl Into<String>, value: impl AsRef<OsStr>, origin: Origin) -> Entry {
        Entry { name: name.into(), value: value.as_ref().to_owned(), origin }
    }
}
