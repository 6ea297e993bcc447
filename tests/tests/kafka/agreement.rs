//! Workers of one group with unlike maps of leading topics, past the checks of a start: as if both had started at once.
//!
//! The schedules are those of the in-process log (`members`), on real groups of both protocols.

use std::time::{Duration, Instant};

use streams_runtime::prelude::*;
use streams_runtime::state::OverlayLimit;
use streams_runtime::task::TaskId;
use streams_runtime::topology::Plan;
use streams_runtime::transport::kafka::{ClientSettings, KafkaClients, KafkaConsumer, KafkaProducer};
use streams_runtime::transport::{Consumer as _, Isolation, TransportError};
use streams_runtime::wiring::{Engines, in_memory};
use streams_runtime::worker::{Connect, Worker, WorkerError, member_id};
use streams_runtime::{Headers, Topology};
use streams_tests::broker::Broker;
use streams_tests::broker::tools::{Isolation as Seen, Message, Producer, create_topic, read, unique};

#[topic(name = "agreement-left", partitions = 2, key = String, value = String)]
struct Left;
#[topic(name = "agreement-right", partitions = 2, key = String, value = String)]
struct Right;
#[topic(name = "agreement-both", partitions = 2, key = String, value = String)]
struct Both;

#[processor(from = Left, peek, to = Both)]
fn of_left(_value: &str, _headers: &Headers) {}

#[processor(from = Right, peek, to = Both)]
fn of_right(_value: &str, _headers: &Headers) {}

#[processor(from = [Left, Right], peek, to = Both)]
fn of_both(_value: &str, _headers: &Headers) {}

topology!(Apart = [of_left, of_right]);
topology!(Together = [of_both]);

const PATIENCE: Duration = Duration::from_secs(60);

struct Instance {
    clients: KafkaClients,
    group: String,
    name: String,
}

impl Connect for Instance {
    type Consumer = KafkaConsumer;
    type Producer = KafkaProducer;

    fn consumer(&self, leaders: u64) -> Result<KafkaConsumer, TransportError> {
        let client_id = member_id(&self.name, leaders);
        self.clients.consumer(&self.group, &client_id, None, Isolation::ReadCommitted)
    }

    fn is_own(&self, name: &str) -> bool {
        name == self.name
    }

    fn restore_consumer(&self) -> Result<KafkaConsumer, TransportError> {
        self.clients.restore_consumer(&format!("{}-restore", self.group), &self.name)
    }

    fn producer(&self) -> Result<KafkaProducer, TransportError> {
        self.clients.producer(Some(&self.name))
    }

    fn engines(&self, _: TaskId) -> Engines {
        in_memory()
    }

    fn overlay(&self) -> OverlayLimit {
        OverlayLimit::UNBOUNDED
    }

    fn now_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        since.as_millis() as i64
    }
}

struct World {
    clients: KafkaClients,
    bootstrap: String,
    group: String,
    written: usize,
}

impl World {
    fn new(broker: &Broker, protocol: &str) -> Self {
        let consumer = match protocol {
            "classic" => Vec::new(),
            _ => vec![("group.protocol".to_owned(), protocol.to_owned())],
        };
        let brokers = broker.bootstrap();
        let clients = KafkaClients::new(ClientSettings { brokers, consumer, ..ClientSettings::default() });
        World { clients, bootstrap: broker.bootstrap(), group: unique("agreement"), written: 0 }
    }

    fn plan(&self, topology: &Topology) -> Plan {
        Plan::of(topology, &self.group, |_, declared| declared).expect("a plan")
    }

    /// Both versions, the one with the smaller hash first.
    fn versions(&self) -> [Topology; 2] {
        let mut versions = [Apart::graph(), Together::graph()];
        versions.sort_by_key(|version| self.plan(version).leaders_hash());
        versions
    }

    fn start(&self, name: &str, topology: &Topology) -> Worker<Instance> {
        let (clients, group) = (self.clients.clone(), self.group.clone());
        let instance = Instance { clients, group, name: format!("{}-{name}", self.group) };
        Worker::start(instance, topology.clone(), self.plan(topology)).expect("a worker")
    }

    fn write(&mut self) {
        let producer = Producer::new(&self.bootstrap);
        for topic in ["agreement-left", "agreement-right"] {
            for partition in 0..2 {
                // Behind what other tests wrote, and told apart from it.
                let value = format!("{} {}", self.group, self.written);
                producer.write([Message::to(topic).partition(partition).key("k").value(value)]);
                self.written += 1;
            }
        }
    }

    /// How many of its records came out, and how many different ones.
    fn came_out(&self) -> (usize, usize) {
        let records = read(&self.bootstrap, "agreement-both", Seen::Committed);
        let mine = format!("{} ", self.group);
        let mut values: Vec<String> = records
            .iter()
            .map(|record| record.value_text())
            .filter(|value| value.starts_with(&mine))
            .collect();
        let all = values.len();
        values.sort();
        values.dedup();
        (all, values.len())
    }
}

fn turn(worker: &mut Worker<Instance>) -> Result<(), WorkerError> {
    worker.step(1000)?;
    worker.commit()?;
    worker.rest(5);
    Ok(())
}

fn has_nothing(worker: &Worker<Instance>) -> bool {
    worker.tasks().is_empty() && worker.opening().is_empty()
}

/// Turns all of them until this holds; the last one may have to give way, which is returned.
#[track_caller]
fn until(
    what: &str,
    workers: &mut [&mut Worker<Instance>],
    mut holds: impl FnMut(&[&mut Worker<Instance>]) -> bool,
) -> Option<WorkerError> {
    let start = Instant::now();
    let mut gave_way = None;
    loop {
        let last = workers.len() - 1;
        for (at, worker) in workers.iter_mut().enumerate() {
            match turn(worker) {
                Ok(()) => {}
                Err(error @ WorkerError::Strangers { .. }) if at == last => {
                    gave_way = gave_way.or(Some(error))
                }
                Err(error) => panic!("{error}"),
            }
        }
        if gave_way.is_some() || holds(workers) {
            return gave_way;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
    }
}

fn topics(broker: &Broker) {
    ["left", "right", "both"]
        .iter()
        .for_each(|topic| create_topic(&broker.bootstrap(), &format!("agreement-{topic}"), 2, &[]));
}

fn agrees(protocol: &str) {
    let broker = Broker::start();
    topics(&broker);
    for (old, new) in [(0, 1), (1, 0)] {
        let mut world = World::new(&broker, protocol);
        let versions = world.versions();
        let mut first = world.start("first", &versions[old]);
        world.write();
        until("the first records", &mut [&mut first], |_| world.came_out().0 >= world.written);
        let mut second = world.start("second", &versions[new]);
        let gave_way = until("a refusal", &mut [&mut first, &mut second], |workers| {
            assert!(has_nothing(workers[1]), "it opens nothing");
            false
        });
        let said = gave_way.expect("it gives way").to_string();
        assert!(said.contains(&format!("member `{}-first;leaders=", world.group)), "{said}");
        second.leave().expect("it leaves");
        world.write();
        until("the rest", &mut [&mut first], |_| world.came_out().0 >= world.written);
        assert_eq!(world.came_out(), (world.written, world.written), "{protocol}, {old} before {new}");
        first.leave().expect("it leaves");
    }

    // One with a larger hash that is as new gives way, and is waited for.
    let mut world = World::new(&broker, protocol);
    let versions = world.versions();
    let larger = world.plan(&versions[1]).leaders_hash();
    let client_id = member_id("other", larger);
    let mut other =
        world.clients.consumer(&world.group, &client_id, None, Isolation::ReadCommitted).expect("one");
    other.subscribe(&["agreement-both".to_owned()]).expect("a subscription");
    let start = Instant::now();
    while other.group_metadata().is_none() {
        other.poll(&mut Vec::new(), 1).expect("a poll");
        assert!(start.elapsed() < PATIENCE, "it joins");
    }
    let mut smaller = world.start("smaller", &versions[0]);
    world.write();
    let mut waited = None;
    let gave_way = until("its turn", &mut [&mut smaller], |workers| {
        other.poll(&mut Vec::new(), 1).expect("a poll");
        if waited.is_none() && workers[0].is_waiting() && has_nothing(workers[0]) {
            waited = Some(Instant::now());
        }
        waited.is_some_and(|since: Instant| since.elapsed() > Duration::from_secs(3))
    });
    assert!(gave_way.is_none() && has_nothing(&smaller), "{gave_way:?}");
    other.leave().expect("it leaves");
    let gave_way = until("the records", &mut [&mut smaller], |_| world.came_out().0 >= world.written);
    assert!(gave_way.is_none(), "{gave_way:?}");
    assert_eq!(world.came_out(), (world.written, world.written));
}

#[test]
fn workers_that_disagree_give_way_under_the_classic_protocol() {
    agrees("classic");
}

#[test]
fn workers_that_disagree_give_way_under_the_consumer_protocol() {
    agrees("consumer");
}
