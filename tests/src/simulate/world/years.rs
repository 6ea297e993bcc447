//! What happens to what is kept outside of the application while it runs, or while nobody does: offsets that expire, topics
//! that are made anew under their names.
//!
//! Knows topics and clocks. Does not know what a worker makes of it.

use super::{APPLICATION, Act, DELETE_RETENTION_MS, OFFSETS_RETENTION_MS, World};
use crate::random::Random;
use crate::simulate::disk::Fate;
use crate::simulate::observed::on_behalf;
use crate::simulate::seam::Seam;
use std::collections::BTreeMap;
use streams_runtime::record::Headers;
use streams_runtime::task::TaskId;
use streams_runtime::topology::{PlannedTopic, SubPlan};
use streams_runtime::transport::memory::{MemoryMessage, TopicSettings};
use streams_runtime::transport::{Message, TopicPartition};

/// As often as production commits idle offsets while they are kept, and as often as that may fail.
const RENEWALS: i64 = 4;

/// What became of topics.
#[derive(Default)]
pub(super) struct Anew {
    /// The input that is another one now.
    input: Option<String>,
    /// Of each partition of a changelog that is another one: how often, and how many records of the last one it began with.
    changelogs: BTreeMap<(String, u32), (i64, i64)>,
}

/// Offsets of a topic that was made anew follow far behind those of the one before it.
const APART: i64 = 1_000_000;

impl Anew {
    /// Where a record of the present topic stands among all that were ever there; none for a copy of one that was.
    pub(super) fn place(&self, topic: &str, partition: u32, offset: i64) -> Option<i64> {
        match self.changelogs.get(&(topic.to_owned(), partition)) {
            None => Some(offset),
            Some((life, copies)) => (offset >= *copies).then_some(life * APART + offset),
        }
    }

    pub(super) fn is_another_input(&self, topic: &str) -> bool {
        self.input.as_deref() == Some(topic)
    }
}

impl World {
    /// Weeks pass. Production renews idle offsets meanwhile.
    pub(super) fn weeks_pass(&self) {
        self.settle();
        self.instances.iter().filter(|machine| machine.away_until.get().is_none()).for_each(|machine| {
            machine.paused_until.set(0);
        });
        self.replace_failed();
        let tasks: usize = self.plan.subs.iter().map(|sub| sub.tasks as usize).sum();
        for _ in 0..2 * RENEWALS {
            for round in 0..8 {
                for slot in 0..self.slots.len() {
                    self.act(slot, Act::Step(usize::MAX));
                    if round % 2 == 1 {
                        self.act(slot, Act::Renew);
                    }
                    self.act(slot, Act::Commit);
                }
                self.log.set_time_ms(self.log.time_ms() + 250);
            }
            // What a member that sleeps, has failed or has crashed had is committed by nobody.
            if self.owners().len() < tasks || self.is_anybody_away() || self.has_failed() {
                return;
            }
            self.log.set_time_ms(self.log.time_ms() + OFFSETS_RETENTION_MS / RENEWALS);
        }
    }

    /// Nobody runs for longer than offsets are kept.
    pub(super) fn nobody_runs_for_weeks(&self, random: &mut Random) {
        self.all_down(random);
        self.settle();
        if !self.can_tell(|task| !self.has_not_begun(task)) {
            return;
        }
        self.log.set_time_ms(self.log.time_ms() + OFFSETS_RETENTION_MS + 3_600_000);
        self.log.set_time_ms(self.log.time_ms() + 1);
        self.forgotten.set(true);
    }

    /// An input is made anew under those who read it, or under nobody.
    pub(super) fn make_input_anew(&self, random: &mut Random) {
        self.settle();
        let fed = random.pick(self.script.application.fed);
        if self.anew.borrow().input.is_some() || self.is_outgrown() || !self.would_notice(fed.topic) {
            return;
        }
        if random.once_in(2) {
            self.all_down(random);
        }
        let partitions = self.log.partitions(fed.topic).unwrap_or_default();
        (0..partitions).for_each(|partition| self.keep(fed.topic, partition));
        let _ = self.log.delete_topic(fed.topic);
        let _ = self.log.create_topic(fed.topic, partitions);
        self.trace.say(|| format!("{} is another topic from now on", fed.topic));
        self.anew.borrow_mut().input = Some(fed.topic.to_owned());
        // The same offsets are there again.
        for partition in 0..partitions {
            for n in 0..8 {
                let (key, value) = (format!("{partition}-{}", n % 3), 1_000_i64.to_be_bytes());
                let (key, value) = (Some(key.as_bytes()), Some(&value[..]));
                let _ = self.log.append(fed.topic, partition, key, value, n, &Headers::new());
            }
        }
        self.forgotten.set(true);
    }

    /// While nobody runs changelogs are made anew, with what was in them.
    pub(super) fn make_changelogs_anew(&self, random: &mut Random) {
        self.all_down(random);
        self.settle();
        for (topic, partitions) in self.changelogs() {
            let records: Vec<Vec<MemoryMessage>> = (0..partitions)
                .map(|partition| {
                    self.keep(&topic, partition);
                    self.log.read_committed(&topic, partition, 0).into_iter().flatten().collect()
                })
                .collect();
            let mut settings = TopicSettings::new(partitions);
            settings.delete_retention_ms = Some(DELETE_RETENTION_MS);
            let made =
                self.log.delete_topic(&topic).and_then(|()| self.log.create_topic_with(&topic, settings));
            if made.is_err() {
                continue;
            }
            for (partition, records) in (0..).zip(records) {
                let mut last: BTreeMap<Vec<u8>, &MemoryMessage> = BTreeMap::new();
                for record in &records {
                    last.insert(record.key().unwrap_or_default().to_vec(), record);
                }
                let rows = last.values().filter(|record| record.value().is_some());
                let mut copies = 0;
                for record in rows {
                    let (key, value, headers) = (record.key(), record.value(), record.headers());
                    let _ = self.log.append(&topic, partition, key, value, record.timestamp(), &headers);
                    copies += 1;
                }
                let mut anew = self.anew.borrow_mut();
                let of = anew.changelogs.entry((topic.clone(), partition)).or_default();
                *of = (of.0 + 1, copies);
            }
        }
    }

    /// What is on its way arrives, what is decided is seen.
    fn settle(&self) {
        self.held_until.set(0);
        self.log.hold_markers(false);
        self.log.deliver_late();
        self.finish_feeding(&mut Random::of(self.script.seed, 7));
    }

    /// Everybody ends, in some way; nobody sleeps or is away.
    fn all_down(&self, random: &mut Random) {
        for (instance, machine) in self.instances.iter().enumerate() {
            machine.paused_until.set(0);
            machine.away_until.set(None);
            if random.once_in(2) {
                self.stop(instance, true);
            }
            self.slots_of(instance).for_each(|slot| self.expel(slot));
            self.power_off(instance, Fate::Kept);
        }
        self.end_doubled();
        self.bury();
        // Whoever died has left a membership, and perhaps a transaction.
        self.log.set_time_ms(self.log.time_ms() + 60_000);
    }

    /// Those whose identity somebody else has are gone.
    pub(super) fn end_doubled(&self) {
        for slot in self.doubled.take() {
            if let Some(seam) = slot.seam.take() {
                self.expel_worker(&seam);
                seam.die();
                let worker = slot.worker.take();
                on_behalf(&seam, || drop(worker));
            }
        }
    }

    /// True if of every one of these tasks it can be known that it has begun.
    fn can_tell(&self, of: impl Fn(TaskId) -> bool) -> bool {
        let subs = self.plan.subs.iter().enumerate();
        let tasks =
            subs.flat_map(|(sub, plan)| (0..plan.tasks).map(move |partition| TaskId { sub, partition }));
        tasks.filter(|task| of(*task)).all(|task| self.remembers(task))
    }

    /// True if every task that reads a topic has rows, or an offset of another input. To any other it is a topic like the
    /// one at its first start, and is read from its beginning.
    fn would_notice(&self, topic: &str) -> bool {
        let reads = |sub: &SubPlan| sub.sources.iter().any(|source| source.name == topic);
        let subs = self.plan.subs.iter().enumerate().filter(|(_, plan)| reads(plan));
        let mut tasks =
            subs.flat_map(|(sub, plan)| (0..plan.tasks).map(move |partition| TaskId { sub, partition }));
        tasks.all(|task| {
            let mut others = self.plan.subs[task.sub].sources.iter().filter(|source| source.name != topic);
            let has_offset = |source: &PlannedTopic| {
                self.log
                    .committed(APPLICATION, &source.name, task.partition)
                    .is_ok_and(|found| found.is_some())
            };
            self.has_rows(task) || others.any(has_offset)
        })
    }

    fn has_rows(&self, task: TaskId) -> bool {
        self.plan.subs[task.sub].stores.iter().any(|(_, changelog)| {
            let records = self.log.read_committed(changelog, task.partition, 0);
            records.is_ok_and(|mut records| records.next().is_some())
        })
    }

    /// True if a task has not got anywhere.
    fn has_not_begun(&self, task: TaskId) -> bool {
        self.plan.subs[task.sub].sources.iter().all(|source| {
            let committed = self.log.committed(APPLICATION, &source.name, task.partition);
            committed.ok().flatten().is_none_or(|committed| committed.offset == 0)
        })
    }

    /// True if it has rows, or has written to a topic of the application's own, or read from one.
    fn remembers(&self, task: TaskId) -> bool {
        let has = |topic: &str, partition: u32| {
            self.log.watermarks(topic, partition).is_ok_and(|ends| ends.high > 0)
        };
        // Those of repartition topics are all of one chain here.
        let internal = self.plan.internal.iter().filter(|topic| topic.name.ends_with("-repartition"));
        let mut own = internal.filter(|topic| self.is_own(task, &topic.name));
        self.has_rows(task) || own.any(|topic| (0..topic.partitions).any(|at| has(&topic.name, at)))
    }

    /// Whether a task reads a topic, or writes to it.
    fn is_own(&self, task: TaskId, topic: &str) -> bool {
        let reads = |sub: usize| self.plan.subs[sub].sources.iter().any(|source| source.name == topic);
        // Whoever reads it is not who writes it, and in each application only one does.
        reads(task.sub) || self.plan.subs[task.sub].steps.iter().any(|step| self.writes(*step, topic))
    }

    fn writes(&self, step: usize, topic: &str) -> bool {
        let topology = (self.script.application.topology)();
        let repartition = topology.entries()[step].spec.repartition;
        repartition.is_some_and(|repartition| self.plan.names.internal(repartition.name) == topic)
    }

    /// A worker reads a partition: of a topic that was made anew nothing may be processed.
    pub(in crate::simulate) fn may_process(&self, seam: &Seam, place: &TopicPartition) {
        if self.anew.borrow().is_another_input(&place.topic) && seam.reads_another(place) {
            self.violated(|| {
                format!(
                    "{} goes on with {}-{}, which is another topic",
                    seam.who, place.topic, place.partition
                )
            });
        }
    }

    /// True if brokers have forgotten something that cannot be had again: whoever needs it must say so.
    pub(in crate::simulate) fn has_forgotten(&self) -> bool {
        self.forgotten.get()
    }

    /// Which of the topics of a name is there now.
    pub(in crate::simulate) fn life(&self, topic: &str) -> u64 {
        self.log.topic_id(topic).unwrap_or_default()
    }
}
