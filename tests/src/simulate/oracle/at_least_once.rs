//! At least once: what counts is right, and what is there twice is so for a reason.
//!
//! | of what is left must hold | |
//! |---|---|
//! | nothing is lost | every visible record is before an offset that the group accepted, with an attempt that processed it |
//! | no offset is ahead | of outputs and changelogs, everything of that attempt and of those before it had arrived (`journal`) |
//! | twice only after a fault | no record is in two attempts that their worker knows to be accepted; without faults there are no others |
//! | everything that is there is right | of an accepted attempt exactly, of any other a beginning: what the topology alone makes of its records, on the rows that its task began with |
//! | and in order | no attempt writes behind the next one of its worker |
//! | stores | hold what the last attempts left there; from nothing, what is in the changelogs |
//!
//! Knows attempts. Does not know why one failed.

use super::reference::{self, Reference, Written};
use super::{ends, stores};
use crate::simulate::disk::Disk;
use crate::simulate::journal::{Change, Did, Rows};
use crate::simulate::seam::Note;
use crate::simulate::world::{Archive, World};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use streams_runtime::state::{Mark, Restored};
use streams_runtime::task::{Due, Task, TaskId};
use streams_runtime::topology::Topology;
use streams_runtime::transport::memory::MemoryMessage;
use streams_runtime::transport::{Message, TopicPartition};

/// What an attempt should have written, and whether the group has its offsets.
#[derive(Default)]
struct Expected {
    accepted: bool,
    written: Vec<(String, u32, Written)>,
}

/// The open attempt of an incarnation.
#[derive(Default)]
struct Open {
    number: Option<u64>,
    notes: Vec<Note>,
    touched: Vec<TaskId>,
    written: Vec<(TaskId, String, u32, Written)>,
}

struct Judge<'a> {
    world: &'a World,
    topology: Topology,
    tasks: HashMap<(usize, TaskId), (Task<MemoryMessage>, Disk)>,
    open: HashMap<usize, Open>,
    visible: HashMap<TopicPartition, Archive>,
    /// By the number of the attempt; and whose it was.
    expected: BTreeMap<u64, Expected>,
    by: BTreeMap<u64, usize>,
    /// What was processed by attempts that were accepted.
    covered: BTreeMap<TopicPartition, BTreeSet<i64>>,
    confirmed: HashMap<(TopicPartition, i64), u64>,
    is_undisturbed: bool,
}

/// Judges a world that was brought to rest, as far as it could be: `complete`, or not. Each task is on the disk of one of the
/// `owners`, and was `had_by` an incarnation of it.
pub(super) fn check(
    world: &World,
    owners: &BTreeMap<TaskId, usize>,
    had_by: BTreeMap<TaskId, usize>,
    complete: bool,
) {
    let mut judge = Judge {
        world,
        topology: (world.script.application.topology)(),
        tasks: HashMap::new(),
        open: HashMap::new(),
        visible: HashMap::new(),
        expected: BTreeMap::new(),
        by: BTreeMap::new(),
        covered: BTreeMap::new(),
        confirmed: HashMap::new(),
        is_undisturbed: world.script.faults.is_empty() && !world.was_aborted(),
    };
    for (incarnation, did) in world.journal.take() {
        if let Err(why) = judge.did(incarnation, did) {
            world.violated(|| why);
            return;
        }
    }
    judge.end_open();
    judge.compare();
    if complete && world.violation().is_none() {
        judge.lost_nothing();
        let reference = judge.finish(had_by);
        ends::check(world, &reference);
        stores::check(world, &reference, owners, false);
    }
}

/// A machine that began with nothing has what is in the changelogs.
pub(super) fn check_rebuilt(world: &World, owners: &BTreeMap<TaskId, usize>) {
    let topology = (world.script.application.topology)();
    let disk = Disk::default();
    for (sub, plan) in world.plan.subs.iter().enumerate() {
        for partition in 0..plan.tasks {
            let id = TaskId { sub, partition };
            let Ok(mut task) = reference::wire(world, &topology, &disk, id, "") else { continue };
            let changes = plan.stores.iter().map(|(_, name)| {
                let records = world.log.read_committed(name, partition, 0).into_iter().flatten();
                let change = |record: MemoryMessage| Change {
                    key: record.key().unwrap_or_default().to_vec(),
                    value: record.value().map(<[u8]>::to_vec),
                    timestamp: record.timestamp(),
                };
                (name.clone(), records.map(change).collect())
            });
            if let Err(why) = replay(world, &mut task, &changes.collect::<Vec<_>>()) {
                world.violated(|| why);
            }
        }
    }
    stores::check(world, &Reference { disk, times: BTreeMap::new() }, owners, false);
}

/// Replays changes into the stores of a task.
fn replay(
    world: &World,
    task: &mut Task<MemoryMessage>,
    replayed: &[(String, Vec<Change>)],
) -> Result<(), String> {
    let plan = &world.plan.subs[task.id().sub];
    for (changelog, changes) in replayed.iter().filter(|(_, changes)| !changes.is_empty()) {
        let store = plan.stores.iter().find(|(_, name)| name == changelog).map(|(store, _)| store.hash);
        let mut remembering = task.wired().remembering.iter();
        let found = remembering.find(|r| r.store.is_some_and(|of| Some(of.hash) == store));
        let Some(found) = found else { continue };
        let records = changes.iter().map(|Change { key, value, timestamp }| Restored {
            key,
            value: value.as_deref(),
            timestamp: *timestamp,
        });
        let records: Vec<Restored<'_>> = records.collect();
        let mark = Mark { changelog_offset: 1, ..Mark::default() };
        found.state.borrow_mut().restore(&records, &mark).map_err(|error| error.to_string())?;
    }
    Ok(())
}

impl Judge<'_> {
    fn did(&mut self, who: usize, did: Did) -> Result<(), String> {
        match did {
            Did::Opened { task, rows, times } => self.opens(who, task, &rows, &times),
            Did::Resumed { task, replayed, times } => {
                let Some((known, _)) = self.tasks.get_mut(&(who, task)) else { return Ok(()) };
                known.aborted();
                replay(self.world, known, &replayed)?;
                known.resume(&[], &times, false);
                Ok(())
            }
            Did::Read { task } => {
                self.take_back(who, task);
                Ok(())
            }
            Did::Processed(note) => self.processed(who, note),
            Did::Began(number) => {
                self.by.insert(number, who);
                self.open.entry(who).or_default().number = Some(number);
                Ok(())
            }
            Did::Accepted(number, offsets) => self.accepted(who, number, &offsets),
            Did::Confirmed(number) => self.confirmed(who, number),
            Did::Failed(number) => {
                self.failed(who, number);
                Ok(())
            }
        }
    }

    fn opens(
        &mut self,
        who: usize,
        id: TaskId,
        rows: &[(&'static str, Rows)],
        times: &str,
    ) -> Result<(), String> {
        let disk = Disk::default();
        for (store, (rows, mark)) in rows {
            disk.put(id, store, rows, mark.as_ref());
        }
        let task = reference::wire(self.world, &self.topology, &disk, id, times)?;
        self.tasks.insert((who, id), (task, disk));
        Ok(())
    }

    /// What was processed of a task and not written never happened.
    fn take_back(&mut self, who: usize, id: TaskId) {
        let open = self.open.entry(who).or_default();
        let world = self.world;
        open.notes.retain(|note| world.task_of(&note.partition).is_none_or(|(task, _)| task != id));
        open.written.retain(|(task, ..)| *task != id);
        open.touched.retain(|task| *task != id);
        if let Some((task, _)) = self.tasks.get_mut(&(who, id)) {
            task.aborted();
        }
    }

    fn processed(&mut self, who: usize, note: Note) -> Result<(), String> {
        let world = self.world;
        let (id, _) = world.task_of(&note.partition).ok_or("it processes what no task reads")?;
        let place = &note.partition;
        let visible =
            self.visible.entry(place.clone()).or_insert_with(|| world.visible(&place.topic, place.partition));
        let message = visible.get(&note.offset).ok_or("it processes what is not visible")?.clone();
        let (task, _) = self.tasks.get_mut(&(who, id)).ok_or("it processes what it never opened")?;
        let open = self.open.entry(who).or_default();
        reference::feed(world, task, &note, message, &mut |topic, partition, written| {
            open.written.push((id, topic, partition, written));
        })?;
        if !open.touched.contains(&id) {
            open.touched.push(id);
        }
        open.notes.push(note);
        Ok(())
    }

    /// What the stores of the touched tasks have to write is written as well, as far as it came to that.
    fn changes(&mut self, who: usize) -> Result<(), String> {
        let open = self.open.entry(who).or_default();
        for id in &open.touched {
            if let Some((task, _)) = self.tasks.get_mut(&(who, *id)) {
                reference::changes(self.world, task, &mut |topic, partition, written| {
                    open.written.push((*id, topic, partition, written));
                })?;
            }
        }
        Ok(())
    }

    fn accepted(&mut self, who: usize, number: u64, offsets: &[(TopicPartition, i64)]) -> Result<(), String> {
        self.changes(who)?;
        let open = self.open.entry(who).or_default();
        let written =
            open.written.drain(..).map(|(_, topic, partition, written)| (topic, partition, written));
        self.expected.insert(number, Expected { accepted: true, written: written.collect() });
        for note in &open.notes {
            self.covered.entry(note.partition.clone()).or_default().insert(note.offset);
        }
        for (place, offset) in offsets {
            let none = BTreeSet::new();
            let covered = self.covered.get(place).unwrap_or(&none);
            let visible = self.world.visible(&place.topic, place.partition);
            if let Some((ahead, _)) = visible.range(..offset).find(|(at, _)| !covered.contains(at)) {
                let TopicPartition { topic, partition } = place;
                return Err(format!(
                    "attempt {number} commits offset {offset} of {topic}-{partition}, and {ahead} was never processed"
                ));
            }
        }
        Ok(())
    }

    fn confirmed(&mut self, who: usize, number: u64) -> Result<(), String> {
        let open = std::mem::take(self.open.entry(who).or_default());
        for note in &open.notes {
            let place = (note.partition.clone(), note.offset);
            if let Some(before) = self.confirmed.insert(place, number) {
                let TopicPartition { topic, partition } = &note.partition;
                return Err(format!(
                    "{topic}-{partition}@{} is committed by attempt {before}, and again by {number}",
                    note.offset
                ));
            }
        }
        for id in open.touched {
            if let Some((task, _)) = self.tasks.get_mut(&(who, id)) {
                task.committed();
            }
        }
        Ok(())
    }

    fn failed(&mut self, who: usize, number: u64) {
        if self.is_undisturbed {
            self.world.violated(|| format!("attempt {number} failed, and nothing had happened"));
        }
        if let Err(why) = self.changes(who) {
            self.world.violated(|| why);
        }
        let open = std::mem::take(self.open.entry(who).or_default());
        self.expected.entry(number).or_insert_with(|| Expected {
            accepted: false,
            written: open.written.into_iter().map(|(_, topic, at, written)| (topic, at, written)).collect(),
        });
        for ((of, _), (task, _)) in &mut self.tasks {
            if *of == who {
                task.aborted();
            }
        }
    }

    /// Attempts that nobody ended.
    fn end_open(&mut self) {
        let open: Vec<(usize, u64)> =
            self.open.iter().filter_map(|(who, open)| Some((*who, open.number?))).collect();
        open.into_iter().for_each(|(who, number)| self.failed(who, number));
    }

    /// Everything that is there.
    fn compare(&self) {
        let world = self.world;
        let written = world.script.application.written.iter().map(|topic| (*topic).to_owned());
        let internal = world.plan.internal.iter().map(|topic| topic.name.clone());
        let mut should: HashMap<(&str, u32, u64), Vec<&Written>> = HashMap::new();
        for (number, expected) in &self.expected {
            for (topic, partition, written) in &expected.written {
                should.entry((topic, *partition, *number)).or_default().push(written);
            }
        }
        for topic in written.chain(internal) {
            for partition in 0..world.log.partitions(&topic).unwrap_or_default() {
                let mut is: BTreeMap<u64, Vec<Written>> = BTreeMap::new();
                let mut last: HashMap<usize, u64> = HashMap::new();
                for record in world.visible(&topic, partition).into_values() {
                    let (number, written) = Written::of(&record);
                    let Some(by) = self.by.get(&number) else {
                        world.violated(|| format!("{topic}-{partition}: nobody's attempt {number}"));
                        return;
                    };
                    let before = last.insert(*by, number).unwrap_or_default();
                    if before > number {
                        world.violated(|| {
                            format!("{topic}-{partition}: what attempt {number} wrote stands behind attempt {before}")
                        });
                        return;
                    }
                    is.entry(number).or_default().push(written);
                }
                for number in self.by.keys() {
                    let should = should.get(&(topic.as_str(), partition, *number));
                    let should: Vec<Written> = should.into_iter().flatten().map(|w| (*w).clone()).collect();
                    let accepted = self.expected.get(number).is_some_and(|expected| expected.accepted);
                    let is = is.remove(number).unwrap_or_default();
                    if !self.fits(&topic, &should, &is, accepted) {
                        let at = should.iter().zip(&is).take_while(|(a, b)| a == b).count();
                        let say = |all: &[Written]| {
                            all.get(at).map_or_else(|| "nothing more".to_owned(), Written::spelt)
                        };
                        world.violated(|| {
                            format!(
                                "{topic}-{partition}: record {at} of attempt {number} (accepted: {accepted}) should be {}, and is {}",
                                say(&should),
                                say(&is)
                            )
                        });
                        return;
                    }
                }
            }
        }
    }

    fn fits(&self, topic: &str, should: &[Written], is: &[Written], accepted: bool) -> bool {
        let carefully = self.world.script.application.refuses.is_some() && topic.ends_with("-changelog");
        match (carefully, accepted) {
            // Each time it is looked for what is refused, the rows so far are written.
            (true, true) => {
                reference::last_of_each_key(should.to_vec()) == reference::last_of_each_key(is.to_vec())
            }
            (true, false) => true,
            (false, true) => should == is,
            (false, false) => should.starts_with(is),
        }
    }

    fn lost_nothing(&self) {
        let world = self.world;
        for (sub, source) in world.plan.subs.iter().flat_map(|sub| sub.sources.iter().map(move |s| (sub, s)))
        {
            for partition in 0..world.partitions_read(sub, source) {
                let place = TopicPartition { topic: source.name.clone(), partition };
                let covered = self.covered.get(&place);
                let lost = world.visible(&source.name, partition).into_keys();
                let mut lost = lost.filter(|offset| covered.is_none_or(|covered| !covered.contains(offset)));
                if let Some(offset) = lost.next() {
                    world.violated(|| format!("{}-{partition}: offset {offset} is lost", source.name));
                }
            }
        }
    }

    /// What the stores hold in the end, and the times.
    fn finish(mut self, had_by: BTreeMap<TaskId, usize>) -> Reference {
        let (disk, mut times) = (Disk::default(), BTreeMap::new());
        for (id, who) in had_by {
            let Some((mut task, of_task)) = self.tasks.remove(&(who, id)) else { continue };
            let first = task.offsets().first().cloned();
            times.extend(first.map(|(place, committed)| (id, (place, committed.metadata))));
            if let Err(error) = task.apply(Due::NOW, 0, 0) {
                self.world.violated(|| error.to_string());
            }
            for (store, _) in &self.world.plan.subs[id.sub].stores {
                if let Some((rows, mark)) = of_task.rows(id, store.name) {
                    disk.put(id, store.name, &rows, mark.as_ref());
                }
            }
        }
        Reference { disk, times }
    }
}
