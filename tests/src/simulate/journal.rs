//! What a worker without transactions did: it cannot be read from the log which of it counts.
//!
//! An *attempt* is all that a worker processed and wrote between two commits of offsets. It has a number, which goes as a
//! header with everything it writes. What counts is what was accepted: the offsets of an attempt, by the group. Whether the worker
//! knows that is another question, and on it depends whether it does it once more.
//!
//! ```text
//! began ─→ processed … ─→ accepted ─→ confirmed     the worker knows, and its rows stay
//!                             └────→ failed         it does not: its rows go back, and it is done again
//! ```
//!
//! Here is also what a task begins with, which is not that of the last attempt: rows that an attempt without an end had written are
//! in the changelog all the same.
//!
//! Knows what went across the seam. Does not know what is right.

use super::seam::{Note, Seam};
use super::world::World;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use streams_runtime::state::Mark;
use streams_runtime::task::TaskId;
use streams_runtime::transport::{CommittedOffset, Event, Message, TopicPartition};

/// The rows of a store in byte order, and its mark.
pub(super) type Rows = (Vec<(Vec<u8>, Vec<u8>)>, Option<Mark>);

/// A record of a changelog.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) timestamp: i64,
}

/// What an incarnation of a worker did.
#[derive(Clone)]
pub(super) enum Did {
    /// It has opened a task: by the name of each store its rows, and the times beside the offsets.
    Opened { task: TaskId, rows: Vec<(&'static str, Rows)>, times: String },
    /// It has a task again that it had: what was replayed of each changelog, and the times beside the offsets.
    Resumed { task: TaskId, replayed: Vec<(String, Vec<Change>)>, times: String },
    /// It reads an input of a task anew.
    Read { task: TaskId },
    /// It has processed a record.
    Processed(Note),
    /// It writes the first time under this number.
    Began(u64),
    /// The group has these offsets.
    Accepted(u64, Vec<(TopicPartition, i64)>),
    /// It was told so.
    Confirmed(u64),
    /// It does not know what became of it.
    Failed(u64),
}

/// Who did what, in that order.
#[derive(Default)]
pub(super) struct Journal(RefCell<Vec<(usize, Did)>>);

impl Journal {
    pub(super) fn note(&self, incarnation: usize, did: Did) {
        self.0.borrow_mut().push((incarnation, did));
    }

    pub(super) fn take(&self) -> Vec<(usize, Did)> {
        self.0.take()
    }
}

/// What is known of the open attempt of a worker, and of tasks on their way.
#[derive(Default)]
pub(super) struct Attempt {
    number: Cell<Option<u64>>,
    /// Where the first record of it went in each partition, and how many did.
    sent: RefCell<BTreeMap<TopicPartition, (i64, usize)>>,
    /// Whether it was a member when it last asked.
    was_member: Cell<bool>,
    /// Tasks whose stores are being opened.
    fresh: RefCell<BTreeSet<TaskId>>,
    /// What was told about committed offsets, and has led to nothing yet.
    told: RefCell<BTreeMap<TopicPartition, Option<CommittedOffset>>>,
    /// The partition of each slot of the reader of changelogs, and what came of it.
    slots: RefCell<HashMap<u32, TopicPartition>>,
    replayed: RefCell<BTreeMap<TopicPartition, Vec<Change>>>,
}

impl Seam {
    fn did(&self, did: Did) {
        self.world().journal.note(self.incarnation, did);
    }

    /// The number of the open attempt.
    pub(super) fn attempt_number(&self) -> u64 {
        self.attempt.number.get().unwrap_or_else(|| {
            let number = self.world().next_transaction();
            self.attempt.number.set(Some(number));
            self.did(Did::Began(number));
            number
        })
    }

    /// A record is on its way.
    pub(super) fn sends(&self, topic: &str, partition: u32) {
        let world = self.world();
        if topic.ends_with("-changelog") && !self.attempt.was_member.get() {
            world.violated(|| {
                format!("{} writes to {topic}-{partition} without asking whether it is a member", self.who)
            });
        }
        let end = world.log.watermarks(topic, partition).map_or(0, |ends| ends.high);
        let place = TopicPartition { topic: topic.to_owned(), partition };
        self.attempt.sent.borrow_mut().entry(place).or_insert((end, 0)).1 += 1;
    }

    /// It has asked whether it is a member.
    pub(super) fn asked(&self, is_member: bool) {
        self.attempt.was_member.set(is_member);
    }

    /// The group has accepted offsets: everything that was written must be there.
    pub(super) fn accepted(&self, offsets: &[(TopicPartition, CommittedOffset)]) {
        let (world, number) = (self.world(), self.attempt_number());
        for (place, (from, sent)) in &*self.attempt.sent.borrow() {
            let arrived = world.arrived(place, *from, number);
            if arrived != *sent {
                world.violated(|| {
                    format!(
                        "{} commits the offsets of attempt {number}, and of {sent} records for {}-{} {arrived} have arrived",
                        self.who, place.topic, place.partition
                    )
                });
            }
        }
        let offsets = offsets.iter().map(|(place, committed)| (place.clone(), committed.offset));
        self.did(Did::Accepted(number, offsets.collect()));
    }

    /// It was told so.
    pub(super) fn confirmed(&self, offsets: &[(TopicPartition, CommittedOffset)]) {
        let offsets = offsets.iter().map(|(place, committed)| (place.clone(), committed.offset));
        self.world().confirmed.borrow_mut().extend(offsets);
        if let Some(number) = self.end_attempt() {
            self.did(Did::Confirmed(number));
        }
    }

    /// It begins with another producer.
    pub(super) fn failed(&self) {
        if let Some(number) = self.end_attempt() {
            self.did(Did::Failed(number));
        }
    }

    fn end_attempt(&self) -> Option<u64> {
        self.attempt.sent.borrow_mut().clear();
        self.attempt.was_member.set(false);
        self.attempt.number.take()
    }

    /// The stores of a task are opened.
    pub(super) fn opens(&self, task: TaskId) {
        self.attempt.fresh.borrow_mut().insert(task);
    }

    /// It was told what is committed.
    pub(super) fn told(&self, places: &[TopicPartition], committed: &[Option<CommittedOffset>]) {
        self.attempt.told.borrow_mut().extend(places.iter().cloned().zip(committed.iter().cloned()));
    }

    /// A changelog is replayed from somewhere on.
    pub(super) fn replays(&self, slot: u32, changelog: &TopicPartition) {
        self.attempt.slots.borrow_mut().insert(slot, changelog.clone());
        self.attempt.replayed.borrow_mut().insert(changelog.clone(), Vec::new());
    }

    /// What came of changelogs.
    pub(super) fn replayed<M: Message>(&self, events: &[Event<M>]) {
        let (slots, mut replayed) = (self.attempt.slots.borrow(), self.attempt.replayed.borrow_mut());
        for event in events {
            if let Event::Record { slot, message } = event
                && let Some(changes) = slots.get(slot).and_then(|place| replayed.get_mut(place))
            {
                changes.push(Change {
                    key: message.key().unwrap_or_default().to_vec(),
                    value: message.value().map(<[u8]>::to_vec),
                    timestamp: message.timestamp(),
                });
            }
        }
    }

    /// An input is read from somewhere on: by a task that was opened, that is there again, or that was taken back.
    pub(super) fn reads_input(&self, world: &World, place: &TopicPartition) {
        let Some((task, _)) = world.task_of(place) else { return };
        let plan = &world.plan.subs[task.sub];
        let mut told = self.attempt.told.borrow_mut();
        let inputs = plan
            .sources
            .iter()
            .map(|source| TopicPartition { topic: source.name.clone(), partition: task.partition });
        let answers: Vec<_> = inputs.filter_map(|input| told.remove(&input)).collect();
        let times = answers.iter().flatten().map(|committed| committed.metadata.clone());
        let times = times.into_iter().find(|times| !times.is_empty()).unwrap_or_default();
        let mut replayed = self.attempt.replayed.borrow_mut();
        let changelogs = plan.stores.iter().map(|(_, name)| name);
        let replayed = changelogs.filter_map(|name| {
            let changelog = TopicPartition { topic: name.clone(), partition: task.partition };
            Some((name.clone(), replayed.remove(&changelog)?))
        });
        let replayed: Vec<_> = replayed.collect();
        if self.attempt.fresh.borrow_mut().remove(&task) {
            let rows = plan.stores.iter().map(|(store, _)| {
                let rows = self.disk.rows(task, store.name).unwrap_or_default();
                (store.name, rows)
            });
            self.did(Did::Opened { task, rows: rows.collect(), times });
        } else if !answers.is_empty() {
            self.did(Did::Resumed { task, replayed, times });
        }
        self.reads_anew(task);
    }

    /// A task begins anew where it last was.
    pub(super) fn reads_anew(&self, task: TaskId) {
        self.did(Did::Read { task });
    }

    /// A record was processed.
    pub(super) fn did_process(&self, note: Note) {
        self.did(Did::Processed(note));
    }
}
