//! Members of one group that do not agree on which topic leads which: no partition is ever read by two tasks.
//!
//! Knows two versions of an application on one log. The first reads each of two topics by itself, the second reads them
//! together, so that one of them follows the other. Knows nothing of how members are compared.

use streams_runtime::instance::InProcess;
use streams_runtime::prelude::*;
use streams_runtime::topology::Plan;
use streams_runtime::transport::memory::{MemoryConsumer, MemoryLog};
use streams_runtime::transport::{Consumer as _, Isolation};
use streams_runtime::worker::{Worker, WorkerError, member_id};
use streams_runtime::{Headers, Topology};

#[topic(name = "left", partitions = 2, key = String, value = String)]
struct Left;
#[topic(name = "right", partitions = 2, key = String, value = String)]
struct Right;
#[topic(name = "both", partitions = 2, key = String, value = String)]
struct Both;

#[processor(from = Left, map_values, to = Both)]
fn of_left(value: &str) -> String {
    value.to_owned()
}

#[processor(from = Right, map_values, to = Both)]
fn of_right(value: &str) -> String {
    value.to_owned()
}

#[processor(from = [Left, Right], map_values, to = Both)]
fn of_both(value: &str) -> String {
    value.to_owned()
}

topology!(Apart = [of_left, of_right]);
topology!(Together = [of_both]);

/// Long enough for whoever waits for others to give way.
const LONG_MS: i64 = 11_000;

fn leaders(topology: &Topology) -> u64 {
    Plan::of(topology, "app", |_, declared| declared).unwrap().leaders_hash()
}

/// Both versions, the one with the smaller hash first.
fn versions() -> [Topology; 2] {
    let mut versions = [Apart::graph(), Together::graph()];
    versions.sort_by_key(leaders);
    assert!(leaders(&versions[0]) < leaders(&versions[1]));
    versions
}

struct World {
    log: MemoryLog,
    written: usize,
}

impl World {
    fn new() -> Self {
        let log = MemoryLog::new();
        ["left", "right", "both"].iter().for_each(|topic| log.create_topic(topic, 2).unwrap());
        World { log, written: 0 }
    }

    fn start(&self, instance: &str, topology: &Topology) -> Worker<InProcess> {
        InProcess::new(&self.log, "app", instance).start(topology.clone()).unwrap()
    }

    /// A member of the other version that does nothing.
    fn join(&self, instance: &str, leaders: u64) -> MemoryConsumer {
        let client_id = member_id(&format!("app-{instance}"), leaders);
        let mut member = self.log.consumer("app", &client_id, Isolation::ReadCommitted);
        member.subscribe(&["both".to_owned()]).unwrap();
        member.poll(&mut Vec::new(), 1).unwrap();
        member
    }

    fn pass(&self, ms: i64) {
        self.log.set_time_ms(self.log.time_ms() + ms);
    }

    fn write(&mut self) {
        for topic in ["left", "right"] {
            for partition in 0..2 {
                let value = self.written.to_string();
                self.log
                    .append(topic, partition, Some(b"k"), Some(value.as_bytes()), 0, &Headers::new())
                    .unwrap();
                self.written += 1;
            }
        }
    }

    /// How often each record that was written came out.
    fn came_out(&self) -> Vec<usize> {
        let mut counts = vec![0; self.written];
        for record in (0..2).flat_map(|partition| self.log.read_committed("both", partition, 0).unwrap()) {
            use streams_runtime::transport::Message as _;
            let value = String::from_utf8(record.value().unwrap().to_vec()).unwrap();
            counts[value.parse::<usize>().unwrap()] += 1;
        }
        counts
    }
}

fn run(worker: &mut Worker<InProcess>) -> Result<(), WorkerError> {
    for _ in 0..20 {
        worker.step(100)?;
        worker.commit()?;
    }
    Ok(())
}

fn has_nothing(worker: &Worker<InProcess>) -> bool {
    worker.tasks().is_empty() && worker.opening().is_empty()
}

#[test]
fn who_comes_later_gives_way_and_opens_nothing() {
    for (old, new) in [(0, 1), (1, 0)] {
        let (mut world, versions) = (World::new(), versions());
        let mut first = world.start("first", &versions[old]);
        world.write();
        run(&mut first).unwrap();
        let mut second = world.start("second", &versions[new]);
        let mut refused = None;
        for _ in 0..4 {
            world.write();
            run(&mut first).unwrap();
            let step = run(&mut second);
            assert!(has_nothing(&second), "{old} before {new}");
            refused = refused.or(step.err());
            world.pass(LONG_MS / 2);
        }
        let said = refused.unwrap().to_string();
        let known = format!("member `app-first;leaders={:x}` at `this process`", leaders(&versions[old]));
        assert!(said.contains("application `app`") && said.contains(&known), "{said}");
        assert!(said.contains("stop all instances of the old topology"), "{said}");
        second.leave().unwrap();
        world.write();
        run(&mut first).unwrap();
        assert_eq!(world.came_out(), vec![1; world.written]);
    }
}

#[test]
fn of_two_that_are_new_the_one_with_the_smaller_hash_waits_for_the_other() {
    let (mut world, versions) = (World::new(), versions());
    let mut other = world.join("other", leaders(&versions[1]));
    let mut smaller = world.start("smaller", &versions[0]);
    world.write();
    run(&mut smaller).unwrap();
    assert!(has_nothing(&smaller) && smaller.is_waiting());
    other.leave().unwrap();
    run(&mut smaller).unwrap();
    assert!(has_nothing(&smaller), "it asks five times a second");
    world.pass(200);
    run(&mut smaller).unwrap();
    assert_eq!(world.came_out(), vec![1; world.written]);

    let world = World::new();
    let _other = world.join("other", leaders(&versions[0]));
    let mut larger = world.start("larger", &versions[1]);
    assert!(matches!(run(&mut larger), Err(WorkerError::Strangers { .. })));
}

#[test]
fn who_lost_everything_is_new() {
    let (mut world, versions) = (World::new(), versions());
    let mut worker = world.start("one", &versions[0]);
    run(&mut worker).unwrap();
    assert!(!has_nothing(&worker));
    assert!(world.log.expel("app", "app-one-1"));
    let _other = world.join("other", leaders(&versions[1]));
    world.write();
    run(&mut worker).unwrap();
    assert!(has_nothing(&worker) && worker.is_waiting());
    world.pass(LONG_MS);
    assert!(matches!(run(&mut worker), Err(WorkerError::Strangers { .. })));
    assert_eq!(world.came_out(), vec![0; world.written]);
}

#[test]
fn what_is_left_of_an_earlier_run_with_another_topology_does_not_hold_up() {
    let (mut world, versions) = (World::new(), versions());
    for version in [0, 1] {
        let mut worker = world.start("one", &versions[version]);
        world.write();
        run(&mut worker).unwrap();
        // It crashes, and is a member for a while yet.
        drop(worker);
        let mut next = world.start("one", &versions[1 - version]);
        run(&mut next).unwrap();
        world.pass(60_000);
        run(&mut next).unwrap();
        world.write();
        run(&mut next).unwrap();
        next.leave().unwrap();
    }
    assert_eq!(world.came_out(), vec![1; world.written]);
}

#[test]
fn a_client_that_is_no_instance_is_told_apart_from_nobody() {
    let (world, versions) = (World::new(), versions());
    let mut reader = world.log.consumer("app", "console-consumer", Isolation::ReadCommitted);
    reader.subscribe(&["both".to_owned()]).unwrap();
    reader.poll(&mut Vec::new(), 1).unwrap();
    for version in versions {
        let refused = run(&mut world.start("one", &version)).unwrap_err().to_string();
        assert!(refused.contains("member `console-consumer`"), "{refused}");
    }
}
