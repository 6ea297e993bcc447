//! Runs one recorded scenario: input lines on standard input, output lines on standard output.
//!
//!     conformance <scenario>                runs it
//!     conformance --list                    names the scenarios there are
//!     conformance --describe <scenario>     says what one does, and shows its topology

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use streams_runtime::state::OverlayLimit;
use streams_tests::conformance::line::read_lines;
use streams_tests::conformance::vectors;
use streams_tests::scenarios::{self, Scenario};

const USAGE: &str = "usage: conformance <scenario> | --list | --describe <scenario>";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match words.as_slice() {
        ["--list"] => Ok(scenarios::all().map(|scenario| scenario.id.to_owned() + "\n").collect()),
        ["--describe", id] => find(id).and_then(describe),
        [id] if !id.starts_with('-') => find(id).and_then(run),
        _ => Err(USAGE.into()),
    };
    let written = answer.and_then(|text| {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn find(id: &str) -> Result<Scenario, Box<dyn Error>> {
    scenarios::find(id).ok_or_else(|| format!("there is no scenario `{id}`; --list names them").into())
}

fn run(scenario: Scenario) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    let input = read_lines("standard input", &text)?;
    let lines = (scenario.bind)().run(&input, OverlayLimit::UNBOUNDED)?;
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

fn describe(scenario: Scenario) -> Result<String, Box<dyn Error>> {
    let recorded = vectors::load(scenario.id)?;
    let topology = (scenario.bind)().describe();
    Ok(format!("{}: {}\n{}\n\n{topology}", recorded.id, recorded.title, recorded.description))
}
