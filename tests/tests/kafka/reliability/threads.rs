//! Several threads in one process: each is a member, and the stores belong to their tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;
use std::time::Duration;

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{PATIENCE, group, until};

use super::application::{Application, Restored};
use super::words::{STORES, Words};

const ID: &str = "threads";

/// Longer than committed rows wait for the disk.
const APPLIED: Duration = Duration::from_millis(6_500);

/// Waits until this many threads have something each, and returns what, by the number of the thread.
#[track_caller]
fn until_shared(broker: &Broker, threads: usize) -> BTreeMap<usize, BTreeSet<(String, i32)>> {
    until("the threads to share the tasks", PATIENCE, || {
        let group = group(&broker.bootstrap(), ID)?;
        let members = group.members.into_iter();
        let shares: BTreeMap<_, _> = members.map(|m| (number(&m.client_id), m.assigned)).collect();
        let given: usize = shares.values().map(BTreeSet::len).sum();
        let all =
            shares.len() == threads && given == STORES && shares.values().all(|share| !share.is_empty());
        (all && group.state == "Stable").then_some(shares)
    })
}

/// Of `<application>-<process>-<thread>;leaders=…`.
fn number(client_id: &str) -> usize {
    let name = client_id.split(';').next().unwrap_or_default();
    name.rsplit('-').next().and_then(|number| number.parse().ok()).expect("the number of a thread")
}

/// The folders below the state directory of the application that are stores, as `store/partition`.
fn stores(app: &Application) -> Vec<String> {
    let folders = |path| fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
    let named = |path: &std::path::Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut stores = Vec::new();
    for store in folders(app.directory().join(ID)).filter(|path| path.is_dir()) {
        stores.extend(
            folders(store.clone()).map(|partition| format!("{}/{}", named(&store), named(&partition))),
        );
    }
    stores.sort();
    stores
}

/// How far each store is.
fn ends(restored: &[Restored]) -> BTreeMap<(String, u32), i64> {
    restored.iter().map(|restored| (restored.store.clone(), restored.to)).collect()
}

#[test]
fn stores_are_found_by_task_whichever_thread_has_it() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 41);
    let mut app = Application::new("tally", ID, &broker.bootstrap()).on_disk();
    app.set("num.stream.threads", "2").set("commit.interval.ms", "50");
    app.start();
    app.until_restored(STORES);
    let shares = until_shared(&broker, 2);
    assert_eq!(shares.keys().copied().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(stores(&app), ["tally/0", "tally/1"]);

    // Killed, and started with as many threads, with one for both tasks, and with two again.
    let mut disk: BTreeMap<(String, u32), i64> = BTreeMap::new();
    for threads in [2, 1, 2] {
        let flow = words.flow(300);
        thread::sleep(APPLIED);
        words = flow.stop();
        words.until_counted();
        app.kill();
        app.set("num.stream.threads", &threads.to_string());
        app.start();
        let restored = app.until_restored(STORES);
        println!("{threads} threads: {restored:?}");
        assert_eq!(ends(&restored).len(), STORES, "{restored:?}");
        for Restored { store, from, .. } in &restored {
            let before = disk.get(store).copied().unwrap_or(0);
            assert!(*from > before, "{store:?} from {from}: the disk was at {before} one run before");
        }
        disk = ends(&restored);
        until_shared(&broker, threads);
        assert_eq!(stores(&app), ["tally/0", "tally/1"]);
        // Each thread that takes part counts.
        words.write(20);
        words.until_counted();
    }
    words.check(&[&app]);

    // Ended in an orderly way, everything is on the disk, for whichever thread comes next.
    app.set("num.stream.threads", "1");
    app.start();
    let restored = app.until_restored(STORES);
    assert!(restored.iter().all(|store| store.records == 0 && store.from > 0), "{restored:?}");
    app.stop();
}
