//! Killed at any moment, again and again, while input flows.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{Isolation, Record, end_offsets, read};

use super::application::{Application, Restored};
use super::words::{STORES, Words};
use super::{Random, seed};

const KILLS: usize = 12;

const CHANGELOG: &str = "killed-word-counts-changelog";

/// How long a committed row may wait for the disk.
const ROWS_WAIT: Duration = Duration::from_secs(5);

/// What stands in the changelog, by a client that knows nothing of stores.
fn changes(bootstrap: &str) -> Vec<Record> {
    read(bootstrap, CHANGELOG, Isolation::Committed)
}

/// How many of them there are from one offset to another.
fn between(changes: &[Record], partition: u32, from: i64, to: i64) -> i64 {
    let is_meant = |change: &&Record| {
        change.partition.cast_unsigned() == partition && (from..to).contains(&change.offset)
    };
    changes.iter().filter(is_meant).count() as i64
}

/// What a start has of what the runs before it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    /// Its directory.
    Kept,
    /// Nothing: it runs without one, and the directory of the run before waits for the next.
    None,
    /// An empty one: the disk was lost.
    Lost,
}

#[test]
fn words_are_counted_once_though_the_process_is_killed_again_and_again() {
    let broker = Broker::start();
    let seed = seed();
    let mut random = Random::of(seed, 0);
    let mut app = Application::new("word-count", "killed", &broker.bootstrap()).on_disk();
    app.set("commit.interval.ms", "50");
    let flow = Words::lines(&broker.bootstrap(), seed).flow(300);

    // How far the disk was when its run had opened it.
    let mut disk: BTreeMap<(String, u32), i64> = BTreeMap::new();
    let mut replayed = 0;
    for kill in 0..KILLS {
        let with = [Disk::Kept, Disk::None, Disk::Kept, Disk::Lost][kill % 4];
        start(&mut app, with);
        // Some end in the middle of starting.
        let opened = kill % 3 != 2;
        if opened {
            app.until_restored(STORES);
        }
        thread::sleep(Duration::from_millis(random.below(1_200) as u64));
        app.kill();
        if with == Disk::Lost {
            disk.clear();
        }
        let restored = app.restored();
        println!("kill {kill}, {with:?}: {}", shown(&restored));
        let changes = changes(&broker.bootstrap());
        for Restored { store, records, from, to } in restored {
            assert_eq!(records, between(&changes, store.1, from, to), "{store:?} from {from} to {to}");
            if with == Disk::Kept {
                assert!(from >= disk.get(&store).copied().unwrap_or(0), "{store:?} from {from}, {disk:?}");
                replayed += records;
            } else {
                assert_eq!(from, 0, "{store:?} has no disk");
            }
            if with != Disk::None {
                disk.insert(store, to);
            }
        }
    }

    // What was counted for longer than committed rows wait for the disk is on it: only what came after that is replayed.
    start(&mut app, Disk::Kept);
    app.until_restored(STORES);
    thread::sleep(Duration::from_millis(1_500));
    let waits_no_more = end_offsets(&broker.bootstrap(), CHANGELOG, Isolation::Committed);
    thread::sleep(ROWS_WAIT + Duration::from_millis(1_000));
    app.kill();
    start(&mut app, Disk::Kept);
    let after = app.until_restored(STORES);
    println!("later: {}; replayed with the disk kept before that: {replayed}", shown(&after));
    let changes = changes(&broker.bootstrap());
    for Restored { store, from, to, records } in after {
        assert!(from >= waits_no_more[store.1 as usize], "{store:?} from {from}, of {waits_no_more:?}");
        assert_eq!(records, between(&changes, store.1, from, to), "{store:?} from {from} to {to}");
    }

    let words = flow.stop();
    println!("{} words", words.total());
    words.check(&[&app]);
}

fn start(app: &mut Application, with: Disk) {
    match with {
        Disk::Kept => {}
        Disk::None => drop(app.unset("state.dir")),
        Disk::Lost => app.lose_directory(),
    }
    if with != Disk::None {
        let directory = app.directory().display().to_string();
        app.set("state.dir", &directory);
    }
    app.start();
}

fn shown(restored: &[Restored]) -> String {
    let shown = restored.iter().map(|r| {
        let Restored { store: (store, partition), records, from, to } = r;
        format!("{store}/{partition} {records} records from {from} to {to}")
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn at_least_once_loses_nothing_though_the_process_is_killed() {
    let broker = Broker::start();
    let seed = seed();
    let mut random = Random::of(seed, 0);
    let mut app = Application::new("word-count", "at-least", &broker.bootstrap()).on_disk();
    app.set("processing.guarantee", "at_least_once").set("commit.interval.ms", "300");
    let flow = Words::lines(&broker.bootstrap(), seed).flow(300);
    for _ in 0..6 {
        app.start();
        app.until_restored(STORES);
        thread::sleep(Duration::from_millis(random.below(1_500) as u64));
        app.kill();
    }
    app.start();
    let words = flow.stop();
    words.check_at_least(&app);
}
