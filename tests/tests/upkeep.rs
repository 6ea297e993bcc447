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
}

impl World {
    fn new() -> Self {
        let log = MemoryLog::new();
        let instance = InProcess::new(&log, "counting", "one").disk(&MemoryDisk::new());
        let mut world = World { worker: instance.start(Counting::graph()).unwrap(), log };
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
    let mut world = World::new();
    world.click(1);
    assert!(world.unapplied_bytes() > 0);
    world.log.set_time_ms(4_999);
    world.click(1);
    assert!(world.unapplied_bytes() > 0);
    world.log.set_time_ms(5_000);
    world.click(1);
    assert_eq!(world.unapplied_bytes(), 0);
}

#[test]
fn expired_windows_leave_the_store() {
    let mut world = World::new();
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
