//! Stores that do not fit their changelogs any more: because somebody made the changelog anew, deleted from it, or
//! lost its end.
//!
//! What each of them does is decided in one place, which has its own tests; here brokers bring it about.

use std::fs;
use std::path::Path;
use std::time::Duration;

use streams_runtime::transport::TopicPartition;
use streams_runtime::transport::kafka::{ClientSettings, KafkaClients};
use streams_runtime::transport::topics::Topics as _;
use streams_tests::broker::Broker;
use streams_tests::broker::tools::{
    Isolation, Message, PATIENCE, Producer, alter_topic, create_topic, delete_topic, end_offsets, read,
    topics, until,
};

use super::application::{Application, Restored};
use super::words::{STORES, Words};

const ID: &str = "unfit";
const CHANGELOG: &str = "unfit-tally-changelog";

/// As a changelog is made.
const COMPACTED: [(&str, &str); 2] =
    [("cleanup.policy", "compact"), ("message.timestamp.type", "CreateTime")];

fn counting(broker: &Broker, words: &mut Words) -> Application {
    let mut app = Application::new("tally", ID, &broker.bootstrap()).on_disk();
    app.set("commit.interval.ms", "50");
    app.start();
    app.until_restored(STORES);
    words.write(100);
    words.until_counted();
    // Everything is on its disk.
    app.stop();
    app
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a file can be copied");
        }
    }
}

fn replace(folder: &Path, by: &Path) {
    fs::remove_dir_all(folder).expect("a folder");
    copy(by, folder);
}

/// What was said of stores that were not used, one line for each.
fn rebuilt(app: &Application) -> Vec<String> {
    let log = app.log();
    let lines = log.lines().filter(|line| line.contains("store rebuilt from its changelog"));
    lines.map(str::to_owned).collect()
}

/// Both stores are built from nothing, and each says why.
#[track_caller]
fn assert_rebuilt(app: &Application, restored: &[Restored], why: impl Fn(&Restored) -> String) {
    println!("{restored:?}\n{}", rebuilt(app).join("\n"));
    let said = rebuilt(app);
    assert_eq!(said.len(), STORES, "{said:?}");
    for store in restored {
        let why = why(store);
        assert!(store.records > 0 && said.iter().any(|line| line.contains(&why)), "{why}: {said:?}");
    }
}

#[test]
fn what_a_changelog_lost_is_not_looked_for_in_it() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 71);
    let mut app = counting(&broker, &mut words);
    made_anew(&broker, &mut app);
    words.write(100);
    words.until_counted();
    app.stop();
    deleted_below(&broker, &mut app, &mut words);
    words.write(100);
    words.check(&[&app]);
}

/// The operator had to delete the changelog, and wrote what was in it into a new one: both stores are read anew.
fn made_anew(broker: &Broker, app: &mut Application) {
    let rows = read(&broker.bootstrap(), CHANGELOG, Isolation::Committed);
    delete_topic(&broker.bootstrap(), CHANGELOG);
    let gone = || (!topics(&broker.bootstrap()).contains(&CHANGELOG.to_owned())).then_some(());
    until("a topic to go", PATIENCE, gone);
    create_topic(&broker.bootstrap(), CHANGELOG, 2, &COMPACTED);
    Producer::new(&broker.bootstrap()).write(rows.into_iter().map(|row| {
        let to = Message::to(CHANGELOG).partition(row.partition).timestamp(row.timestamp);
        to.key(row.key.expect("rows have keys")).value(row.value.expect("nothing was deleted"))
    }));

    app.start();
    let restored = app.until_restored(STORES);
    assert_rebuilt(app, &restored, |_| "its changelog was deleted and made anew".to_owned());
}

/// An old copy of the disk comes back, and what it has not seen is no longer in the changelog.
fn deleted_below(broker: &Broker, app: &mut Application, words: &mut Words) {
    let old = app.folder().join("old");
    copy(&app.directory(), &old);
    app.start();
    words.write(100);
    words.until_counted();
    app.stop();
    let deleted = end_offsets(&broker.bootstrap(), CHANGELOG, Isolation::Committed);
    app.start();
    // Each of the sixty words many times: every row stands behind what is deleted.
    words.write(300);
    words.until_counted();
    app.stop();
    replace(&app.directory(), &old);

    // Of a topic that is only compacted nobody may delete records.
    let deletes = [("cleanup.policy", "compact,delete"), ("retention.ms", "-1"), COMPACTED[1]];
    alter_topic(&broker.bootstrap(), CHANGELOG, &deletes);
    let settings = ClientSettings { brokers: broker.bootstrap(), ..ClientSettings::default() };
    let mut admin = KafkaClients::new(settings).admin().expect("an admin client");
    let before = (0..2).map(|partition| {
        let place = TopicPartition { topic: CHANGELOG.to_owned(), partition };
        (place, deleted[partition as usize])
    });
    admin.delete_records(&before.collect::<Vec<_>>()).expect("records are deleted");
    alter_topic(&broker.bootstrap(), CHANGELOG, &COMPACTED);

    app.start();
    let restored = app.until_restored(STORES);
    assert_rebuilt(app, &restored, |store| {
        let start = deleted[store.store.1 as usize];
        assert_eq!(store.from, start, "{store:?}");
        format!("and its changelog begins at {start}")
    });
}

/// The broker's disk was put back to an old state: what the store has is more than what its changelog has.
#[test]
fn a_store_that_is_ahead_of_its_changelog_is_refused_and_kept() {
    let mut broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 73);
    let mut app = counting(&broker, &mut words);
    let ends = |broker: &Broker| end_offsets(&broker.bootstrap(), CHANGELOG, Isolation::Uncommitted);
    let (old, new) = (app.folder().join("old"), app.folder().join("new"));
    let less = ends(&broker);
    changelog_files(&mut broker, Some(&old), None);
    app.start();
    app.until_restored(STORES);
    words.write(100);
    words.until_counted();
    app.stop();
    let all = ends(&broker);
    changelog_files(&mut broker, Some(&new), Some(&old));
    assert_eq!(ends(&broker), less);

    app.start();
    assert_eq!(app.exit(Duration::from_secs(45)), Some(1), "{}", app.log());
    let log = app.log();
    let told = log.lines().last().expect("why it ended");
    println!("{told}");
    let said = [0, 1].map(|partition| {
        format!(
            "Error: task 0_{partition} cannot be opened: store `tally` holds changes up to offset {}, but its changelog \
             ends at {}: records were lost there; delete the store's files to rebuild it from what is left",
            // Behind the last change stands the marker of its commit.
            all[partition] - 1,
            less[partition],
        )
    });
    assert!(said.iter().any(|said| said == told), "{told}: {said:?}");

    let (store, kept) = (app.directory().join(ID).join("tally"), app.folder().join("kept"));
    // Whoever deletes what has not been here for long leaves it alone.
    let noted =
        |store: &Path| (0..STORES).filter(|at| store.join(at.to_string()).join("KEEP").exists()).count();
    assert!(noted(&store) > 0);

    // What the words say: without its files the store is what is left.
    fs::rename(&store, &kept).expect("the store's files");
    app.start();
    let restored = app.until_restored(STORES);
    println!("{restored:?}");
    for store in &restored {
        let from_what_is_left = (store.from, store.to) == (0, less[store.store.1 as usize]);
        assert!(from_what_is_left && store.records > 0, "{store:?}");
    }
    app.stop();

    // The records are found again: the store that was refused has everything.
    replace(&store, &kept);
    changelog_files(&mut broker, None, Some(&new));
    app.start();
    words.write(100);
    words.check(&[&app]);
    assert_eq!(noted(&store), 0, "it follows its changelog again");
}

/// Replaces the broker's files of the changelog, or keeps them, or both, while it is down.
fn changelog_files(broker: &mut Broker, keep: Option<&Path>, put_back: Option<&Path>) {
    broker.stop();
    let storage = broker.process().folder().join("storage");
    for partition in 0..STORES {
        let name = format!("{CHANGELOG}-{partition}");
        let folder = storage.join(&name);
        if let Some(keep) = keep {
            copy(&folder, &keep.join(&name));
        }
        if let Some(from) = put_back {
            replace(&folder, &from.join(&name));
        }
    }
    broker.restart();
}
