//! Packs recorded scenarios for the repository: one `<scenario>.jsonl.gz` for each entry of a manifest.
//!
//! Knows the folder structure of a recording (`<scenario>/<case>.in.jsonl` and `.out.jsonl`). Refuses what the
//! tests could not load; never removes a file.
//!
//!     pack-vectors --from DIR --manifest FILE --to DIR

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use streams_tests::conformance::manifest::{Manifest, ManifestEntry};
use streams_tests::conformance::packed::{CaseText, Heading, pack};
use streams_tests::conformance::vectors::{EXTENSION, scenario};

const USAGE: &str = "usage: pack-vectors --from DIR --manifest FILE --to DIR";

struct Arguments {
    from: PathBuf,
    manifest: PathBuf,
    to: PathBuf,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments(env::args_os().skip(1).map(PathBuf::from)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("pack-vectors: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut words: impl Iterator<Item = PathBuf>) -> Option<Arguments> {
    let (mut from, mut manifest, mut to) = (None, None, None);
    while let Some(option) = words.next() {
        let place = match option.to_str()? {
            "--from" => &mut from,
            "--manifest" => &mut manifest,
            "--to" => &mut to,
            _ => return None,
        };
        *place = Some(words.next()?);
    }
    Some(Arguments { from: from?, manifest: manifest?, to: to? })
}

fn run(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let Manifest { kafka_streams_version, scenarios } = serde_json::from_str(&read(&arguments.manifest)?)
        .map_err(|problem| format!("{}: {problem}", arguments.manifest.display()))?;
    fs::create_dir_all(&arguments.to)?;
    let (mut case_count, mut byte_count) = (0, 0);
    for entry in &scenarios {
        let heading =
            Heading { kafka_streams_version: kafka_streams_version.clone(), scenario: entry.clone() };
        let cases = cases(&arguments.from.join(&entry.id))?;
        scenario(heading.clone(), &cases)?;
        let bytes = pack(&heading, &cases)?;
        case_count += cases.len();
        byte_count += bytes.len();
        fs::write(arguments.to.join(file_name(&entry.id)), bytes)?;
    }
    for stale in stale(&arguments.to, &scenarios)? {
        eprintln!("pack-vectors: not in the manifest: {}", stale.display());
    }
    Ok(format!("{} scenarios, {case_count} cases, {byte_count} bytes", scenarios.len()))
}

fn file_name(id: &str) -> String {
    format!("{id}{EXTENSION}")
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|problem| format!("{}: {problem}", path.display()))
}

/// The cases of one folder, sorted by name.
fn cases(folder: &Path) -> Result<Vec<CaseText>, String> {
    let unreadable = |problem: std::io::Error| format!("{}: {problem}", folder.display());
    let mut names = Vec::new();
    for file in fs::read_dir(folder).map_err(unreadable)? {
        let file = file.map_err(unreadable)?.file_name();
        if let Some(name) = file.to_str().and_then(|file| file.strip_suffix(".in.jsonl")) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        return Err(format!("{}: no cases", folder.display()));
    }
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let input = whole_lines(&folder.join(format!("{name}.in.jsonl")))?;
            let expected = whole_lines(&folder.join(format!("{name}.out.jsonl")))?;
            Ok(CaseText { name, input, expected })
        })
        .collect()
}

/// The text of a file that must not end in the middle of a line.
fn whole_lines(path: &Path) -> Result<String, String> {
    let text = read(path)?;
    if text.is_empty() || text.ends_with('\n') {
        Ok(text)
    } else {
        Err(format!("{}: the last line has no end", path.display()))
    }
}

/// Packed scenarios in `folder` that the manifest does not list (any more).
fn stale(folder: &Path, scenarios: &[ManifestEntry]) -> std::io::Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let id =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(EXTENSION));
        if id.is_some_and(|id| scenarios.iter().all(|scenario| scenario.id != id)) {
            stale.push(path);
        }
    }
    stale.sort();
    Ok(stale)
}
