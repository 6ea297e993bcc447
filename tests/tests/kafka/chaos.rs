//! The short form of `bin/chaos`: it passes, and it can fail.

use std::fs;
use std::time::Duration;

use streams_tests::broker::supervised::Supervised;
use streams_tests::broker::tools::{PATIENCE, until};
use streams_tests::chaos::{Plan, pause_of_a_join, run};

use crate::reliability::seed;

/// A minute or two.
const KILLS: usize = 12;

#[test]
fn every_entry_takes_effect_once_whatever_is_killed() {
    let verdict = run(&Plan::of(KILLS, seed()));
    assert!(verdict.is_right(), "{verdict}");
    assert_eq!(verdict.kills, KILLS);
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

/// A folder goes when the process that was started with it has ended, and not before.
#[test]
fn nothing_is_left_of_chaos_that_is_killed_itself() {
    let chaos = Supervised::new("killed-chaos", false);
    let seed = seed().to_string();
    chaos.run([env!("CARGO_BIN_EXE_chaos"), "--kills", "50", "--seed", &seed]);
    until("a deed", PATIENCE * 2, || chaos.stdout().contains("kill 1:").then_some(()));
    let its = format!("-{}-", chaos.pid().expect("it runs"));
    let left = || {
        let folders = fs::read_dir(std::env::temp_dir()).expect("temporary files are listed");
        let names =
            folders.map(|folder| folder.expect("an entry").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("streams-") && name.contains(&its)).count()
    };
    assert_eq!(left(), 4, "a broker and three instances");

    chaos.kill();

    until("everything to go", PATIENCE, || (left() == 0).then_some(()));
}

/// With the heartbeats that librdkafka and Kafka Streams have by default it would be three seconds and more.
#[test]
fn what_moves_to_an_instance_that_joins_does_not_stand_still_for_long() {
    let pause = pause_of_a_join();
    println!("nothing came for {pause:?}");
    assert!(pause < Duration::from_millis(2_500), "{pause:?}");
}
