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
//! A record that the log or a format refuses only here is found by going carefully: the task is processed again,
//! and each of its records is taken through 1 to 3 alone, until the one that is refused has a name.
//!
//! It knows tasks and the producer. It does not know why a record was processed, nor who asks for a commit.

use crate::failure::{Failure, What};
use crate::open::Opening;
use crate::partitioner::partition_of;
use crate::record::Headers;
use crate::state::StateError;
use crate::task::{Due, Task};
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

/// Who sent a record, in the 64 bits that come back with its delivery or refusal: the position of the task, and of
/// the store if it is a change of one.
#[derive(Clone, Copy)]
struct Sender {
    task: usize,
    store: Option<usize>,
}

impl Sender {
    const OUTPUT: u64 = u32::MAX as u64;

    fn pack(self) -> u64 {
        (self.task as u64) << 32 | self.store.map_or(Self::OUTPUT, |store| store as u64)
    }

    fn unpack(origin: u64) -> Self {
        let store = origin & Self::OUTPUT;
        Sender { task: (origin >> 32) as usize, store: (store != Self::OUTPUT).then_some(store as usize) }
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
        let mut changed = std::mem::take(&mut self.changed);
        changed.clear();
        for (at, task) in self.tasks.iter().enumerate() {
            if task.is_changed() {
                changed.push(at);
            }
        }
        if changed.is_empty() {
            self.changed = changed;
            return Ok(Commit::Nothing);
        }
        let result = self.commit_tasks(&changed);
        self.changed = changed;
        result
    }

    fn commit_tasks(&mut self, changed: &[usize]) -> Result<Commit, WorkerError> {
        if let Err(trouble) = self.send_all(changed) {
            return self.mend(trouble).map(|()| Commit::TakenBack);
        }
        match self.producer.commit() {
            CommitOutcome::Committed => {
                self.in_transaction = false;
                self.committed(changed).map(|()| Commit::Done)
            }
            CommitOutcome::Aborted(reason) => {
                self.in_transaction = false;
                self.mend(reason.into()).map(|()| Commit::TakenBack)
            }
            CommitOutcome::Unknown(_) => self.recover().map(|()| Commit::TakenBack),
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
        self.begin()?;
        for &at in changed {
            self.hand_over(at)?;
        }
        for &at in changed {
            if self.tasks[at].remembers() {
                self.encode(at)?;
            }
        }
        self.flush()?;
        let mut entries = 0;
        for &at in changed {
            entries = self.tasks[at].write_offsets(&mut self.offsets, entries);
        }
        self.offsets.truncate(entries);
        let Some(group) = self.consumer.group_metadata() else {
            return Err(Trouble::Log(TransportError::StaleGeneration {
                group: self.plan.application.clone(),
                generation: -1,
                member: String::new(),
            }));
        };
        Ok(self.producer.send_offsets(&self.offsets, &group)?)
    }

    fn committed(&mut self, changed: &[usize]) -> Result<(), WorkerError> {
        // All of them first: an engine that fails must not leave another task's changes undecided.
        changed.iter().for_each(|&at| self.tasks[at].committed());
        for &at in changed {
            if !self.tasks[at].remembers() {
                continue;
            }
            let (task, now_ms) = (self.tasks[at].id(), self.connect.now_ms());
            let applied = self.tasks[at].apply(APPLY, now_ms);
            applied.map_err(|cause| WorkerError::Store { task, cause })?;
        }
        Ok(())
    }

    #[inline]
    fn begin(&mut self) -> Result<(), TransportError> {
        if !self.in_transaction {
            self.producer.begin()?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Sends the outbox of a task.
    #[inline]
    pub(crate) fn hand_over(&mut self, at: usize) -> Result<(), Trouble> {
        if self.tasks[at].outbox().borrow().is_empty() { Ok(()) } else { self.send_outbox(at) }
    }

    fn send_outbox(&mut self, at: usize) -> Result<(), Trouble> {
        self.begin()?;
        let (task, producer) = (&self.tasks[at], &mut self.producer);
        let origin = Sender { task: at, store: None }.pack();
        let sent = task.outbox().borrow_mut().drain(|target, record| {
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
                origin,
            })
        });
        Ok(sent?)
    }

    /// Sends what changed in the stores of a task to their changelogs.
    fn encode(&mut self, at: usize) -> Result<(), Trouble> {
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
            let origin = Sender { task: at, store: Some(store) }.pack();
            let (topic, key) = (changelog(store), Some(key));
            let sent = producer.send(Outgoing { topic, partition, key, value, timestamp, headers, origin });
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
    fn flush(&mut self) -> Result<(), TransportError> {
        let (producer, tasks) = (&mut self.producer, &mut self.tasks);
        producer.flush(&mut |delivery| {
            let sender = Sender::unpack(delivery.origin);
            if let (Some(store), Some(task)) = (sender.store, tasks.get_mut(sender.task)) {
                task.delivered(store, delivery.offset);
            }
        })
    }

    /// As `process`, but each record is taken to the log alone.
    pub(crate) fn process_carefully(&mut self, at: usize, max: usize) -> Result<usize, Trouble> {
        let mut processed = 0;
        while processed < max {
            let records = self.tasks[at].process(1).map_err(|failure| Trouble::Record(at, failure))?;
            if records == 0 {
                break;
            }
            processed += records;
            self.hand_over(at)?;
            self.encode(at)?;
            match self.flush() {
                // Another task's records are flushed with it; those are not what is looked for.
                Err(TransportError::Refused { topic, origin, reason })
                    if Sender::unpack(origin).task == at =>
                {
                    let failure = self.refused(Sender::unpack(origin), topic, reason);
                    return Err(Trouble::Record(at, self.tasks[at].failed_late(failure)));
                }
                flushed => flushed?,
            }
        }
        Ok(processed)
    }

    #[cold]
    fn refused(&self, sender: Sender, topic: String, reason: String) -> Failure {
        let task = &self.tasks[sender.task];
        let store = sender.store.and_then(|at| task.wired().remembering.get(at)?.store);
        let by = match store {
            Some(store) => format!("store `{}`", store.name),
            None => {
                let steps = self.plan.subs[task.id().sub].steps.iter().filter_map(|&step| {
                    let spec = &self.topology.entries()[step].spec;
                    let internal = spec.repartition.map(|repartition| {
                        crate::operators::repartition_topic(&self.plan.application, repartition.name)
                    });
                    let writes =
                        spec.to.is_some_and(|to| to.name == topic) || internal.as_ref() == Some(&topic);
                    writes.then(|| format!("`{}`", spec.id.name))
                });
                format!("step {}", steps.collect::<Vec<_>>().join(" or "))
            }
        };
        Failure::new(What::Refused(topic), Some(format!("{reason} (written by {by})").into()))
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
            Trouble::Log(TransportError::Fenced(_)) => self.recover(),
            // Normal in a rebalance or on a slow network: nothing is lost, it is processed again.
            Trouble::Log(TransportError::StaleGeneration { .. } | TransportError::TimedOut(_)) => {
                self.take_back()
            }
            Trouble::Log(cause) => {
                if let TransportError::Refused { origin, .. } = &cause
                    && let Some(task) = self.tasks.get_mut(Sender::unpack(*origin).task)
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

    /// Takes the open transaction back and reads again from what is committed.
    pub(crate) fn take_back(&mut self) -> Result<(), WorkerError> {
        if self.in_transaction {
            self.in_transaction = false;
            if self.producer.abort().is_err() {
                return self.recover();
            }
        }
        self.rewinds += 1;
        for at in 0..self.tasks.len() {
            self.tasks[at].aborted();
            self.read(at)?;
        }
        Ok(())
    }

    /// The outcome of the last transaction is unknown: a new producer decides it, then every task starts again
    /// from what the log says. The stores stay open; what they lack of the transaction, if it was committed, they
    /// replay.
    fn recover(&mut self) -> Result<(), WorkerError> {
        self.in_transaction = false;
        self.ready = false;
        self.rewinds += 1;
        self.producer = self.connect.producer();
        let tasks = self.take_tasks();
        self.opening.extend(tasks.into_iter().map(|task: Task<_>| Opening::again(task)));
        self.is_ready().map(drop)
    }
}
