//! What happens to rows after their commit: engines follow when it is due, and windows that nobody can see go.

use streams_runtime::instance::{InProcess, MemoryDisk};
use streams_runtime::prelude::*;
use streams_runtime::state::{Direction, WindowStore};
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::Worker;

#[topic(name = "clicks", key = String, value = String)]
struct Clicks;

#[ktable(store = "per-second", from = Clicks, count)]
#[window(tumbling = "1s", grace = "0s")]
struct PerSecond;

topology!(Counting = [PerSecond]);

struct World {
    log: MemoryLog,
    worker: Worker<InProcess>,
    /// Gone with the test.
    files: Option<std::path::PathBuf>,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(files) = &self.files {
            let _ = std::fs::remove_dir_all(files);
        }
    }
}

impl World {
    /// Every machine there is: with a disk in memory, and with files.
    fn each() -> Vec<Self> {
        let (log, disk) = (MemoryLog::new(), MemoryDisk::new());
        let in_memory = InProcess::new(&log, "counting", "one").disk(&disk);
        vec![
            Self::new(in_memory, log, None),
            #[cfg(feature = "rocksdb")]
            Self::on_disk(),
        ]
    }

    #[cfg(feature = "rocksdb")]
    fn on_disk() -> Self {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let root = std::env::temp_dir().join(format!("streams-upkeep-{test}-{}", std::process::id()));
        let directory = streams_runtime::StateDirectory::open(&root, "counting").unwrap();
        let log = MemoryLog::new();
        let instance = InProcess::new(&log, "counting", "one").directory(&directory);
        Self::new(instance, log, Some(root))
    }

    fn new(instance: InProcess, log: MemoryLog, files: Option<std::path::PathBuf>) -> Self {
        let mut world = World { worker: instance.start(Counting::graph()).unwrap(), log, files };
        world.run();
        world
    }

    fn run(&mut self) {
        while !self.worker.step(100).unwrap().is_idle() {
            self.worker.commit().unwrap();
        }
    }

    fn click(&mut self, second: i64) {
        let none = streams_runtime::Headers::new();
        self.log.append("clicks", 0, Some(b"a"), Some(b"x"), second * 1_000, &none).unwrap();
        self.run();
    }

    fn unapplied_bytes(&self) -> usize {
        let remembering = &self.worker.tasks()[0].wired().remembering;
        remembering.iter().map(|remembering| remembering.state.borrow().unapplied_bytes()).sum()
    }

    fn visible_windows(&self) -> usize {
        let stores = &self.worker.tasks()[0].wired().stores;
        let store =
            stores.values().next().unwrap().clone().downcast::<std::cell::RefCell<WindowStore<i64>>>();
        let store = store.unwrap();
        let mut store = store.borrow_mut();
        let mut windows = store.all(Direction::Forward).unwrap();
        let mut seen = 0;
        while windows.next().unwrap().is_some() {
            seen += 1;
        }
        seen
    }
}

#[test]
fn rows_wait_for_their_engine_five_seconds_at_most() {
    for mut world in World::each() {
        world.click(1);
        assert!(world.unapplied_bytes() > 0);
        world.log.set_time_ms(4_999);
        world.click(1);
        assert!(world.unapplied_bytes() > 0);
        world.log.set_time_ms(5_000);
        world.click(1);
        assert_eq!(world.unapplied_bytes(), 0);
    }
}

#[test]
fn expired_windows_leave_the_store() {
    for mut world in World::each() {
        let overlay_bytes = |world: &World| {
            let stores = &world.worker.tasks()[0].wired().stores;
            let store =
                stores.values().next().unwrap().clone().downcast::<std::cell::RefCell<WindowStore<i64>>>();
            store.unwrap().borrow().overlay_bytes()
        };
        for second in 0..2_000 {
            world.click(second);
        }
        let before = overlay_bytes(&world);
        // The next commit applies, and what was applied can expire.
        for turn in 1..=3 {
            world.log.set_time_ms(turn * 10_000);
            world.click(2_000 + turn);
        }
        assert!(overlay_bytes(&world) < before / 20, "{} of {before} bytes", overlay_bytes(&world));
        assert_eq!(world.visible_windows(), 1);
    }
}
