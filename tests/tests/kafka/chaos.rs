//! The short form of `bin/chaos`: it passes, and it can fail.

use streams_tests::chaos::{Plan, run};

use crate::reliability::seed;

#[test]
fn every_entry_takes_effect_once_whatever_is_killed() {
    let verdict = run(&Plan::of(8, seed()));
    assert!(verdict.is_right(), "{verdict}");
    assert_eq!(verdict.kills, 8);
}

/// Without this, the test above could pass because nobody looks.
#[test]
fn what_is_processed_again_is_noticed() {
    let plan = Plan { guarantee: "at_least_once".to_owned(), ..Plan::of(4, seed()) };
    let verdict = run(&plan);
    println!("{verdict}");
    assert!(verdict.duplicated > 0);
    assert_eq!(verdict.lost, 0);
}
