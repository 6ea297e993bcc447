//! The packed form of a scenario: gzip around a heading and the lines of all its cases.
//!
//! Knows the layout and the heading; does not look inside input and output lines, which it keeps letter by letter,
//! and knows nothing of folders.

use std::io::{Read as _, Write as _};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::manifest::ManifestEntry;

/// Contents of a file that is not a packed scenario.
#[derive(Debug, Error)]
pub enum PackedError {
    /// Not gzip, cut short, or not UTF-8.
    #[error("cannot be unpacked: {0}")]
    Gzip(#[from] std::io::Error),
    /// The first line is not a heading.
    #[error("the first line is not a heading: {0}")]
    Heading(serde_json::Error),
    /// A line where there must be another.
    #[error("line {number}: {problem}")]
    Layout {
        /// Number of the line, from 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// The first line of a packed scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heading {
    /// The version of Kafka Streams that answered.
    pub kafka_streams_version: String,
    /// The scenario's entry in the manifest.
    pub scenario: ManifestEntry,
}

/// A case with the text of its lines; each line ends with a newline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseText {
    /// Its name.
    pub name: String,
    /// Input lines.
    pub input: String,
    /// Output lines of Kafka Streams.
    pub expected: String,
}

#[derive(Serialize, Deserialize)]
struct CaseMark {
    case: String,
}

#[derive(Serialize, Deserialize)]
struct ExpectedMark {
    expected: String,
}

const CASE: &str = "{\"case\":";
const EXPECTED: &str = "{\"expected\":";

/// Packs a scenario. The same arguments always give the same bytes: no time and no file name goes in.
pub fn pack(heading: &Heading, cases: &[CaseText]) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    writeln!(gzip, "{}", serde_json::to_string(heading)?)?;
    for CaseText { name, input, expected } in cases {
        writeln!(gzip, "{}", serde_json::to_string(&CaseMark { case: name.clone() })?)?;
        gzip.write_all(input.as_bytes())?;
        writeln!(gzip, "{}", serde_json::to_string(&ExpectedMark { expected: name.clone() })?)?;
        gzip.write_all(expected.as_bytes())?;
    }
    gzip.finish()
}

/// The opposite of [`pack`].
pub fn unpack(bytes: &[u8]) -> Result<(Heading, Vec<CaseText>), PackedError> {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text)?;
    let mut lines = text.split_inclusive('\n').enumerate();
    let first = lines.next().map_or("", |(_, line)| line);
    let heading = serde_json::from_str(first).map_err(PackedError::Heading)?;
    let mut cases: Vec<CaseText> = Vec::new();
    let mut in_expected = true;
    for (index, line) in lines {
        let wrong = |problem: String| PackedError::Layout { number: index + 1, problem };
        if line.starts_with(CASE) {
            let CaseMark { case } =
                serde_json::from_str(line).map_err(|problem| wrong(format!("not a case: {problem}")))?;
            if !in_expected {
                return Err(wrong(format!("case {case} begins before the last one's expected lines")));
            }
            in_expected = false;
            cases.push(CaseText { name: case, ..CaseText::default() });
            continue;
        }
        let Some(open) = cases.last_mut() else {
            return Err(wrong("a line before the first case".into()));
        };
        if line.starts_with(EXPECTED) {
            let ExpectedMark { expected } = serde_json::from_str(line)
                .map_err(|problem| wrong(format!("not a beginning of expected lines: {problem}")))?;
            if in_expected || expected != open.name {
                return Err(wrong(format!("expected lines of {expected} in case {}", open.name)));
            }
            in_expected = true;
        } else if in_expected {
            open.expected.push_str(line);
        } else {
            open.input.push_str(line);
        }
    }
    if !in_expected {
        let number = text.lines().count();
        return Err(PackedError::Layout { number, problem: "the last case has no expected lines".into() });
    }
    Ok((heading, cases))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = r#"{"kafka_streams_version":"4.3.0","scenario":{"id":"x","group":"g","title":"t","description":"d","inputs":[],"outputs":[],"stores":[],"config":{},"unordered_within_step":false,"set_within_step":false,"ignore_dropped":false}}"#;

    fn heading() -> Heading {
        serde_json::from_str(HEADING).unwrap()
    }

    fn case(name: &str, input: &str, expected: &str) -> CaseText {
        CaseText { name: name.into(), input: input.into(), expected: expected.into() }
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    }

    fn problem(text: &str) -> String {
        unpack(&gzip(text)).unwrap_err().to_string()
    }

    #[test]
    fn unpacking_gives_back_every_letter() {
        let cases = [case("a", "{\"x\" : 1E+1}\n{}\n", "{\"dropped\":0}\n"), case("empty", "", "")];
        let packed = pack(&heading(), &cases).unwrap();
        assert_eq!(unpack(&packed).unwrap(), (heading(), cases.to_vec()));
    }

    #[test]
    fn packing_depends_on_nothing_else() {
        let cases = [case("a", "{}\n", "{\"dropped\":0}\n")];
        let packed = pack(&heading(), &cases).unwrap();
        assert_eq!(packed, pack(&heading(), &cases).unwrap());
        assert_eq!(packed[3..8], [0; 5], "no file name, no time");
    }

    #[test]
    fn broken_files_are_errors() {
        let packed = pack(&heading(), &[case("a", "{}\n", "{}\n")]).unwrap();
        assert!(matches!(unpack(&packed[..packed.len() - 9]), Err(PackedError::Gzip(_))));
        assert!(matches!(unpack(&gzip("")), Err(PackedError::Heading(_))));
        assert_eq!(problem(&format!("{HEADING}\n{{}}\n")), "line 2: a line before the first case");
        assert_eq!(
            problem(&format!("{HEADING}\n{{\"case\":\"a\"}}\n{{}}\n")),
            "line 3: the last case has no expected lines"
        );
        assert_eq!(
            problem(&format!("{HEADING}\n{{\"case\":\"a\"}}\n{{\"expected\":\"b\"}}\n")),
            "line 3: expected lines of b in case a"
        );
        assert_eq!(
            problem(&format!("{HEADING}\n{{\"case\":\"a\"}}\n{{\"case\":\"b\"}}\n")),
            "line 3: case b begins before the last one's expected lines"
        );
    }
}
