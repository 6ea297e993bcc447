//! The manifest: which scenarios there are, what they read and write, and how strictly to compare them.
//!
//! Knows the spelling of the manifest file only; no files, no cases, no lines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The whole manifest file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of Kafka Streams that answered.
    pub kafka_streams_version: String,
    /// All scenarios, in the order of the catalogue.
    pub scenarios: Vec<ManifestEntry>,
}

/// One scenario: a topology without its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestEntry {
    /// Its name, also of its file.
    pub id: String,
    /// The chapter it belongs to.
    pub group: String,
    /// A short name.
    pub title: String,
    /// What the topology does, in words.
    pub description: String,
    /// Topics it reads.
    pub inputs: Vec<Topic>,
    /// Topics it writes.
    pub outputs: Vec<Topic>,
    /// Stores whose contents are compared.
    pub stores: Vec<Store>,
    /// Settings of Kafka Streams that matter here, by their Java names.
    pub config: BTreeMap<String, String>,
    /// See [`Flags::unordered_within_step`].
    pub unordered_within_step: bool,
    /// See [`Flags::set_within_step`].
    pub set_within_step: bool,
    /// See [`Flags::ignore_dropped`].
    pub ignore_dropped: bool,
}

/// A topic and the formats of its keys and values, by name (`string`, `long`, `windowed(string,5000)`, …).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Its name.
    pub topic: String,
    /// Format of the keys.
    pub key_serde: String,
    /// Format of the values.
    pub value_serde: String,
    /// Whether it is read as a table.
    #[serde(default, skip_serializing_if = "is_false")]
    pub table: bool,
    /// Whether it is read as a global table.
    #[serde(default, skip_serializing_if = "is_false")]
    pub global: bool,
}

/// A store whose contents at the end are part of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// What it is indexed by.
    pub kind: StoreKind,
    /// Format of the keys.
    pub key_serde: String,
    /// Format of the values.
    pub value_serde: String,
}

/// What a store is indexed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// Key.
    Kv,
    /// Key and start of window.
    Window,
    /// Key, start and end of session.
    Session,
    /// Key and time of validity.
    Versioned,
}

/// Where a scenario's answers may differ without being wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Records of one step and topic may come in any order.
    pub unordered_within_step: bool,
    /// The same, and exact repetitions within one step and topic do not matter.
    pub set_within_step: bool,
    /// The number of dropped records is not compared.
    pub ignore_dropped: bool,
}

impl ManifestEntry {
    /// Its rules of comparison.
    pub fn flags(&self) -> Flags {
        Flags {
            unordered_within_step: self.unordered_within_step,
            set_within_step: self.set_within_step,
            ignore_dropped: self.ignore_dropped,
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"id":"x","group":"g","title":"t","description":"d","inputs":[{"topic":"in","key_serde":"string","value_serde":"long","table":true}],"outputs":[],"stores":[{"name":"s","kind":"versioned","key_serde":"string","value_serde":"json"}],"config":{"a":"b"},"unordered_within_step":false,"set_within_step":true,"ignore_dropped":false}"#;

    #[test]
    fn an_entry_is_written_as_it_was_read() {
        let entry: ManifestEntry = serde_json::from_str(ENTRY).unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), ENTRY);
        assert_eq!(entry.flags(), Flags { set_within_step: true, ..Flags::default() });
        assert_eq!(entry.stores[0].kind, StoreKind::Versioned);
        assert!(entry.inputs[0].table && !entry.inputs[0].global);
    }

    #[test]
    fn a_flag_that_nobody_looks_at_is_an_error() {
        let text = ENTRY.replace("ignore_dropped", "ignore_stores");
        assert!(serde_json::from_str::<ManifestEntry>(&text).is_err());
    }
}
