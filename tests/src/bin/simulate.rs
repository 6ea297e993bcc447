//! Runs the simulator from seed to seed.
//!
//!     simulate --seeds N [--first S] [--mutant NAME]
//!
//! Ends with `simulated N seeds, V violations`. A seed that fails is told with the faults that matter, and how to see it again.

use std::process::ExitCode;
use streams_tests::simulate::simulate;

const USAGE: &str = "usage: simulate --seeds N [--first S] [--mutant NAME]";

struct Wanted {
    seeds: u64,
    first: u64,
    mutant: Option<String>,
}

fn main() -> ExitCode {
    let Some(wanted) = wanted(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut violations = 0;
    for seed in wanted.first..wanted.first + wanted.seeds {
        if let Err(violation) = simulate(seed) {
            violations += 1;
            if violations <= 3 {
                violation.story.iter().for_each(|line| println!("{line}"));
            }
            println!("seed {seed}: {}", violation.what);
            println!("  once more: simulate --seeds 1 --first {seed}");
        }
    }
    println!("simulated {} seeds, {violations} violations", wanted.seeds);
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Option<Wanted> {
    let mut wanted = Wanted { seeds: 0, first: 0, mutant: None };
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--seeds" => wanted.seeds = value.parse().ok()?,
            "--first" => wanted.first = value.parse().ok()?,
            "--mutant" => wanted.mutant = Some(value),
            _ => return None,
        }
    }
    (wanted.seeds > 0).then_some(wanted)
}
