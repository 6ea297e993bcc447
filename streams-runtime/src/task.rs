//! One partition of one sub-topology: buffers, the choice of the next record, what the steps remember.
//!
//! ```text
//!              open                     process … process
//!   created ──────────→ running ──→ changed ────────────────→ changed
//!                          ↑            │ prepare, committed      │ aborted: buffers and changes are dropped,
//!                          └────────────┴─────────────────────────┘ reading goes on from the committed positions
//! ```
//!
//! The next record is the one with the lowest time among the heads of the partitions (`PartitionGroup`); a partition
//! that may still have an earlier record and has none buffered makes the task wait. A record goes depth first through
//! the steps; what they write waits in the outbox.
//!
//! Knows the wired steps and positions. Does not know the transport, groups or what a transaction is: its worker
//! says `prepare`, `committed` or `aborted`.

use crate::context::Source as Origin;
use crate::failure::{Failure, What};
use crate::operators::{RawRecord, Source};
use crate::outbox::Outbox;
use crate::record::{Headers, Timestamp};
use crate::state::{ChangelogSink, Mark, StateError};
use crate::transport::{CommittedOffset, Message, TopicPartition};
use crate::wiring::Wired;
use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Which task: partition `partition` of sub-topology `sub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The sub-topology.
    pub sub: usize,
    /// The partition.
    pub partition: u32,
}

impl std::fmt::Display for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.sub, self.partition)
    }
}

/// Sends one change of a store to its changelog.
pub type SendChange<'a> =
    dyn FnMut(&'static str, &[u8], Option<&[u8]>, i64) -> Result<(), Box<dyn Error + Send + Sync>> + 'a;

struct Changelog<'a, 'b> {
    store: &'static str,
    /// False for a store that is rebuilt from the topic it was read from: it is encoded, but nothing is sent.
    wanted: bool,
    send: &'a mut SendChange<'b>,
}

impl ChangelogSink for Changelog<'_, '_> {
    fn change(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        timestamp: i64,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.wanted { (self.send)(self.store, key, value, timestamp) } else { Ok(()) }
    }
}

/// One partition a task reads.
struct Input<M> {
    source: Rc<dyn Source>,
    /// The topic's name: known here, so that no record asks its source for it.
    topic: Box<str>,
    partition: u32,
    buffer: VecDeque<M>,
    /// The time of the first buffered record, once it was read; with several inputs all heads are compared.
    head: Option<Timestamp>,
    /// Set while the log has nothing behind the buffer; the position to commit once the buffer is empty.
    ended_at: Option<i64>,
    position: i64,
    committed: i64,
}

impl<M> Input<M> {
    fn is_waiting(&self) -> bool {
        self.buffer.is_empty() && self.ended_at.is_none()
    }

    fn partition_of(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.to_string(), partition: self.partition }
    }
}

/// A running task.
pub struct Task<M> {
    id: TaskId,
    inputs: Vec<Input<M>>,
    wired: Wired,
    /// True if anything was processed since the last commit.
    changed: bool,
}

impl<M: Message> Task<M> {
    /// A task that reads each of its sources from the given position.
    pub fn new(id: TaskId, wired: Wired, position: impl Fn(&str) -> i64) -> Self {
        let inputs = wired.sources.iter().map(|source| {
            let position = position(source.topic());
            Input {
                source: source.clone(),
                topic: source.topic().into(),
                partition: id.partition,
                buffer: VecDeque::new(),
                head: None,
                ended_at: None,
                position,
                committed: position,
            }
        });
        Task { id, inputs: inputs.collect(), wired, changed: false }
    }

    /// Which task this is.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Its inputs, with the position each is to be read from.
    pub fn positions(&self) -> impl Iterator<Item = (TopicPartition, i64)> + '_ {
        self.inputs.iter().map(|input| (input.partition_of(), input.position))
    }

    /// A fetched record of input `input`.
    #[inline]
    pub fn buffer(&mut self, input: usize, message: M) {
        let input = &mut self.inputs[input];
        input.ended_at = None;
        input.buffer.push_back(message);
    }

    /// The log has nothing more of input `input` before `position`.
    pub fn ended(&mut self, input: usize, position: i64) {
        let input = &mut self.inputs[input];
        input.ended_at = Some(position);
        input.settle();
    }

    /// Processes up to `max` records. Returns how many.
    ///
    /// # Errors
    /// The first failure; the transaction must be taken back.
    pub fn process(&mut self, max: usize) -> Result<usize, Failure> {
        // Once a call, not once a record: what unwinds leaves changes behind that the abort drops.
        match catch_unwind(AssertUnwindSafe(|| self.process_records(max))) {
            Ok(result) => result,
            Err(panic) => Err(self.panicked(&*panic)),
        }
    }

    fn process_records(&mut self, max: usize) -> Result<usize, Failure> {
        let mut processed = 0;
        while processed < max {
            let next = match self.inputs.len() {
                1 => self.inputs[0].read_head()?.then_some(0),
                _ => self.lowest()?,
            };
            let Some(next) = next else { break };
            self.changed = true;
            self.inputs[next].process()?;
            processed += 1;
        }
        // What was left out moved a position too.
        self.changed |= self.inputs.iter().any(|input| input.position != input.committed);
        Ok(processed)
    }

    /// The input with the lowest head; `None` if one that is empty may still get an earlier record.
    fn lowest(&mut self) -> Result<Option<usize>, Failure> {
        let mut lowest: Option<(Timestamp, usize)> = None;
        for (i, input) in self.inputs.iter_mut().enumerate() {
            input.read_head()?;
            if let Some(time) = input.head
                && lowest.is_none_or(|(other, _)| time < other)
            {
                lowest = Some((time, i));
            }
        }
        if self.inputs.iter().any(Input::is_waiting) {
            return Ok(None);
        }
        Ok(lowest.map(|(_, i)| i))
    }

    #[cold]
    fn panicked(&self, panic: &(dyn Any + Send)) -> Failure {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let failure =
            Failure::new(What::Panic, Some(text.unwrap_or_else(|| "panic without a text".to_owned()).into()));
        // The record that was being worked on is still at the head of its buffer.
        let at = self.inputs.iter().find(|input| input.head.is_some() && !input.buffer.is_empty());
        match at {
            Some(input) => failure.on(&input.origin()),
            None => failure,
        }
    }

    /// True if there is something to commit.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// What the steps wrote.
    pub fn outbox(&self) -> &Rc<RefCell<Outbox>> {
        &self.wired.outbox
    }

    /// Encodes what the steps remember, in wiring order: `send(store, key, value, timestamp)`.
    ///
    /// # Errors
    /// If a row cannot be written.
    pub fn prepare(&self, send: &mut SendChange<'_>) -> Result<(), StateError> {
        for remembering in &self.wired.remembering {
            if let Some(store) = remembering.store {
                let mut changelog = Changelog { store: store.name, wanted: store.changelog, send };
                remembering.state.borrow_mut().prepare(&mut changelog)?;
            }
        }
        Ok(())
    }

    /// Writes the offsets to commit from entry `at` on; returns where it ended. The first carries the task's times,
    /// so that they are in the same transaction and move with the task. An entry that is for this partition already
    /// is used again.
    pub fn write_offsets(&self, offsets: &mut Vec<(TopicPartition, CommittedOffset)>, at: usize) -> usize {
        for (i, input) in self.inputs.iter().enumerate() {
            if at + i == offsets.len() {
                offsets.push((input.partition_of(), CommittedOffset { offset: 0, metadata: String::new() }));
            }
            let (partition, committed) = &mut offsets[at + i];
            if partition.partition != input.partition || *partition.topic != *input.topic {
                *partition = input.partition_of();
            }
            committed.offset = input.position;
            committed.metadata.clear();
            if i == 0 {
                self.wired.times.write_metadata(&mut committed.metadata);
            }
        }
        at + self.inputs.len()
    }

    /// The transaction is committed.
    pub fn committed(&mut self) {
        self.wired.remembering.iter().for_each(|remembering| remembering.state.borrow_mut().committed());
        self.wired.drops.iter().for_each(|drops| drops.commit());
        self.inputs.iter_mut().for_each(|input| input.committed = input.position);
        self.changed = false;
    }

    /// The transaction never happened. Everything is to be fetched again from the committed positions.
    pub fn aborted(&mut self) {
        self.wired.outbox.borrow_mut().clear();
        self.wired.remembering.iter().for_each(|remembering| remembering.state.borrow_mut().aborted());
        self.wired.drops.iter().for_each(|drops| drops.abort());
        for input in &mut self.inputs {
            input.buffer.clear();
            input.head = None;
            input.ended_at = None;
            input.position = input.committed;
        }
        self.changed = false;
    }

    /// Hands committed rows to the engines once more than `bytes` wait.
    ///
    /// # Errors
    /// If an engine fails; nothing is forgotten then.
    pub fn apply_over(&mut self, bytes: usize, mark: &Mark) -> Result<(), StateError> {
        for remembering in &self.wired.remembering {
            let mut state = remembering.state.borrow_mut();
            if state.unapplied_bytes() > bytes {
                state.apply(mark)?;
            }
        }
        Ok(())
    }

    /// What the task was wired to.
    pub fn wired(&self) -> &Wired {
        &self.wired
    }

    /// Records left out in committed transactions.
    pub fn dropped(&self) -> u64 {
        self.wired.drops.iter().map(|counter| counter.committed()).sum()
    }
}

impl<M: Message> Input<M> {
    fn origin(&self) -> Origin<'_> {
        let offset = self.buffer.front().map_or(self.position, Message::offset);
        Origin { topic: &self.topic, partition: self.partition, offset }
    }

    /// Reads the record at the head, leaving out what policies leave out; false if there is none.
    #[inline]
    fn read_head(&mut self) -> Result<bool, Failure> {
        while self.head.is_none() {
            let Some(message) = self.buffer.front() else { return Ok(false) };
            // Headers cost, and the source does not look at them.
            let none = Headers::new();
            self.head = self.source.head(&raw(&self.topic, self.partition, message, &none))?;
            if self.head.is_none() {
                self.pop();
            }
        }
        Ok(true)
    }

    /// Processes the head, which must have been read.
    #[inline]
    fn process(&mut self) -> Result<(), Failure> {
        let (Some(timestamp), Some(message)) = (self.head, self.buffer.front()) else { return Ok(()) };
        let headers = message.headers();
        self.source.process(&raw(&self.topic, self.partition, message, &headers), timestamp)?;
        self.head = None;
        self.pop();
        Ok(())
    }

    fn pop(&mut self) {
        if let Some(message) = self.buffer.pop_front() {
            self.position = message.offset() + 1;
        }
        self.settle();
    }

    /// Behind the last record there may be control records; the end is the position to commit.
    fn settle(&mut self) {
        if let Some(end) = self.ended_at
            && self.buffer.is_empty()
        {
            self.position = self.position.max(end);
        }
    }
}

fn raw<'a, M: Message>(
    topic: &'a str,
    partition: u32,
    message: &'a M,
    headers: &'a Headers,
) -> RawRecord<'a> {
    RawRecord {
        source: Origin { topic, partition, offset: message.offset() },
        timestamp: message.timestamp(),
        key: message.key(),
        value: message.value(),
        headers,
    }
}
