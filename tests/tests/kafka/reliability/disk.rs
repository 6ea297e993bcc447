//! State directories that are used twice, damaged or full.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{PATIENCE, until};

use super::application::Application;
use super::words::{STORES, Words};

/// The folders of a store, one for each partition.
fn stores(app: &Application) -> Vec<PathBuf> {
    let application = app.directory().join("disk");
    (0..STORES).map(|partition| application.join("tally").join(partition.to_string())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

/// Overwrites half of each file of this kind; how many there were.
fn overwrite(app: &Application, kind: &str) -> usize {
    let mut hit = 0;
    for file in stores(app).iter().flat_map(|store| files(store)) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let mut bytes = fs::read(&file).expect("a file");
        if name.contains(kind) && !bytes.is_empty() {
            let middle = bytes.len() / 2;
            bytes[..middle].fill(0x55);
            fs::write(&file, bytes).expect("a file can be written");
            hit += 1;
        }
    }
    hit
}

#[test]
fn a_directory_has_one_process_and_what_is_damaged_is_refused_or_rebuilt_as_told() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 10);
    let mut app = Application::new("tally", "disk", &broker.bootstrap()).on_disk();
    app.start();
    words.write(200);
    words.until_counted();

    let mut second = Application::named("tally", "disk", "second", &broker.bootstrap());
    second.set("state.dir", &app.directory().display().to_string());
    second.start();
    assert_eq!(second.exit(Duration::from_secs(30)), Some(1));
    let refused = second.log();
    let told = refused.lines().last().expect("why it ended");
    println!("{told}");
    assert!(told.contains(&format!("is in use by process {}", app.pid())), "{told}");
    words.write(200);
    words.until_counted();

    app.stop();
    overwrite(&app, "MANIFEST-");
    app.start();
    assert_eq!(app.exit(Duration::from_secs(60)), Some(1));
    let refused = app.log();
    let told = refused.lines().last().expect("why it ended");
    println!("{told}");
    let stores_of = app.directory().join("disk").join("tally").display().to_string();
    assert!(told.contains(&format!("store `tally` in `{stores_of}/")), "{told}");
    assert!(told.contains("its files cannot be read (Corruption: "), "{told}");
    assert!(told.contains("`state.unreadable = rebuild`"), "{told}");

    app.set("state.unreadable", "rebuild");
    for damaged in ["MANIFEST-", ".log", ".sst"] {
        let hit = overwrite(&app, damaged);
        app.start();
        let restored = app.until_restored(STORES);
        println!("{hit} files {damaged} damaged: {restored:?}");
        words.write(50);
        words.until_counted();
        let aside = || {
            stores(&app)
                .iter()
                .flat_map(|s| files(s.parent().expect("a folder")))
                .filter(|f| f.to_string_lossy().contains("corrupt"))
                .count()
        };
        println!("moved aside: {}", aside());
        if damaged == "MANIFEST-" {
            assert!(restored.iter().all(|store| store.from == 0 && store.to > 0), "{restored:?}");
            assert!(aside() >= STORES);
            assert!(app.log().contains("rebuilt"), "{}", app.log());
        }
        app.stop();
    }
    app.start();
    words.check(&[&app]);
}

#[test]
fn a_full_disk_stops_with_words_and_loses_nothing() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 11).of(2_000, 100);
    let mut app = Application::new("tally", "disk", &broker.bootstrap()).on_disk();
    app.start();
    words.write(10);
    words.until_counted();
    app.stop();

    // Less than what is written to a store at once.
    app.full_at(Some(48));
    app.start();
    app.until_restored(STORES);
    let flow = words.flow(1_000);
    let code = app.exit(Duration::from_secs(60));
    words = flow.stop();
    println!("{}", app.log());
    assert_eq!(code, Some(1), "{}", app.log());
    assert!(app.log().contains("store `tally`"), "{}", app.log());

    app.full_at(None);
    app.start();
    words.check(&[&app]);
}

#[test]
fn stores_of_tasks_that_are_elsewhere_go_from_the_disk_and_are_rebuilt() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 12);
    let mut apps = ["first", "second"].map(|name| {
        let mut app = Application::named("tally", "disk", name, &broker.bootstrap()).on_disk();
        app.set("state.cleanup.delay.ms", "1000").set("leave.group.on.close", "true");
        app
    });
    // Of a step that is gone, and of one that is damaged: the one goes, the other is for somebody to look at.
    let (gone, aside) =
        (apps[0].directory().join("disk/gone/0"), apps[0].directory().join("disk/tally/7.corrupt-1"));
    fs::create_dir_all(&gone).expect("a folder");
    fs::create_dir_all(&aside).expect("a folder");
    let [first, second] = &mut apps;
    first.start();
    words.write(100);
    words.until_counted();
    assert_eq!(stores(first).iter().filter(|store| store.exists()).count(), STORES);

    second.start();
    second.until_restored(1);
    let left = || stores(first).iter().filter(|store| store.exists()).count();
    until("the store that is elsewhere to go", PATIENCE, || (left() == 1).then_some(()));
    assert!(!gone.exists() && aside.exists());
    assert!(first.log().contains("deleted a store"), "{}", first.log());
    words.write(100);
    words.until_counted();

    second.stop();
    // Two at the start, and the one that comes back: all of it from its changelog.
    let restored = first.until_restored(STORES + 1);
    assert!(restored[STORES].from == 0 && restored[STORES].records > 0, "{restored:?}");
    words.write(100);
    words.check(&[first]);
}
