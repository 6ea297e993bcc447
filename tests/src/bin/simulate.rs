//! Runs the simulator from seed to seed.
//!
//!     simulate --seeds N [--first S] [--mutant NAME]
//!     simulate --mutants [--seeds N]
//!
//! Ends with `simulated N seeds, V violations`. A seed that fails is told with the faults that matter, and how to see it again.

use std::process::ExitCode;
use streams_runtime::mutants::Mutant;
use streams_tests::simulate::{simulate, violation};

const USAGE: &str = "usage: simulate --seeds N [--first S] [--mutant NAME] | simulate --mutants [--seeds N]";

/// How many seeds a mutant has to be caught in.
const BOUND: u64 = 4_000;

#[derive(Default)]
struct Wanted {
    seeds: Option<u64>,
    first: u64,
    mutant: Option<Mutant>,
    mutants: bool,
}

fn main() -> ExitCode {
    let Some(wanted) = wanted(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if wanted.mutants {
        return mutants(wanted.seeds.unwrap_or(BOUND));
    }
    let Some(seeds) = wanted.seeds else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut violations = 0;
    for seed in wanted.first..wanted.first + seeds {
        if let Err(violation) = simulate(seed, wanted.mutant) {
            violations += 1;
            if violations <= 3 {
                violation.story.iter().for_each(|line| println!("{line}"));
            }
            println!("{violation}");
        }
    }
    println!("simulated {seeds} seeds, {violations} violations");
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--seeds" => wanted.seeds = Some(arguments.next()?.parse().ok()?),
            "--first" => wanted.first = arguments.next()?.parse().ok()?,
            "--mutant" => wanted.mutant = Some(named(&arguments.next()?)?),
            "--mutants" => wanted.mutants = true,
            _ => return None,
        }
    }
    Some(wanted)
}

fn named(name: &str) -> Option<Mutant> {
    let found = Mutant::ALL.iter().copied().find(|mutant| format!("{mutant:?}") == name);
    if found.is_none() {
        let names: Vec<String> = Mutant::ALL.iter().map(|mutant| format!("{mutant:?}")).collect();
        eprintln!("there is no mutant `{name}`: {}", names.join(", "));
    }
    found
}

/// How many seeds each mutant needs to be caught.
fn mutants(bound: u64) -> ExitCode {
    let mut survivors = 0;
    println!("| mutant | what it does | seeds | what gives it away first |\n|---|---|---|---|");
    for &mutant in Mutant::ALL {
        let caught = (0..bound).find_map(|seed| Some((seed, violation(seed, Some(mutant))?)));
        survivors += usize::from(caught.is_none());
        let (seeds, why) = match caught {
            Some((seed, why)) => ((seed + 1).to_string(), why),
            None => (format!("not in {bound}"), String::new()),
        };
        println!("| `{mutant:?}` | {} | {seeds} | {why} |", mutant.what());
    }
    println!("{} mutants, {survivors} not caught", Mutant::ALL.len());
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
