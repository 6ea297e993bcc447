//! The topology alone, run over the committed order: what should be visible, and what stores should hold.
//!
//! The same operators and stores as in production, without anything around them: one record after the other, no
//! transactions that fail, no log, no worker. After each transaction that happened the changes of its tasks are taken out as
//! their changelogs should have them.
//!
//! Knows topologies and orders. Does not know faults.

use super::Happened;
use crate::simulate::disk::Disk;
use crate::simulate::machine::TRANSACTION;
use crate::simulate::seam::Note;
use crate::simulate::trace::spelt;
use crate::simulate::world::{Archive, World};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use streams_runtime::partition_of;
use streams_runtime::record::{Header, Headers};
use streams_runtime::state::OverlayLimit;
use streams_runtime::task::{Due, Task, TaskId};
use streams_runtime::times::Times;
use streams_runtime::topology::{PlannedTopic, Topology};
use streams_runtime::transport::memory::MemoryMessage;
use streams_runtime::transport::{Message, TopicPartition};
use streams_runtime::wiring::Wiring;

/// A record as it should be, or is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: i64,
    headers: Vec<Header>,
}

impl Written {
    /// A record that is there, and under which number it was written.
    pub(super) fn of(record: &MemoryMessage) -> (u64, Written) {
        let headers = record.headers();
        let own = headers.len().saturating_sub(1);
        let written = Written {
            key: record.key().map(<[u8]>::to_vec),
            value: record.value().map(<[u8]>::to_vec),
            timestamp: record.timestamp(),
            headers: headers.iter().take(own).cloned().collect(),
        };
        (number_of(&headers), written)
    }

    pub(super) fn spelt(&self) -> String {
        let (key, value) = (spelt(self.key.as_deref()), spelt(self.value.as_deref()));
        format!("{key} = {value} at {}", self.timestamp)
    }
}

/// Topic, partition, number of the transaction.
type Place = (String, u32, u64);

/// What the topology alone has made of the committed order.
pub(super) struct Reference {
    /// What the stores hold.
    pub(super) disk: Disk,
    /// The times of each task, as they stand beside its offsets, and the first of its inputs.
    pub(super) times: BTreeMap<TaskId, (TopicPartition, String)>,
}

struct Run<'a> {
    world: &'a World,
    topology: Topology,
    disk: Disk,
    tasks: BTreeMap<TaskId, Task<MemoryMessage>>,
    visible: HashMap<TopicPartition, Archive>,
    expected: HashMap<Place, Vec<Written>>,
}

/// Runs it and compares all topics that are written to. `None` if something is wrong.
pub(super) fn check(world: &World, happened: &[Happened]) -> Option<Reference> {
    let topology = (world.script.application.topology)();
    let mut run = Run {
        world,
        topology,
        disk: Disk::default(),
        tasks: BTreeMap::new(),
        visible: HashMap::new(),
        expected: HashMap::new(),
    };
    for transaction in happened {
        if let Err(why) = run.transaction(transaction) {
            world.violated(|| format!("transaction {}: {why}", transaction.number));
            return None;
        }
    }
    let numbers: BTreeSet<u64> = happened.iter().map(|transaction| transaction.number).collect();
    run.compare(&numbers).then(|| run.finish())
}

impl Run<'_> {
    fn transaction(&mut self, transaction: &Happened) -> Result<(), String> {
        let mut touched = Vec::new();
        for note in &transaction.notes {
            let (id, _) = self.world.task_of(&note.partition).ok_or("it processes what no task reads")?;
            if !touched.contains(&id) {
                touched.push(id);
            }
            self.record(id, note, transaction.number)?;
        }
        for id in touched {
            self.changes(id, transaction.number)?;
        }
        Ok(())
    }

    /// One record goes through its task.
    fn record(&mut self, id: TaskId, note: &Note, number: u64) -> Result<(), String> {
        let world = self.world;
        let place = &note.partition;
        let visible =
            self.visible.entry(place.clone()).or_insert_with(|| world.visible(&place.topic, place.partition));
        let message = visible.get(&note.offset).ok_or("it processes what is not visible")?.clone();
        if !self.tasks.contains_key(&id) {
            let task = wire(world, &self.topology, &self.disk, id, "")?;
            self.tasks.insert(id, task);
        }
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(()) };
        let expected = &mut self.expected;
        feed(world, task, note, message, &mut |topic, partition, written| {
            expected.entry((topic, partition, number)).or_default().push(written);
        })
    }

    /// What a transaction changed in the stores of a task.
    fn changes(&mut self, id: TaskId, number: u64) -> Result<(), String> {
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(()) };
        let expected = &mut self.expected;
        changes(self.world, task, &mut |topic, partition, written| {
            expected.entry((topic, partition, number)).or_default().push(written);
        })?;
        task.committed();
        Ok(())
    }

    /// Whether exactly that is visible.
    fn compare(&self, numbers: &BTreeSet<u64>) -> bool {
        let world = self.world;
        let mut actual: HashMap<Place, Vec<Written>> = HashMap::new();
        let written = world.script.application.written.iter().map(|topic| (*topic).to_owned());
        let internal = world.plan.internal.iter().map(|topic| topic.name.clone());
        for topic in written.chain(internal) {
            for partition in 0..world.log.partitions(&topic).unwrap_or_default() {
                for record in world.visible(&topic, partition).into_values() {
                    let (number, written) = Written::of(&record);
                    actual.entry((topic.clone(), partition, number)).or_default().push(written);
                }
            }
        }
        let places: BTreeSet<&Place> = self.expected.keys().chain(actual.keys()).collect();
        for place in places {
            let (topic, partition, number) = place;
            // A record that is refused is looked for one record at a time, and each time what changed goes to the changelog.
            let carefully = world.script.application.refuses.is_some() && topic.ends_with("-changelog");
            let of = |all: &HashMap<Place, Vec<Written>>| match all.get(place).cloned().unwrap_or_default() {
                all if carefully => last_of_each_key(all),
                all => all,
            };
            let (expected, actual) = (&of(&self.expected), &of(&actual));
            if expected == actual {
                continue;
            }
            let at = expected.iter().zip(actual).take_while(|(a, b)| a == b).count();
            let say = |all: &[Written]| all.get(at).map_or_else(|| "nothing more".to_owned(), Written::spelt);
            let (should, is) = (say(expected), say(actual));
            let note = if numbers.contains(number) { "" } else { ", which never happened" };
            world.violated(|| {
                format!("{topic}-{partition}: record {at} of transaction {number}{note} should be {should}, and is {is}")
            });
            return false;
        }
        true
    }

    fn finish(self) -> Reference {
        let mut times = BTreeMap::new();
        for (id, mut task) in self.tasks {
            let first = task.offsets().first().cloned();
            times.extend(first.map(|(place, committed)| (id, (place, committed.metadata))));
            if let Err(error) = task.apply(Due::NOW, 0, 0) {
                self.world.violated(|| error.to_string());
            }
        }
        Reference { disk: self.disk, times }
    }
}

/// Takes what a task should write: topic, partition, record.
type Put<'a> = dyn FnMut(String, u32, Written) + 'a;

/// A task of the topology alone, on this disk.
pub(super) fn wire(
    world: &World,
    topology: &Topology,
    disk: &Disk,
    id: TaskId,
    times: &str,
) -> Result<Task<MemoryMessage>, String> {
    let (plan, times) = (&world.plan, Times::from_metadata(times));
    let mut wiring = Wiring::new(&plan.names, OverlayLimit::UNBOUNDED, times, disk.engines(id));
    for &step in &plan.subs[id.sub].steps {
        (topology.entries()[step].wire)(&mut wiring);
    }
    let wired = wiring.finish().map_err(|error| error.to_string())?;
    let sub = &plan.subs[id.sub];
    let has = |source: &&PlannedTopic| id.partition < world.partitions_read(sub, source);
    let sources = sub.sources.iter().filter(has);
    let positions: Vec<_> = sources
        .map(|source| (TopicPartition { topic: source.name.clone(), partition: id.partition }, 0))
        .collect();
    let mut task = Task::new(id, wired, &positions);
    (0..positions.len()).for_each(|input| task.ended(input, 0));
    Ok(task)
}

/// One record goes through its task.
pub(super) fn feed(
    world: &World,
    task: &mut Task<MemoryMessage>,
    note: &Note,
    message: MemoryMessage,
    put: &mut Put<'_>,
) -> Result<(), String> {
    let (id, place) = (task.id(), &note.partition);
    let input = task.positions().position(|(input, _)| input == *place).ok_or("a task without that input")?;
    (0..task.positions().count()).for_each(|input| task.ended(input, 0));
    task.buffer(input, message);
    task.ended(input, note.offset + 1);
    match task.process(1).map(|processed| processed.records) {
        Ok(1) => {}
        Ok(_) => {
            return Err(format!("{}-{}@{} is not processed", place.topic, place.partition, note.offset));
        }
        Err(failure) => return Err(failure.to_string()),
    }
    let outbox = task.outbox().clone();
    outbox.borrow_mut().drain(|target, record| {
        let partitions = world.log.partitions(&target.name).map_err(|error| error.to_string())?;
        let partition = match record.key {
            Some(key) => partition_of(key, partitions),
            None => id.partition % partitions,
        };
        let size = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        let refuses = world.script.application.refuses;
        if refuses.is_some_and(|(topic, limit)| target.name == topic && size > limit) {
            return Ok(());
        }
        let written = Written {
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            timestamp: record.timestamp,
            headers: record.headers.iter().cloned().collect(),
        };
        put(target.name.clone(), partition, written);
        Ok(())
    })
}

/// What changed in the stores of a task since the last time.
pub(super) fn changes(world: &World, task: &Task<MemoryMessage>, put: &mut Put<'_>) -> Result<(), String> {
    let id = task.id();
    let (stores, remembering) = (&world.plan.subs[id.sub].stores, &task.wired().remembering);
    let changelog = |store: usize| {
        let spec = remembering[store].store?;
        stores.iter().find(|(other, _)| other.hash == spec.hash).map(|(_, name)| name.clone())
    };
    let prepared = task.prepare(&mut |store, key, value, timestamp| {
        let (key, value) = (Some(key.to_vec()), value.map(<[u8]>::to_vec));
        let written = Written { key, value, timestamp, headers: Vec::new() };
        put(changelog(store).unwrap_or_default(), id.partition, written);
        Ok(())
    });
    prepared.map_err(|error| error.to_string())
}

pub(super) fn last_of_each_key(all: Vec<Written>) -> Vec<Written> {
    let last: BTreeMap<_, _> = all.into_iter().map(|written| (written.key.clone(), written)).collect();
    last.into_values().collect()
}

fn number_of(headers: &Headers) -> u64 {
    headers.last(TRANSACTION).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}
