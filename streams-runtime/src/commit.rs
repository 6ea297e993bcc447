//! What leaves a worker: one transaction for all its tasks, and how it is taken back.
//!
//! The order of a commit, and its reason:
//!
//! 1. *Outboxes are handed over.* Everything the steps wrote is in the transaction.
//! 2. *Stores are encoded to their changelogs*, after all records were processed: each changed key once.
//! 3. *Flush*: whatever the log refuses is known before the offsets go, and where each changelog record stands.
//! 4. *Offsets and times*, under the live group metadata: a member that was thrown out is refused here.
//! 5. *Commit.* Only now do stores treat their changes as committed; engines follow when it is due.
//!
//! A failure before 5 is taken back: the transaction is aborted, every task forgets its changes and reads again
//! from what is committed. After 5 was sent, and if the abort itself fails, the outcome is *unknown*: only a new
//! producer's `init` decides it, and the tasks start again from what the log then says.
//!
//! At least once there is no transaction: 1 to 3 are the same, and in the place of 4 and 5 the offsets are committed,
//! under the live membership. What was written before a failure stays written, and is written again; what was on its
//! way is dropped with the producer that had it.
//!
//! A record that the log or a format refuses only here is found by going carefully (`careful`): the task is processed
//! again, and each of its records is taken through 1 to 3 alone, until the one that is refused has a name.
//!
//! It knows tasks and the producer. It does not know why a record was processed, nor who asks for a commit.

use crate::failure::{Failure, What};
use crate::guarantee::Guarantee;
use crate::mutants::mutant;
use crate::open::Opening;
use crate::partitioner::partition_of;
use crate::record::Headers;
use crate::state::StateError;
use crate::stream::Read;
use crate::task::{Due, Task, TaskId};
use crate::transport::{CommitOutcome, Consumer, Outgoing, Producer, TransportError};
use crate::worker::{Connect, Worker, WorkerError};

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// There was nothing to commit.
    Nothing,
    /// Everything processed is committed.
    Done,
    /// It was taken back, and is processed again.
    TakenBack,
}

/// What went wrong, before it is decided what follows from it.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A record of a task.
    Record(usize, Failure),
    /// Some record of a task; which one is not known.
    SomeRecord(usize),
    /// A store of a task.
    Store(usize, StateError),
    /// The log.
    Log(TransportError),
}

/// How a commit ended otherwise.
struct NotCommitted(Result<CommitOutcome, Trouble>);

impl From<TransportError> for Trouble {
    fn from(cause: TransportError) -> Self {
        Trouble::Log(cause)
    }
}

/// Who sent a record, in the 64 bits that come back with its delivery or refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The `nth` record of a hand-over of a task's outbox.
    Output { task: usize, nth: u32 },
    /// The change of a row.
    Store { task: usize, store: usize },
}

impl Sender {
    /// Set for an output; the 31 bits below it count.
    const OUTPUT: u64 = 1 << 31;

    #[inline]
    fn pack(self) -> u64 {
        match self {
            Sender::Output { task, nth } => (task as u64) << 32 | Self::OUTPUT | u64::from(nth),
            Sender::Store { task, store } => (task as u64) << 32 | store as u64,
        }
    }

    pub(crate) fn unpack(origin: u64) -> Self {
        let (task, low) = ((origin >> 32) as usize, origin & u64::from(u32::MAX));
        match low & Self::OUTPUT {
            0 => Sender::Store { task, store: low as usize },
            _ => Sender::Output { task, nth: (low & !Self::OUTPUT) as u32 },
        }
    }

    pub(crate) fn task(self) -> usize {
        match self {
            Sender::Output { task, .. } | Sender::Store { task, .. } => task,
        }
    }
}

/// The time where there are no stores.
const NOBODY_ASKS: i64 = 0;

/// Committed rows wait for the engine, because most are changed again soon: a crash replays at most this.
const APPLY: Due = Due { bytes: 64 << 20, ms: 5_000 };

impl<C: Connect> Worker<C> {
    /// Commits everything processed so far.
    ///
    /// # Errors
    /// If it was taken back for a reason that processing again will not mend. A refused membership, an answer that
    /// did not come and an unknown outcome are mended here. `Store` may also mean that everything is committed, and an
    /// engine could not take it: it is offered again at the next commit.
    pub fn commit(&mut self) -> Result<Commit, WorkerError> {
        self.commit_now = false;
        self.pressure.full = false;
        self.changed.clear();
        let (mut have_written, mut remember) = (false, false);
        for (at, task) in self.tasks.iter().enumerate() {
            if task.is_changed() {
                self.changed.push(at);
                have_written |= task.has_written();
            }
            remember |= task.remembers();
        }
        if self.changed.is_empty() {
            return self.look_after_stores(remember).map(|()| Commit::Nothing);
        }
        // A commit that succeeds proves that the tasks were ours until it was sent, not after that.
        let now_ms = if remember { self.connect.now_ms() } else { NOBODY_ASKS };
        if let Err(trouble) = self.send_all(have_written, remember) {
            return self.not_committed(Err(trouble), now_ms);
        }
        mutant!(StateBeforeCommit => self.committed(remember, now_ms)?);
        if let Err(NotCommitted(outcome)) = self.end() {
            return self.not_committed(outcome, now_ms);
        }
        self.in_transaction = false;
        self.committed(remember, now_ms).map(|()| Commit::Done)
    }

    #[cold]
    fn not_committed(
        &mut self,
        ended: Result<CommitOutcome, Trouble>,
        _now_ms: i64,
    ) -> Result<Commit, WorkerError> {
        mutant!(UnknownIsCommitted | UnknownIsAborted => if let Ok(CommitOutcome::Unknown(_)) = ended {
            return self.believe(_now_ms);
        });
        let mended = match ended {
            Ok(CommitOutcome::Committed) => Ok(()),
            Ok(CommitOutcome::Aborted(reason)) => {
                self.in_transaction = false;
                self.mend(reason.into())
            }
            Ok(CommitOutcome::Unknown(cause)) => self.recover(&cause),
            Err(trouble) => self.mend(trouble),
        };
        mended.map(|()| Commit::TakenBack)
    }

    /// Takes back everything processed since the last commit; it is processed again.
    ///
    /// # Errors
    /// If the log fails.
    pub fn abort(&mut self) -> Result<(), WorkerError> {
        self.take_back()
    }

    /// Steps 1 to 3 of a commit.
    #[inline]
    fn send_all(&mut self, have_written: bool, remember: bool) -> Result<(), Trouble> {
        self.may_write_rows()?;
        mutant!(OffsetsAhead => self.send_offsets_ahead()?);
        self.begin()?;
        if have_written {
            (0..self.changed.len()).try_for_each(|next| self.hand_over(self.changed[next]))?;
        }
        mutant!(EncodedAfterFlush => self.flush()?);
        if remember && !mutant!(MissedPrepare) {
            (0..self.changed.len()).try_for_each(|next| self.encode(self.changed[next]))?;
        }
        if !mutant!(MissedFlush | EncodedAfterFlush | EndBeforeOffsets) {
            self.flush()?;
        }
        Ok(())
    }

    /// Nobody fences a plain producer: what a member that was thrown out writes to a changelog would stand above what the new
    /// owner wrote.
    pub(crate) fn may_write_rows(&self) -> Result<(), Trouble> {
        match self.guarantee {
            Guarantee::AtLeastOnce if !mutant!(RowsOfNobody) && self.consumer.group_metadata().is_none() => {
                Err(self.thrown_out())
            }
            _ => Ok(()),
        }
    }

    /// Steps 4 and 5.
    #[inline]
    fn end(&mut self) -> Result<(), NotCommitted> {
        let offsets = match *self.changed {
            [only] => self.tasks[only].offsets(),
            _ => {
                self.gather_offsets();
                &self.offsets
            }
        };
        if self.guarantee == Guarantee::AtLeastOnce {
            return match self.consumer.commit(offsets) {
                Ok(()) => Ok(()),
                Err(cause) => Err(NotCommitted(Err(cause.into()))),
            };
        }
        let Some(group) = self.consumer.group_metadata() else {
            return Err(NotCommitted(Err(self.thrown_out())));
        };
        mutant!(OffsetsOutside | EpochMinusOne | EndBeforeOffsets => return match self.end_wrongly() {
            Ok(CommitOutcome::Committed) => Ok(()),
            outcome => Err(NotCommitted(outcome)),
        });
        match self.producer.commit_with(offsets, &group) {
            Ok(CommitOutcome::Committed) => Ok(()),
            Ok(outcome) => Err(NotCommitted(Ok(outcome))),
            Err(cause) => Err(NotCommitted(Err(cause.into()))),
        }
    }

    /// The offsets of all tasks that are to be committed, in one piece. An entry that is for the same partition already is
    /// used again.
    #[inline(never)]
    pub(crate) fn gather_offsets(&mut self) {
        let mut entries = 0;
        for &at in &self.changed {
            for (partition, committed) in self.tasks[at].offsets() {
                match self.offsets.get_mut(entries) {
                    Some((same, entry)) if same == partition => {
                        entry.offset = committed.offset;
                        entry.metadata.clone_from(&committed.metadata);
                    }
                    Some(other) => *other = (partition.clone(), committed.clone()),
                    None => self.offsets.push((partition.clone(), committed.clone())),
                }
                entries += 1;
            }
        }
        self.offsets.truncate(entries);
    }

    #[cold]
    pub(crate) fn thrown_out(&self) -> Trouble {
        Trouble::Log(TransportError::StaleGeneration {
            group: self.plan.application.clone(),
            generation: -1,
            member: String::new(),
        })
    }

    #[inline]
    pub(crate) fn committed(&mut self, remember: bool, now_ms: i64) -> Result<(), WorkerError> {
        // All of them first: an engine that fails must not leave another task's changes undecided.
        for &at in &self.changed {
            self.tasks[at].committed();
        }
        if remember { self.apply_changed(now_ms) } else { Ok(()) }
    }

    #[inline(never)]
    fn apply_changed(&mut self, now_ms: i64) -> Result<(), WorkerError> {
        for next in 0..self.changed.len() {
            let at = self.changed[next];
            if !self.tasks[at].remembers() {
                continue;
            }
            self.weigh(at);
            let (task, due) = (self.tasks[at].id(), self.due(APPLY));
            let applied = self.tasks[at].apply(due, now_ms, now_ms);
            applied.map_err(|cause| WorkerError::Store { task, cause })?;
        }
        self.look_after_stores(true)
    }

    /// What is committed goes to the engines when it is due, also of tasks that have nothing to do.
    ///
    /// That they are ours is certain up to the last round only: this machine may have been suspended since, for days,
    /// and others may have had them.
    fn look_after_stores(&mut self, there_are_some: bool) -> Result<(), WorkerError> {
        if !there_are_some {
            return Ok(());
        }
        let now_ms = self.connect.now_ms();
        let due = self.due(APPLY);
        let owned_ms = if mutant!(AgeByOwnClock) { now_ms } else { self.owned_ms };
        for task in self.tasks.iter_mut().filter(|task| task.remembers()) {
            let id = task.id();
            let applied = task.apply(due, now_ms, owned_ms);
            applied.map_err(|cause| WorkerError::Store { task: id, cause })?;
        }
        // Not before: what could not be marked is tried again, and is no younger then.
        self.owned_ms = now_ms;
        self.relieve();
        Ok(())
    }

    #[inline]
    fn begin(&mut self) -> Result<(), TransportError> {
        if !self.in_transaction {
            if self.guarantee == Guarantee::ExactlyOnce {
                self.producer.begin()?;
            }
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Sends the outbox of a task.
    #[inline(always)]
    pub(crate) fn hand_over(&mut self, at: usize) -> Result<(), Trouble> {
        if self.tasks[at].has_written() { self.send_outbox(at) } else { Ok(()) }
    }

    #[inline(never)]
    pub(crate) fn send_outbox(&mut self, at: usize) -> Result<(), Trouble> {
        self.begin()?;
        let (task, producer) = (&self.tasks[at], &mut self.producer);
        let mut next = 0;
        let sent = task.outbox().borrow_mut().drain(|target, record| {
            // Whose turn it was can be told while a hand-over has less than two billion records.
            let nth = next & !(1 << 31);
            next += 1;
            if task.leaves_out(nth) {
                return Ok(());
            }
            let partitions = match target.partitions {
                Some(n) => n,
                None => *target.partitions.insert(producer.partitions(&target.name)?),
            };
            // Without a key a record stays in the partition it came from: the same in every attempt.
            let partition = match record.key {
                Some(key) => partition_of(key, partitions),
                None => task.id().partition % partitions.max(1),
            };
            producer.send(Outgoing {
                topic: &target.name,
                partition,
                key: record.key,
                value: record.value,
                timestamp: record.timestamp,
                headers: record.headers,
                origin: Sender::Output { task: at, nth }.pack(),
                is_followed: false,
            })
        });
        Ok(sent?)
    }

    /// Sends what changed in the stores of a task to their changelogs.
    pub(crate) fn encode(&mut self, at: usize) -> Result<(), Trouble> {
        self.begin()?;
        let (task, plan, producer) = (&self.tasks[at], &self.plan, &mut self.producer);
        let id = task.id();
        let remembering = &task.wired().remembering;
        let changelog = |store: usize| {
            let named = |store: &crate::stream::StoreSpec| {
                plan.subs[id.sub].stores.iter().find(|(spec, _)| spec.hash == store.hash)
            };
            remembering[store].store.as_ref().and_then(named).map_or("", |(_, topic)| topic.as_str())
        };
        // Kept aside: what the log said decides what follows, and the store only knows that it was refused.
        let mut said = None;
        let (partition, headers) = (id.partition, &Headers::new());
        let prepared = task.prepare(&mut |store, key, value, timestamp| {
            let origin = Sender::Store { task: at, store }.pack();
            let (topic, key) = (changelog(store), Some(key));
            let is_followed = true;
            let sent = producer.send(Outgoing {
                topic,
                partition,
                key,
                value,
                timestamp,
                headers,
                origin,
                is_followed,
            });
            sent.map_err(|cause| {
                said = Some(cause.clone());
                cause.into()
            })
        });
        match (prepared, said) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(cause)) => Err(Trouble::Log(cause)),
            // Its format refuses a value: whose, only going carefully can tell.
            (Err(StateError::Encode { .. }), None) if !self.tasks[at].is_careful() => {
                Err(Trouble::SomeRecord(at))
            }
            (Err(cause @ StateError::Encode { .. }), None) => {
                let store = match &cause {
                    StateError::Encode { store, .. } => store.to_string(),
                    _ => String::new(),
                };
                let failure = Failure::new(What::EncodeValue(store), Some(cause.into()));
                Err(Trouble::Record(at, self.tasks[at].failed_late(failure)))
            }
            (Err(cause), None) => Err(Trouble::Store(at, cause)),
        }
    }

    /// Waits until everything arrived, and notes where the changes of the stores stand.
    pub(crate) fn flush(&mut self) -> Result<(), TransportError> {
        let (producer, tasks) = (&mut self.producer, &mut self.tasks);
        producer.flush(&mut |delivery| {
            if let Sender::Store { task, store } = Sender::unpack(delivery.origin)
                && let Some(task) = tasks.get_mut(task)
            {
                task.delivered(store, delivery.offset);
            }
        })
    }

    /// Decides what follows from trouble: it is mended by processing again, or it is somebody's fault.
    ///
    /// # Errors
    /// If it is somebody's fault. In any case nothing of the transaction stays.
    #[cold]
    pub(crate) fn mend(&mut self, trouble: Trouble) -> Result<(), WorkerError> {
        match trouble {
            Trouble::Record(at, failure) => {
                let task = self.tasks[at].id();
                let failure = failure.read_by(|topic| self.readers(task, topic));
                mutant!(FailureKept => return Err(WorkerError::Process { task, failure }));
                self.take_back()?;
                Err(WorkerError::Process { task, failure })
            }
            Trouble::SomeRecord(at) => {
                self.tasks[at].be_careful(true);
                self.take_back()
            }
            Trouble::Store(at, cause) => {
                let task = self.tasks[at].id();
                self.take_back()?;
                Err(WorkerError::Store { task, cause })
            }
            Trouble::Log(cause @ TransportError::Fenced(_)) => self.recover(&cause),
            // Normal in a rebalance or on a slow network: nothing is lost, it is processed again.
            Trouble::Log(cause)
                if cause.timed_out().is_some() || matches!(cause, TransportError::StaleGeneration { .. }) =>
            {
                if let Some(times) = self.taken_back.happened(self.connect.now_ms()) {
                    tracing::warn!(%cause, times, "what is not committed is taken back and processed again");
                }
                self.take_back()
            }
            Trouble::Log(cause) => {
                if let TransportError::Refused { origin, .. } = &cause
                    && let Some(task) = self.tasks.get_mut(Sender::unpack(*origin).task())
                    && !task.is_careful()
                {
                    task.be_careful(true);
                    return self.take_back();
                }
                self.take_back()?;
                Err(cause.into())
            }
        }
    }

    /// The steps of a task that read a topic.
    #[cold]
    fn readers(&self, task: TaskId, topic: &str) -> Vec<&'static str> {
        let names = &self.plan.names;
        let reads = |read: &Read| match (read.topic, read.repartition) {
            (Some(declared), _) => declared.name == topic,
            (None, Some(repartition)) => names.internal(repartition.name) == topic,
            (None, None) => false,
        };
        let steps = self.plan.subs[task.sub].steps.iter().map(|&step| &self.topology.entries()[step].spec);
        steps.filter(|spec| spec.reads.iter().any(reads)).map(|spec| spec.id.name).collect()
    }

    /// Takes the open transaction back and reads again from what is committed.
    pub(crate) fn take_back(&mut self) -> Result<(), WorkerError> {
        if std::mem::take(&mut self.in_transaction) {
            match self.guarantee {
                Guarantee::ExactlyOnce => {
                    if let Err(cause) = self.producer.abort() {
                        return self.recover(&cause);
                    }
                }
                // What a plain producer still has on its way would arrive above what is written next, by this worker or
                // by the next owner of a task; and its reports would be taken for those of other tasks.
                Guarantee::AtLeastOnce if mutant!(OnItsWayKept) => {}
                Guarantee::AtLeastOnce => {
                    self.ready = false;
                    self.renew = true;
                    self.is_ready()?;
                }
            }
        }
        self.tasks.iter_mut().for_each(Task::aborted);
        mutant!(NoRewind => return Ok(()));
        if (0..self.tasks.len()).try_for_each(|at| self.read(at)).is_err() {
            // Opening a task ends with the same call, and knows which answers are worth asking again for.
            self.open_again();
        }
        Ok(())
    }

    /// The outcome of the last transaction is unknown: a new producer decides it, then every task starts again
    /// from what the log says. The stores stay open; what they lack of the transaction, if it was committed, they
    /// replay.
    fn recover(&mut self, cause: &TransportError) -> Result<(), WorkerError> {
        if let Some(times) = self.unknown.happened(self.connect.now_ms()) {
            tracing::warn!(
                %cause,
                times,
                "whether a transaction is committed is unknown: a new producer decides it, and tasks are opened again"
            );
        }
        self.in_transaction = false;
        self.ready = false;
        self.renew = true;
        self.open_again();
        self.is_ready().map(drop)
    }

    /// Every task starts again from what the log says; the stores stay open.
    fn open_again(&mut self) {
        for task in self.take_tasks() {
            let plan = &self.plan.subs[task.id().sub];
            self.opening.push(Opening::again(task, plan, self.owned_ms));
        }
    }
}
