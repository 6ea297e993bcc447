//! Stores in files, as in production: handed from worker to worker, taken up again, moved aside.
#![cfg(feature = "rocksdb")]

use std::path::PathBuf;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::restore::Rebuilt;
use streams_runtime::state::{Mark, StateError};
use streams_runtime::transport::Message;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::Worker;
use streams_runtime::{DirectoryError, OnUnreadable, StateDirectory};

#[topic(name = "in", partitions = 4, key = String, value = i64)]
struct In;
#[topic(name = "sums", partitions = 4, key = String, value = i64)]
struct Sums;
#[ktable(store = "sums", from = In, aggregate, to = Sums)]
fn sum(sum: &mut i64, value: &i64) {
    *sum += value;
}
topology!(Adding = [sum]);

#[ktable(store = "sums", from = In, aggregate, value = Json<i64>, to = Sums)]
fn sum_in_json(sum: &mut i64, value: &i64) {
    *sum += value;
}
topology!(AddingInJson = [sum_in_json]);

struct World {
    log: MemoryLog,
    root: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl World {
    fn new(test: &str) -> World {
        let root = std::env::temp_dir().join(format!("streams-on-disk-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        let log = MemoryLog::new();
        for topic in ["in", "sums"] {
            log.create_topic(topic, 4).unwrap();
        }
        World { log, root }
    }

    fn directory(&self) -> StateDirectory {
        StateDirectory::open(&self.root, "app").unwrap()
    }

    fn start(&self, name: &str, directory: &StateDirectory) -> Worker<InProcess> {
        InProcess::new(&self.log, "app", name).directory(directory).start(Adding::topology()).unwrap()
    }

    fn rebuild(&self, name: &str, directory: &StateDirectory) -> Worker<InProcess> {
        let instance = InProcess::new(&self.log, "app", name).directory(directory);
        instance.on_unreadable(OnUnreadable::Rebuild).start(Adding::topology()).unwrap()
    }

    fn feed(&self) {
        for partition in 0..4 {
            let (key, value) = ([b'0' + partition as u8], 1i64.to_be_bytes());
            self.log.append("in", partition, Some(&key), Some(&value), 0, &Headers::new()).unwrap();
        }
    }

    fn run(&self, workers: &mut [&mut Worker<InProcess>]) {
        for _ in 0..20 {
            for worker in workers.iter_mut() {
                worker.step(100).unwrap();
                worker.commit().unwrap();
            }
            self.log.set_time_ms(self.log.time_ms() + 100);
        }
    }

    /// The last sum of each key: each is in an input partition of its own.
    fn sums(&self) -> Vec<i64> {
        let mut sums = vec![0; 4];
        for record in (0..4).flat_map(|partition| self.log.read_committed("sums", partition, 0).unwrap()) {
            let key = usize::from(record.key().unwrap()[0] - b'0');
            sums[key] = i64::from_be_bytes(record.value().unwrap().try_into().unwrap());
        }
        sums
    }
}

fn replayed(worker: &Worker<InProcess>) -> Vec<u64> {
    worker.restored().iter().map(|restored| restored.records).collect()
}

#[test]
fn a_restart_replays_what_was_not_applied_and_finds_its_stores_by_name() {
    let world = World::new("restart");
    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    one.leave().unwrap();
    drop(directory);
    for partition in 0..4 {
        assert!(world.root.join("app/sums").join(partition.to_string()).join("CURRENT").exists());
    }
    // Somebody else's, and left alone.
    std::fs::create_dir_all(world.root.join("app/of-a-step-that-is-gone/0")).unwrap();

    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.run(&mut [&mut one]);
    assert_eq!(replayed(&one), [0; 4]);
    world.feed();
    world.run(&mut [&mut one]);
    // A crash: what the last commit changed waited in memory.
    drop((one, directory));
    world.log.set_time_ms(world.log.time_ms() + 46_000);
    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.run(&mut [&mut one]);
    assert_eq!(replayed(&one), [1; 4]);
    world.feed();
    world.run(&mut [&mut one]);
    assert_eq!(world.sums(), [3; 4]);
    assert!(world.root.join("app/of-a-step-that-is-gone/0").exists());
}

/// A worker that joins in the same process is handed the open stores of the other one.
#[test]
fn a_task_moves_between_the_workers_of_a_process_with_its_store() {
    let world = World::new("moves");
    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    let mut two = world.start("two", &directory);
    world.run(&mut [&mut one, &mut two]);
    assert_eq!((one.tasks().len(), two.tasks().len()), (2, 2));
    assert_eq!(replayed(&two), [0; 2]);
    world.feed();
    world.run(&mut [&mut one, &mut two]);
    assert_eq!(world.sums(), [2; 4]);
    two.leave().unwrap();
    world.feed();
    world.run(&mut [&mut one]);
    assert_eq!((one.tasks().len(), world.sums()), (4, vec![3; 4]));
}

/// A worker that has not noticed yet that it lost its tasks still holds their stores: the next owner waits for it.
#[test]
fn a_store_that_is_still_held_is_waited_for() {
    let world = World::new("held");
    let directory = world.directory();
    let mut zombie = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut zombie]);
    assert!(world.log.expel("app", "app-one-1"));
    let held = directory.engine("sums", 0).err().unwrap();
    assert!(matches!(held, StateError::InUse { .. }), "{held}");
    assert_eq!(held.to_string(), "store `sums` is still open in another worker of this process");
    let mut two = world.start("two", &directory);
    world.run(&mut [&mut two]);
    assert_eq!((two.tasks().len(), two.opening().len()), (0, 4));
    // It notices.
    zombie.step(100).unwrap();
    world.run(&mut [&mut two]);
    assert_eq!((two.tasks().len(), two.opening().len()), (4, 0));
    drop(zombie);
    world.feed();
    world.run(&mut [&mut two]);
    assert_eq!(world.sums(), [2; 4]);
}

/// Two machines: what one of them gave to the other goes from its disk after a while, and is rebuilt when it comes back.
#[test]
fn stores_of_tasks_that_are_elsewhere_go_and_are_rebuilt() {
    let (world, elsewhere) = (World::new("elsewhere-one"), World::new("elsewhere-two"));
    let (here, there) = (world.directory(), elsewhere.directory());
    let stores = || -> Vec<u32> {
        let entries = std::fs::read_dir(world.root.join("app/sums")).unwrap().map(|entry| entry.unwrap());
        let mut stores: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().parse().unwrap()).collect();
        stores.sort_unstable();
        stores
    };
    let mut one = world.start("one", &here);
    world.feed();
    world.run(&mut [&mut one]);
    let mut two = world.start("two", &there);
    world.run(&mut [&mut one, &mut two]);
    let mut stay: Vec<u32> = one.tasks().iter().map(|task| task.id().partition).collect();
    stay.sort_unstable();
    assert_eq!((stay.len(), stores().len()), (2, 4));
    let later = std::time::Duration::from_millis(50);
    assert!(here.clean(std::time::Duration::from_secs(600)).unwrap().is_empty(), "they may be back soon");
    // What was kept open for them is closed first, and that writes to it.
    let clean = || {
        std::thread::sleep(later);
        here.clean(later).unwrap().len()
    };
    assert_eq!(clean() + clean(), 2);
    assert_eq!(stores(), stay);

    world.feed();
    world.run(&mut [&mut one, &mut two]);
    two.leave().unwrap();
    world.run(&mut [&mut one]);
    let rebuilt = one.restored().iter().filter(|restored| restored.records == 2 && restored.from == 0);
    assert_eq!((rebuilt.count(), stores().len()), (2, 4));
    world.feed();
    world.run(&mut [&mut one]);
    assert_eq!(world.sums(), [3; 4]);
}

/// A store with rows in each partition, that of partition 2 damaged.
fn damaged(test: &str) -> World {
    let world = World::new(test);
    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    one.leave().unwrap();
    std::fs::write(world.root.join("app/sums/2/CURRENT"), "rubbish").unwrap();
    world
}

#[test]
fn an_application_that_does_not_run_is_cleaned_up() {
    let world = World::new("cleaned-up");
    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    let clean_up = || Adding::builder("app").state_dir(&world.root).clean_up();
    let refused = clean_up().unwrap_err().to_string();
    assert!(refused.contains("is in use by another instance in this process"), "{refused}");
    one.leave().unwrap();
    drop(directory);
    assert!(world.root.join("app/sums/0/CURRENT").exists());
    clean_up().unwrap();
    assert!(!world.root.join("app/sums").exists());

    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    assert_eq!((replayed(&one), world.sums()), (vec![1; 4], vec![2; 4]));
}

#[test]
fn a_damaged_store_is_refused_in_words_and_its_neighbours_go_on() {
    let world = damaged("damaged");
    let store = world.root.join("app/sums/2");
    for _ in 0..2 {
        let directory = world.directory();
        let mut one = world.start("one", &directory);
        let mut said = Vec::new();
        for _ in 0..20 {
            said.extend(one.step(100).err());
            one.commit().unwrap();
            world.log.set_time_ms(world.log.time_ms() + 100);
        }
        let [said] = &said[..] else { panic!("{said:?}") };
        let (said, store) = (said.to_string(), store.display());
        let words = format!(
            "task 0_2 cannot be opened: store `sums` in `{store}` cannot be used: its files cannot be read (Corruption: "
        );
        assert!(said.starts_with(&words) && said.contains("CURRENT"), "{said}");
        assert!(
            said.contains("`state.unreadable = rebuild` moves the files aside and fills the store"),
            "{said}"
        );
        assert_eq!((one.tasks().len(), one.set_aside().len()), (3, 1));
        one.leave().unwrap();
    }
    assert_eq!(std::fs::read_to_string(store.join("CURRENT")).unwrap(), "rubbish");
    // Whoever mends the files has all of it again.
    let current = std::fs::read_dir(&store).unwrap().map(|file| file.unwrap().file_name());
    let manifest = current.filter(|name| name.to_string_lossy().starts_with("MANIFEST")).last().unwrap();
    std::fs::write(store.join("CURRENT"), format!("{}\n", manifest.to_string_lossy())).unwrap();
    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    assert_eq!((replayed(&one), world.sums()), (vec![0; 4], vec![2; 4]));
}

#[test]
fn a_damaged_store_is_rebuilt_if_somebody_said_so() {
    let world = damaged("rebuilt");
    let directory = world.directory();
    let mut one = world.rebuild("one", &directory);
    world.run(&mut [&mut one]);
    let mut restored = one.restored().to_vec();
    restored.sort_by_key(|restored| restored.task);
    assert_eq!(restored.iter().map(|restored| restored.records).collect::<Vec<_>>(), [0, 0, 1, 0]);
    let Some(Rebuilt::Unreadable(said)) = &restored[2].rebuilt else { panic!("{restored:?}") };
    let aside = world.root.join("app/sums/2.corrupt-");
    assert!(said.contains("CURRENT") && said.contains(&*aside.to_string_lossy()), "{said}");
    world.feed();
    world.run(&mut [&mut one]);
    assert_eq!(world.sums(), [2; 4]);
}

/// What it is stands in the files, and they stay for the program that can read them.
#[test]
fn a_store_of_another_form_is_refused_and_kept() {
    let world = World::new("form");
    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    one.leave().unwrap();
    drop(directory);

    let directory = world.directory();
    let other = InProcess::new(&world.log, "app", "one").directory(&directory);
    let mut other = other.start(AddingInJson::topology()).unwrap();
    let said: Vec<_> = (0..20).filter_map(|_| other.step(100).err()).map(|error| error.to_string()).collect();
    assert_eq!((said.len(), other.set_aside().len()), (4, 4));
    let store = world.root.join("app/sums/0");
    let words = format!(
        "store `sums` in `{}` cannot be used: its values are in the format `i64`, and here in `Json`. Its changelog has such \
         rows as well: go back to that form",
        store.display()
    );
    assert!(said.iter().any(|said| said.contains(&words)), "{said:?}");
    other.leave().unwrap();
    let now = std::time::Duration::ZERO;
    assert_eq!((directory.clean(now).unwrap(), store.join("KEEP").exists()), (Vec::new(), true));
    drop(directory);

    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    assert_eq!((replayed(&one), world.sums()), (vec![0; 4], vec![2; 4]));
    one.leave().unwrap();
    assert!(!store.join("KEEP").exists(), "nothing is in the way any more");
}

/// It is found while it is used. Who takes the task over in the same process is not handed the same engine again.
#[test]
fn damage_that_is_found_late_is_mended_within_the_process() {
    let world = World::new("late");
    let directory = world.directory();
    let rows: Vec<_> = (0..2_000i64).map(|n| (format!("{n:04}"), [7; 100])).collect();
    let mut engine = directory.engine("other", 0).unwrap();
    let mark = Mark { changelog_offset: 1, ..Mark::default() };
    let mut batch = rows.iter().map(|(key, row)| (key.as_bytes(), Some(&row[..])));
    engine.apply(&mut batch, Some(&mark)).unwrap();
    drop((engine, directory));
    // What stands in the log goes into a table when it is opened.
    drop(world.directory().engine("other", 0).unwrap());
    let table = |path: &std::path::Path| path.extension().is_some_and(|kind| kind == "sst");
    let files = std::fs::read_dir(world.root.join("app/other/0")).unwrap().map(|file| file.unwrap().path());
    let table = files.filter(|path| table(path)).last().unwrap();
    let mut bytes = std::fs::read(&table).unwrap();
    bytes[100_000..101_000].fill(0x55);
    std::fs::write(&table, bytes).unwrap();

    let directory = world.directory();
    let engine = directory.engine("other", 0).unwrap();
    assert!(engine.unreadable().is_none() && engine.mark().unwrap().is_some());
    let mut found = Vec::new();
    let failed = rows.iter().find_map(|(key, _)| engine.get(key.as_bytes(), &mut found).err()).unwrap();
    assert!(failed.to_string().contains("Corruption"), "{failed}");
    drop(engine);
    let mut engine = directory.engine("other", 0).unwrap();
    let why = engine.unreadable().unwrap().to_string();
    assert!(why.contains("Corruption"), "{why}");
    engine.move_aside(&why).unwrap();
    assert_eq!((engine.mark().unwrap(), engine.unreadable()), (None, None));
}

#[test]
fn a_second_process_is_refused() {
    let world = World::new("refused");
    let directory = world.directory();
    let mut one = world.start("one", &directory);
    world.feed();
    world.run(&mut [&mut one]);
    drop(directory);
    let refused = StateDirectory::open(&world.root, "app").err().unwrap();
    assert!(
        matches!(refused, DirectoryError::InUse { pid: Some(pid), .. } if pid == std::process::id()),
        "{refused}"
    );
    // The lock is as long as the last store is open.
    drop(one);
    world.directory();
}
