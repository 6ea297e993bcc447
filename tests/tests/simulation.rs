//! The simulator: thousands of seeds without a violation, and every wrong variant of the runtime caught.
//!
//! `cargo run -p streams-tests --bin simulate` runs more of them, and tells what happened in one that fails.

use std::process::Command;
use streams_runtime::mutants::Mutant;
use streams_tests::simulate::{simulate, violation};

const SEEDS: u64 = 2_000;

#[test]
fn seeds() {
    for seed in 0..SEEDS {
        if let Err(violation) = simulate(seed, None) {
            panic!("{violation}\n{}", violation.story.join("\n"));
        }
    }
}

/// A simulator that catches nothing would be content with everything.
#[test]
fn mutants() {
    let mut survivors = Vec::new();
    for &mutant in Mutant::ALL {
        let caught = (0..bound(mutant)).any(|seed| violation(seed, Some(mutant)).is_some());
        if !caught {
            survivors.push(mutant);
        }
    }
    assert!(survivors.is_empty(), "not caught: {survivors:?}");
}

/// How many seeds it may take. Some do harm only if several things happen to one task, one after the other.
fn bound(mutant: Mutant) -> u64 {
    match mutant {
        Mutant::AgeByOwnClock
        | Mutant::BeginsUncommitted
        | Mutant::EndBeforeOffsets
        | Mutant::JoiningKept
        | Mutant::TombstoneAgeIgnored => 2_000,
        Mutant::EndIsLastStable | Mutant::ProofOfAnother | Mutant::RestoreUnfinished => 1_000,
        _ => 200,
    }
}

/// The same seed is the same run, to the last word.
#[test]
fn a_seed_decides_everything() {
    let caught = (0..200).filter_map(|seed| Some((seed, violation(seed, Some(Mutant::UnknownIsAborted))?)));
    let caught: Vec<_> = caught.take(5).collect();
    assert_eq!(caught.len(), 5);
    for (seed, what) in caught {
        assert_eq!(violation(seed, Some(Mutant::UnknownIsAborted)), Some(what));
        let story = || simulate(seed, Some(Mutant::UnknownIsAborted)).map_err(|violation| violation.story);
        assert_eq!(story(), story());
    }
}

/// What a failing seed says is run as it stands there, and fails in the same words.
#[test]
fn a_failing_seed_says_how_to_see_it_again() {
    let mutant = Some(Mutant::CheckpointAhead);
    // Neither the first seed nor the right runtime would do.
    let violation = (1..200).find_map(|seed| simulate(seed, mutant).err()).unwrap();
    let command = violation.command();
    let (program, arguments) = command.split_once(" -- ").unwrap();
    assert_eq!(program, "cargo run -q -p streams-tests --no-default-features --bin simulate");
    let again = Command::new(env!("CARGO_BIN_EXE_simulate")).args(arguments.split(' ')).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stdout);
    let story = violation.story.join("\n");
    assert_eq!(said, format!("{story}\n{violation}\nsimulated 1 seeds, 1 violations\n"));
    assert!(violation.to_string().ends_with(&format!("\n  once more: {command}")), "{violation}");
}
