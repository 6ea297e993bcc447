//! One partition of one sub-topology: buffers, the choice of the next record, what the steps remember.
//!
//! ```text
//!              open                     process … process
//!   created ──────────→ running ──→ changed ────────────────→ changed
//!                          ↑            │ prepare, committed      │ aborted: buffers and changes are dropped,
//!                          └────────────┴─────────────────────────┘ reading goes on from the committed positions
//!
//!   a record fails:     aborted, and processed again up to that record, which stays where it is (`is_set_aside`)
//!   outcome unknown:    suspended, then resumed at whatever was committed
//! ```
//!
//! The next record is the one with the lowest time among the heads of the partitions (`PartitionGroup`); a partition
//! that may still have an earlier record and has none buffered makes the task wait. A record goes depth first through
//! the steps; what they write waits in the outbox.
//!
//! Knows the wired steps and positions. Does not know the transport, groups or what a transaction is: its worker
//! says `prepare`, `committed` or `aborted`.

mod changelog;
mod id;
mod input;
mod waiting;

use self::changelog::Changelog;
pub use self::changelog::SendChange;
pub use self::id::{Due, TaskId};
use self::input::{Input, NEVER};
pub(crate) use self::waiting::Waiting;
use crate::context::Source as Origin;
use crate::counters::DropCounter;
use crate::failure::{Failure, What, panic_text};
use crate::mutants::mutant;
use crate::operators::unwound;
use crate::outbox::Outbox;
use crate::record::Timestamp;
use crate::state::{Mark, StateError};
use crate::transport::{CommittedOffset, Message, TopicPartition};
use crate::wiring::Wired;
use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// How many records a task begins with before somebody looks at the clock.
const CAUTIOUS: usize = 8;

/// And how many it comes to.
const FASTEST: usize = 256;

/// All that records may take between two looks.
pub(crate) const WHOLE: usize = 1024;

/// How long the mark of a store that nobody writes to says the same: a restart must not take it for older than the
/// deletions its changelog keeps.
const MARKED_MS: i64 = 3_600_000;

/// How long a store that nobody writes to keeps memory for writing: there may be a thousand of them.
const RESTLESS_MS: i64 = 600_000;

/// Expired rows deleted at a time: bounded, so that a jump of stream time does not hold up a commit.
const EXPIRED_ROWS: usize = 10_000;

/// What a task has done in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processed {
    /// How many records it processed.
    pub records: usize,
    /// True if it stopped because what it wrote must be handed over first.
    pub is_full: bool,
}

/// A running task.
pub struct Task<M> {
    id: TaskId,
    inputs: Vec<Input<M>>,
    /// What is committed of each: kept, so that a commit needs no memory.
    offsets: Vec<(TopicPartition, CommittedOffset)>,
    wired: Wired,
    /// True if anything was processed since the last commit.
    changed: bool,
    /// True if its positions are to be committed although they may not have moved; until they are.
    renewing: bool,
    /// The input that is worked on, so that a panic can be told from which record it came.
    at: usize,
    careful: bool,
    pace: usize,
    weight: usize,
    /// True once its positions are committed.
    has_offsets: bool,
    /// What the log refused and a policy leaves out, until that is committed.
    left_out: Vec<LeftOut>,
    /// Of which topics its offsets are, in a word that stands beside them.
    origin: String,
}

/// Appends the word of which topics offsets are, if it is known.
#[inline]
fn append_origin(metadata: &mut String, origin: &str) {
    if !origin.is_empty() {
        metadata.push_str(if metadata.is_empty() { "v1 " } else { " " });
        metadata.push_str(origin);
    }
}

/// Something that a record wrote and that goes no further.
struct LeftOut {
    input: usize,
    offset: i64,
    /// Which of the records it wrote.
    nth: u32,
    counter: Rc<DropCounter>,
    /// Told to the counter when the record is processed again: an abort takes back what was counted before.
    because: Failure,
}

impl<M: Message> Task<M> {
    /// A task that reads its sources from the given positions. A source without one is not read: the topic has
    /// fewer partitions than there are tasks.
    pub fn new(id: TaskId, wired: Wired, positions: &[(TopicPartition, i64)]) -> Self {
        let inputs = wired.sources.iter().filter_map(|source| {
            let (_, position) = positions.iter().find(|(partition, _)| partition.topic == source.topic())?;
            Some(Input {
                source: source.clone(),
                topic: source.topic().into(),
                partition: id.partition,
                buffer: VecDeque::new(),
                bytes: 0,
                held: false,
                head: None,
                ended_at: None,
                position: *position,
                committed: *position,
                last: *position,
                stop: NEVER,
            })
        });
        let inputs: Vec<_> = inputs.collect();
        let nothing = CommittedOffset { offset: 0, metadata: String::new() };
        Task {
            id,
            offsets: inputs.iter().map(|input| (input.partition_of(), nothing.clone())).collect(),
            inputs,
            wired,
            changed: false,
            renewing: false,
            at: 0,
            careful: false,
            pace: CAUTIOUS,
            weight: 0,
            has_offsets: false,
            left_out: Vec::new(),
            origin: String::new(),
        }
    }

    /// Of which topics its offsets are, in a word without blanks; empty if nobody knows.
    pub(crate) fn set_origin(&mut self, origin: String) {
        // Beside each offset once; beside the first one anew with the times.
        for (_, committed) in &mut self.offsets {
            committed.metadata.clear();
            append_origin(&mut committed.metadata, &origin);
        }
        self.origin = origin;
    }

    /// As it was set.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Its positions are committed.
    pub(crate) fn found_offsets(&mut self) {
        self.has_offsets = true;
    }

    /// True if its positions were committed, by this or an earlier owner.
    pub(crate) fn has_offsets(&self) -> bool {
        self.has_offsets
    }

    /// Which task this is.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Its inputs, with the position each is to be read from.
    pub fn positions(&self) -> impl Iterator<Item = (TopicPartition, i64)> + '_ {
        self.inputs.iter().map(|input| (input.partition_of(), input.position))
    }

    /// Its inputs, with the position that is committed of each.
    pub(crate) fn committed_positions(&self) -> impl Iterator<Item = (TopicPartition, i64)> + '_ {
        self.inputs.iter().map(|input| (input.partition_of(), input.committed))
    }

    /// Processes up to `max` records, fewer if the outbox is full before.
    ///
    /// # Errors
    /// The first failure; the transaction must be taken back. From then on the task stops in front of that record.
    pub fn process(&mut self, max: usize) -> Result<Processed, Failure> {
        // Once a call, not once a record: what unwinds leaves changes behind that the abort drops.
        let result = match catch_unwind(AssertUnwindSafe(|| self.process_records(max))) {
            Ok(result) => result,
            Err(panic) => Err(self.panicked(&*panic)),
        };
        result.inspect_err(|_| {
            let input = &mut self.inputs[self.at];
            input.stop = input.buffer.front().map_or(input.position, Message::offset);
        })
    }

    /// A failure that was found after the record that caused it, which was the last one: as if it had been found
    /// in time.
    #[cold]
    pub fn failed_late(&mut self, failure: Failure) -> Failure {
        let input = &mut self.inputs[self.at];
        input.stop = input.last;
        self.late(failure)
    }

    /// Says that it was the last record.
    #[cold]
    pub(crate) fn late(&self, failure: Failure) -> Failure {
        let input = &self.inputs[self.at];
        failure.on(&Origin { topic: input.source.topic(), partition: input.partition, offset: input.last })
    }

    /// The `nth` record that the last record wrote goes no further, once it is processed again.
    #[cold]
    pub(crate) fn leave_out(&mut self, nth: u32, counter: Rc<DropCounter>, because: Failure) {
        let (input, offset) = (self.at, self.inputs[self.at].last);
        self.left_out.push(LeftOut { input, offset, nth, counter, because });
    }

    fn left_out_of_last(&self) -> impl Iterator<Item = &LeftOut> {
        let (input, last) = (self.at, self.inputs[self.at].last);
        self.left_out.iter().filter(move |left| left.input == input && left.offset == last)
    }

    /// True if the last record wrote something that goes no further. Asked for a [careful](Task::is_careful) task only.
    pub(crate) fn is_left_out(&self) -> bool {
        self.careful && self.left_out_of_last().next().is_some()
    }

    /// True if the `nth` record that the last record wrote goes no further; it is counted then.
    #[inline]
    pub(crate) fn leaves_out(&self, nth: u32) -> bool {
        !self.left_out.is_empty() && self.careful && self.counts_left_out(nth)
    }

    #[cold]
    fn counts_left_out(&self, nth: u32) -> bool {
        let left = self.left_out_of_last().find(|left| left.nth == nth);
        if let Some(left) = left {
            left.counter.add_because(left.because.reason().map(Into::into));
        }
        left.is_some()
    }

    /// Nothing more of this partition (of this topic) is processed. Returns false if it is none of this task's.
    #[cold]
    pub fn stop(&mut self, topic: &str, partition: Option<u32>) -> bool {
        if partition.is_some_and(|partition| partition != self.id.partition) {
            return false;
        }
        let input = self.inputs.iter_mut().find(|input| input.source.topic() == topic);
        input.map(|input| input.stop = input.stop.min(input.position)).is_some()
    }

    /// True if a record failed. The task still processes what is before it.
    pub fn is_set_aside(&self) -> bool {
        self.inputs.iter().any(|input| input.stop != NEVER)
    }

    /// True if there is nothing left before the record that failed: it need not be fetched any more.
    pub fn is_done(&self) -> bool {
        self.is_set_aside() && self.inputs.iter().any(Input::is_stopped)
    }

    /// How many records are processed before somebody looks at the clock and the memory.
    pub(crate) fn pace(&self) -> usize {
        self.pace
    }

    /// That `records` took `parts` of what they may take, of time or of memory; there are [`WHOLE`] of them.
    pub(crate) fn took(&mut self, records: usize, parts: usize) {
        if parts > WHOLE {
            self.pace = (records.saturating_mul(WHOLE) / parts).clamp(1, FASTEST);
        } else if parts <= WHOLE / 4 && records >= self.pace {
            self.pace = (self.pace * 2).min(FASTEST);
        }
    }

    /// What its rows take, as of the last [`weigh`](Task::weigh).
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// How much memory its rows take now.
    pub(crate) fn weigh(&mut self) -> usize {
        self.weight = self.wired.remembering.iter().map(|r| r.state.borrow_mut().weigh()).sum();
        self.weight
    }

    /// Gives up rows that can be had again, until about `share` of `of` is left of each store.
    pub(crate) fn shed(&mut self, share: usize, of: usize) {
        for remembering in &self.wired.remembering {
            let mut state = remembering.state.borrow_mut();
            let left = state.weigh() as u128 * share as u128 / of.max(1) as u128;
            state.shed(usize::try_from(left).unwrap_or(usize::MAX));
        }
        self.weigh();
    }

    /// True if each record is to be taken to the log alone, because one of them cannot be written there and it is
    /// not known which.
    pub fn is_careful(&self) -> bool {
        self.careful
    }

    /// From now on, or no longer; see [`is_careful`](Task::is_careful).
    pub fn be_careful(&mut self, careful: bool) {
        self.careful = careful;
    }

    fn process_records(&mut self, max: usize) -> Result<Processed, Failure> {
        let mut processed = Processed { records: 0, is_full: false };
        let [only] = &mut *self.inputs else { return self.process_lowest(max) };
        self.at = 0;
        while processed.records < max && !processed.is_full && only.has_next() {
            // Before it and not after it: steps that fail may have changed something.
            self.changed = true;
            if only.take()? {
                processed.records += 1;
                processed.is_full = self.wired.outbox.borrow().is_full();
            }
        }
        // The log's end may have moved the position.
        self.changed = self.changed || only.position != only.committed;
        Ok(processed)
    }

    fn process_lowest(&mut self, max: usize) -> Result<Processed, Failure> {
        let mut processed = Processed { records: 0, is_full: false };
        while processed.records < max
            && !processed.is_full
            && let Some(next) = self.lowest()?
        {
            self.changed = true;
            self.at = next;
            self.inputs[next].process()?;
            processed.records += 1;
            processed.is_full = self.wired.outbox.borrow().is_full();
        }
        // What was left out moved a position too.
        self.changed = self.changed || self.inputs.iter().any(|input| input.position != input.committed);
        Ok(processed)
    }

    /// The input with the lowest head; `None` if one that is empty may still get an earlier record.
    fn lowest(&mut self) -> Result<Option<usize>, Failure> {
        let mut lowest: Option<(Timestamp, usize)> = None;
        for (i, input) in self.inputs.iter_mut().enumerate() {
            self.at = i;
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
        let failure = Failure::new(What::Panic(unwound()), Some(panic_text(panic).into()));
        // The record that was being worked on is still at the head of its buffer.
        failure.on(&self.inputs[self.at].origin())
    }

    /// True if there is something to commit.
    pub fn is_changed(&self) -> bool {
        self.changed || self.renewing && !self.is_done()
    }

    /// Its positions are committed although they may not have moved.
    pub(crate) fn renew(&mut self) {
        self.renewing = true;
    }

    /// What the steps wrote.
    pub fn outbox(&self) -> &Rc<RefCell<Outbox>> {
        &self.wired.outbox
    }

    /// True if steps wrote something that was not handed over yet.
    #[inline]
    pub(crate) fn has_written(&self) -> bool {
        !self.wired.outbox.borrow().is_empty()
    }

    /// True if there is anything that [`prepare`](Task::prepare) may have to encode.
    #[inline]
    pub fn remembers(&self) -> bool {
        !self.wired.remembering.is_empty()
    }

    /// Encodes what the steps remember, in wiring order: `send(store, key, value, timestamp)`. Again: only what was
    /// changed since.
    ///
    /// # Errors
    /// If a row cannot be written.
    pub fn prepare(&self, send: &mut SendChange<'_>) -> Result<(), StateError> {
        for (at, remembering) in self.wired.remembering.iter().enumerate() {
            if let Some(store) = remembering.store {
                let mut changelog = Changelog { store: at, wanted: store.changelog, send };
                remembering.state.borrow_mut().prepare(&mut changelog)?;
            }
        }
        Ok(())
    }

    /// A change of store `store` stands at `offset` of its changelog, if the transaction is committed.
    #[inline]
    pub fn delivered(&mut self, store: usize, offset: i64) {
        if let Some(remembering) = self.wired.remembering.get_mut(store) {
            remembering.open = remembering.open.max(Some(offset + 1));
        }
    }

    /// The offsets to commit. The first carries the task's times, so that they are in the same transaction and move with
    /// the task, and each of which topics they are.
    #[inline]
    pub fn offsets(&mut self) -> &[(TopicPartition, CommittedOffset)] {
        for (at, input) in self.inputs.iter().enumerate() {
            let (_, committed) = &mut self.offsets[at];
            committed.offset = input.position;
            if at == 0 && !self.wired.times.is_empty() {
                committed.metadata.clear();
                if !(mutant!(MetadataDropped) && input.position == input.committed) {
                    self.wired.times.write_metadata(&mut committed.metadata);
                }
                append_origin(&mut committed.metadata, &self.origin);
            }
        }
        &self.offsets
    }

    /// The transaction is committed.
    #[inline]
    pub fn committed(&mut self) {
        for remembering in &mut self.wired.remembering {
            remembering.state.borrow_mut().committed();
            remembering.reached = remembering.open.take().unwrap_or(remembering.reached);
        }
        if self.wired.dropped.take() {
            self.wired.drops.iter().for_each(|drops| drops.commit());
        }
        match &mut *self.inputs {
            [only] => only.committed = only.position,
            all => all.iter_mut().for_each(|input| input.committed = input.position),
        }
        self.changed = false;
        self.renewing = false;
        self.has_offsets = true;
        if self.careful {
            self.careful = false;
            self.left_out.clear();
        }
    }

    /// The transaction never happened. Everything is to be fetched again from the committed positions.
    pub fn aborted(&mut self) {
        self.wired.drops.iter().for_each(|drops| drops.abort());
        self.go_back();
    }

    fn go_back(&mut self) {
        self.wired.outbox.borrow_mut().clear();
        for remembering in &mut self.wired.remembering {
            mutant!(DeliveryKept => remembering.reached = remembering.open.unwrap_or(remembering.reached));
            remembering.open = None;
            let is_kept = match remembering.store {
                Some(_) => mutant!(RowsKept),
                None => mutant!(TimeKept),
            };
            if !is_kept {
                remembering.state.borrow_mut().aborted();
            }
        }
        if !mutant!(BufferKept) {
            self.drop_fetched();
        }
        if !mutant!(PositionKept) {
            self.inputs.iter_mut().for_each(|input| input.position = input.committed);
        }
        self.changed = false;
    }

    /// The outcome of the transaction is unknown: its changes are dropped, and the task does nothing until it is
    /// [resumed](Task::resume). Returns where it would be if the transaction turns out to be committed.
    pub fn suspend(&mut self) -> Vec<(TopicPartition, i64)> {
        let sent = self.positions().collect();
        self.go_back();
        self.wired.outbox.borrow_mut().forget_partitions();
        sent
    }

    /// Goes on at what the log says is committed, once the stores are restored. `happened`: the transaction of the
    /// last [`suspend`](Task::suspend) is part of that, and so are the drops it counted.
    pub fn resume(&mut self, positions: &[(TopicPartition, i64)], metadata: &str, happened: bool) {
        for counter in &self.wired.drops {
            if happened { counter.commit() } else { counter.abort() }
        }
        self.wired.times.reset(metadata);
        for input in &mut self.inputs {
            let at = positions.iter().find(|(partition, _)| partition.topic == input.source.topic());
            input.position = at.map_or(input.committed, |(_, position)| *position);
            input.committed = input.position;
        }
    }

    /// Hands committed rows to the engines once more than `due.bytes` wait or the oldest may have waited for `due.ms`,
    /// and deletes what has expired. Each store is marked with its own place in its own changelog, as of the last
    /// commit; call it only between `committed` and the next record. `owned_ms` is a time of the wall clock at which
    /// the task was certainly ours, so that nobody else has written to its changelogs before.
    ///
    /// # Errors
    /// If an engine fails; nothing is forgotten then.
    pub fn apply(&mut self, due: Due, now_ms: i64, owned_ms: i64) -> Result<(), StateError> {
        let mut times = None;
        for remembering in self.wired.remembering.iter_mut().filter(|remembering| remembering.store.is_some())
        {
            let mut state = remembering.state.borrow_mut();
            let waiting = state.unapplied_bytes();
            if remembering.applied_ms == i64::MIN {
                if waiting == 0 {
                    continue;
                }
                // The first commit starts the clock.
                remembering.applied_ms = now_ms;
            }
            // A clock that was put back says nothing about how long it has been.
            let since_ms = match now_ms >= remembering.applied_ms {
                true => now_ms - remembering.applied_ms,
                false => i64::MAX,
            };
            let is_due = waiting > 0 && (waiting > due.bytes || since_ms >= due.ms);
            if is_due || waiting == 0 && since_ms >= MARKED_MS {
                let times = times.get_or_insert_with(|| self.wired.times.to_metadata().into_bytes());
                state.apply(&Mark {
                    changelog_offset: remembering.reached + 2 * i64::from(mutant!(CheckpointAhead)),
                    topic_id: remembering.topic_id,
                    task_times: times.clone(),
                    wall_ms: owned_ms,
                    form: remembering.store.map_or_else(String::new, |store| store.form.text()),
                })?;
                remembering.applied_ms = now_ms;
            }
            if is_due {
                remembering.rests = false;
                state.expire(EXPIRED_ROWS)?;
            } else if !remembering.rests && waiting == 0 && since_ms >= RESTLESS_MS {
                remembering.rests = true;
                state.rest()?;
            }
        }
        Ok(())
    }

    /// What the task was wired to.
    pub fn wired(&self) -> &Wired {
        &self.wired
    }

    /// As [`wired`](Task::wired), to be restored.
    pub fn wired_mut(&mut self) -> &mut Wired {
        &mut self.wired
    }

    /// Records left out in committed transactions.
    pub fn dropped(&self) -> u64 {
        self.wired.drops.iter().map(|counter| counter.committed()).sum()
    }
}
