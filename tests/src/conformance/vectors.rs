//! The recorded scenarios of this repository: where they are and what each of them holds.
//!
//! Knows the folder and turns its files into typed lines; knows neither the layout of a file nor what the
//! topologies are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::line::{InputLine, LineError, OutputLine, read_lines};
use super::manifest::{Flags, Store, Topic};
use super::packed::{CaseText, Heading, PackedError, unpack};

/// How the name of a packed scenario ends.
pub const EXTENSION: &str = ".jsonl.gz";

/// A topology without its code, and what Kafka Streams answered.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub id: String,
    /// The chapter it belongs to.
    pub group: String,
    /// A short name.
    pub title: String,
    /// What the topology does, in words.
    pub description: String,
    /// The version of Kafka Streams that answered.
    pub kafka_streams_version: String,
    /// Topics it reads.
    pub inputs: Vec<Topic>,
    /// Topics it writes.
    pub outputs: Vec<Topic>,
    /// Stores whose contents are compared.
    pub stores: Vec<Store>,
    /// Settings of Kafka Streams that matter here, by their Java names.
    pub config: BTreeMap<String, String>,
    /// Where answers may differ without being wrong.
    pub flags: Flags,
    /// Inputs and answers.
    pub cases: Vec<Case>,
}

/// One input and the answer to it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, unique in the scenario: `basic`, `edges`, `random_1`, …
    pub name: String,
    /// Input lines; the index of a line is its step.
    pub input: Vec<InputLine>,
    /// What Kafka Streams wrote.
    pub expected: Vec<OutputLine>,
}

/// A scenario that cannot be loaded.
#[derive(Debug, Error)]
pub enum VectorError {
    /// The file or folder cannot be read.
    #[error("{path}: {problem}")]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// Why it was not.
        problem: std::io::Error,
    },
    /// The file is not a packed scenario.
    #[error("{scenario}: {problem}")]
    Packed {
        /// The scenario.
        scenario: String,
        /// What is wrong with the file.
        problem: PackedError,
    },
    /// A line of a case is not an input or output line; the text begins with scenario and case.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The file holds another scenario than its name says.
    #[error("the file of {file} holds {scenario}")]
    Misnamed {
        /// The scenario that was asked for.
        file: String,
        /// The one that was found.
        scenario: String,
    },
}

/// The folder with the packed scenarios.
pub fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))
}

/// The names of all scenarios, sorted.
pub fn scenario_ids() -> Result<Vec<String>, VectorError> {
    let unreadable = |problem| VectorError::Unreadable { path: directory().into(), problem };
    let mut ids = Vec::new();
    for entry in fs::read_dir(directory()).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if let Some(id) = name.to_str().and_then(|name| name.strip_suffix(EXTENSION)) {
            ids.push(id.to_owned());
        }
    }
    ids.sort();
    Ok(ids)
}

/// Loads the scenario called `id`.
pub fn load(id: &str) -> Result<Scenario, VectorError> {
    let path = directory().join(format!("{id}{EXTENSION}"));
    let bytes = fs::read(&path).map_err(|problem| VectorError::Unreadable { path, problem })?;
    let (heading, cases) =
        unpack(&bytes).map_err(|problem| VectorError::Packed { scenario: id.into(), problem })?;
    if heading.scenario.id != id {
        return Err(VectorError::Misnamed { file: id.into(), scenario: heading.scenario.id });
    }
    scenario(heading, &cases)
}

/// Reads the lines of a scenario's cases.
pub fn scenario(heading: Heading, cases: &[CaseText]) -> Result<Scenario, VectorError> {
    let Heading { kafka_streams_version, scenario: entry } = heading;
    let flags = entry.flags();
    let cases = cases
        .iter()
        .map(|CaseText { name, input, expected }| {
            Ok(Case {
                name: name.clone(),
                input: read_lines(&format!("{}/{name}, input", entry.id), input)?,
                expected: read_lines(&format!("{}/{name}, expected", entry.id), expected)?,
            })
        })
        .collect::<Result<_, LineError>>()?;
    Ok(Scenario {
        id: entry.id,
        group: entry.group,
        title: entry.title,
        description: entry.description,
        kafka_streams_version,
        inputs: entry.inputs,
        outputs: entry.outputs,
        stores: entry.stores,
        config: entry.config,
        flags,
        cases,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_that_is_not_there_names_its_file() {
        let error = load("no_such_scenario").unwrap_err().to_string();
        assert!(error.contains("vectors/no_such_scenario.jsonl.gz: "), "{error}");
    }

    #[test]
    fn a_line_that_cannot_be_read_names_its_case() {
        let (heading, mut cases) =
            unpack(&fs::read(directory().join("agg_count.jsonl.gz")).unwrap()).unwrap();
        cases[0].expected.push_str("[]\n");
        let error = scenario(heading, &cases).unwrap_err().to_string();
        assert!(error.starts_with("agg_count/basic, expected:"), "{error}");
        assert!(error.ends_with(": not a JSON object"), "{error}");
    }
}
