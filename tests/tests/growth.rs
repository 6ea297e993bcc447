//! Topics that get more partitions while they are read: the group gives the new ones to its members.
//!
//! Knows workers on the in-process log. Who counts partitions that no group gives is tested where it stands (`run`).

use streams_runtime::Headers;
use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::task::TaskId;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::{Worker, WorkerError};

#[topic(name = "in", key = String, value = String)]
struct In;
#[topic(name = "out", partitions = 1, key = String, value = String)]
struct Out;

#[processor(from = In, map_values, to = Out)]
fn passed(value: &str) -> String {
    value.to_owned()
}

#[ktable(store = "counts", from = In, count)]
struct Counts;

topology!(Stateless = [passed]);
topology!(Stateful = [passed, Counts]);

struct World {
    log: MemoryLog,
    written: usize,
}

impl World {
    fn new() -> Self {
        let log = MemoryLog::new();
        log.create_topic("in", 2).unwrap();
        log.create_topic("out", 1).unwrap();
        World { log, written: 0 }
    }

    fn write(&mut self, partitions: std::ops::Range<u32>) {
        for partition in partitions {
            let value = self.written.to_string();
            self.log.append("in", partition, Some(b"k"), Some(value.as_bytes()), 0, &Headers::new()).unwrap();
            self.written += 1;
        }
    }

    fn came_out(&self) -> usize {
        self.log.read_committed("out", 0, 0).unwrap().count()
    }
}

fn run(worker: &mut Worker<InProcess>) -> Result<(), WorkerError> {
    for _ in 0..20 {
        worker.step(100)?;
        worker.commit()?;
    }
    Ok(())
}

#[test]
fn new_partitions_are_read_where_nothing_is_kept() {
    let mut world = World::new();
    let mut one = InProcess::new(&world.log, "app", "one").start(Stateless::graph()).unwrap();
    world.write(0..2);
    run(&mut one).unwrap();
    world.log.grow_topic("in", 5).unwrap();
    world.write(0..5);
    run(&mut one).unwrap();
    assert_eq!((one.tasks().len(), world.came_out()), (5, world.written));

    // They move as others do, also to an instance that started before they were there.
    let mut two = InProcess::new(&world.log, "app", "two").start(Stateless::graph()).unwrap();
    world.log.grow_topic("in", 6).unwrap();
    world.write(0..6);
    for _ in 0..4 {
        run(&mut one).unwrap();
        run(&mut two).unwrap();
    }
    assert_eq!((one.tasks().len(), two.tasks().len(), world.came_out()), (3, 3, world.written));
    world.write(0..6);
    one.close().unwrap();
    run(&mut two).unwrap();
    assert_eq!((two.tasks().len(), world.came_out()), (6, world.written));
}

#[test]
fn where_something_is_kept_they_are_not_read_and_that_is_said() {
    let mut world = World::new();
    let mut worker = InProcess::new(&world.log, "app", "one").start(Stateful::graph()).unwrap();
    world.write(0..2);
    run(&mut worker).unwrap();
    world.log.grow_topic("in", 4).unwrap();
    let error = run(&mut worker).unwrap_err();
    let WorkerError::Grown(growth) = &error else { panic!("{error}") };
    assert_eq!((growth.topic.as_str(), growth.had, growth.has), ("in", 2, 4));
    let said = error.to_string();
    for words in
        ["topic `in` has grown from 2 to 4 partitions", "the rows of `counts`", "`app-counts-changelog`"]
    {
        assert!(said.contains(words), "{said}");
    }
    // What was there goes on until somebody ends it.
    world.write(0..4);
    run(&mut worker).unwrap();
    assert_eq!(world.came_out(), world.written - 2);
    let aside = [2, 3].map(|partition| TaskId { sub: 0, partition });
    assert_eq!(worker.set_aside(), aside);
    for partition in [2, 3] {
        assert_eq!(world.log.committed("app", "in", partition).unwrap(), None);
    }
    worker.close().unwrap();
}
