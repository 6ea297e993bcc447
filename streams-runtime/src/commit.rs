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
        let mut changed = std::mem::take(&mut self.changed);
        changed.clear();
        for (at, task) in self.tasks.iter().enumerate() {
            if task.is_changed() {
                changed.push(at);
            }
        }
        if changed.is_empty() {
            self.changed = changed;
            return self.look_after_stores().map(|()| Commit::Nothing);
        }
        let result = self.commit_tasks(&changed);
        self.changed = changed;
        result
    }

    fn commit_tasks(&mut self, changed: &[usize]) -> Result<Commit, WorkerError> {
        // A commit that succeeds proves that the tasks were ours until it was sent, not after that.
        let now_ms = self.connect.now_ms();
        if let Err(trouble) = self.send_all(changed) {
            return self.mend(trouble).map(|()| Commit::TakenBack);
        }
        mutant!(StateBeforeCommit => self.committed(changed, now_ms)?);
        if self.guarantee == Guarantee::AtLeastOnce {
            self.in_transaction = false;
            return self.committed(changed, now_ms).map(|()| Commit::Done);
        }
        let outcome = self.producer.commit();
        mutant!(UnknownIsCommitted | UnknownIsAborted => if let CommitOutcome::Unknown(_) = outcome {
            return self.believe(changed, now_ms);
        });
        match outcome {
            CommitOutcome::Committed => {
                self.in_transaction = false;
                self.committed(changed, now_ms).map(|()| Commit::Done)
            }
            outcome => self.not_committed(outcome).map(|()| Commit::TakenBack),
        }
    }

    #[cold]
    fn not_committed(&mut self, outcome: CommitOutcome) -> Result<(), WorkerError> {
        match outcome {
            CommitOutcome::Committed => Ok(()),
            CommitOutcome::Aborted(reason) => {
                self.in_transaction = false;
                self.mend(reason.into())
            }
            CommitOutcome::Unknown(cause) => self.recover(&cause),
        }
    }

    /// Takes back everything processed since the last commit; it is processed again.
    ///
    /// # Errors
    /// If the log fails.
    pub fn abort(&mut self) -> Result<(), WorkerError> {
        self.take_back()
    }

    /// Steps 1 to 4 of a commit.
    fn send_all(&mut self, changed: &[usize]) -> Result<(), Trouble> {
        self.may_write_rows()?;
        mutant!(OffsetsAhead => self.send_offsets_ahead(changed)?);
        self.begin()?;
        for &at in changed {
            self.hand_over(at)?;
        }
        mutant!(EncodedAfterFlush => self.flush()?);
        for &at in changed {
            if self.tasks[at].remembers() && !mutant!(MissedPrepare) {
                self.encode(at)?;
            }
        }
        if !mutant!(MissedFlush | EncodedAfterFlush | EndBeforeOffsets) {
            self.flush()?;
        }
        let mut entries = 0;
        for &at in changed {
            entries = self.tasks[at].write_offsets(&mut self.offsets, entries);
        }
        self.offsets.truncate(entries);
        if self.guarantee == Guarantee::AtLeastOnce || mutant!(OffsetsOutside) {
            return Ok(self.consumer.commit(&self.offsets)?);
        }
        let Some(group) = self.consumer.group_metadata() else { return Err(self.thrown_out()) };
        mutant!(EpochMinusOne => return Ok(self.send_offsets_of_nobody(group)?));
        self.producer.send_offsets(&self.offsets, &group)?;
        mutant!(EndBeforeOffsets => self.flush()?);
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

    #[cold]
    fn thrown_out(&self) -> Trouble {
        Trouble::Log(TransportError::StaleGeneration {
            group: self.plan.application.clone(),
            generation: -1,
            member: String::new(),
        })
    }

    pub(crate) fn committed(&mut self, changed: &[usize], now_ms: i64) -> Result<(), WorkerError> {
        // All of them first: an engine that fails must not leave another task's changes undecided.
        let mut remember = false;
        for &at in changed {
            let task = &mut self.tasks[at];
            task.committed();
            remember |= task.remembers();
        }
        if !remember && changed.len() == self.tasks.len() {
            return Ok(());
        }
        for &at in changed {
            if !self.tasks[at].remembers() {
                continue;
            }
            self.weigh(at);
            let (task, due) = (self.tasks[at].id(), self.due(APPLY));
            let applied = self.tasks[at].apply(due, now_ms, now_ms);
            applied.map_err(|cause| WorkerError::Store { task, cause })?;
        }
        self.look_after_stores()
    }

    /// What is committed goes to the engines when it is due, also of tasks that have nothing to do.
    ///
    /// That they are ours is certain up to the last round only: this machine may have been suspended since, for days,
    /// and others may have had them.
    fn look_after_stores(&mut self) -> Result<(), WorkerError> {
        if !self.tasks.iter().any(Task::remembers) {
            return Ok(());
        }
        let now_ms = self.connect.now_ms();
        let owned_ms = std::mem::replace(&mut self.owned_ms, now_ms);
        let due = self.due(APPLY);
        let owned_ms = if mutant!(AgeByOwnClock) { now_ms } else { owned_ms };
        for task in self.tasks.iter_mut().filter(|task| task.remembers()) {
            let id = task.id();
            let applied = task.apply(due, now_ms, owned_ms);
            applied.map_err(|cause| WorkerError::Store { task: id, cause })?;
        }
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
        if self.tasks[at].outbox().borrow().is_empty() { Ok(()) } else { self.send_outbox(at) }
    }

    #[inline(never)]
    fn send_outbox(&mut self, at: usize) -> Result<(), Trouble> {
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
        self.rewinds += 1;
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
        self.rewinds += 1;
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
