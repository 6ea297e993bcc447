//! The loop of one thread: `poll → process → commit`, one consumer, one transactional producer, its tasks.
//!
//! It is stepped by hand: nothing in it sleeps, waits or starts a thread, so the test driver, the simulator and
//! production run the same code. It knows tasks and the transport's traits; it does not know steps, formats or
//! which transport it is.
//!
//! The order of a commit, and its reason:
//!
//! 1. *Outboxes are handed over.* Everything the steps wrote is in the transaction.
//! 2. *Stores are encoded to their changelogs*, after all records were processed: each changed key once.
//! 3. *Flush*: whatever the log refuses is known before the offsets go.
//! 4. *Offsets and times*, under the live group metadata: a member that was thrown out is refused here.
//! 5. *Commit.* Only now do stores treat their changes as committed; engines follow when it is due.
//!
//! A failure before 5 is taken back: the transaction is aborted, every task forgets its changes and reads again
//! from what is committed. After 5 was sent an error means *unknown*: only a new producer's `init` decides it, and
//! the tasks start again from what the log then says.

use crate::failure::Failure;
use crate::partitioner::partition_of;
use crate::record::Headers;
use crate::restore::restore;
use crate::state::{Mark, OverlayLimit, StateError};
use crate::task::{Task, TaskId};
use crate::times::Times;
use crate::topology::{Plan, SubPlan, Topology};
use crate::transport::{
    CommitOutcome, CommittedOffset, Consumer, Event, Outgoing, Producer, TopicPartition, TransportError,
};
use crate::wiring::{Engines, Wiring};

/// How a worker makes the parts that belong to one thread or one task.
pub trait Connect {
    /// The consumer.
    type Consumer: Consumer;
    /// The producer.
    type Producer: Producer;

    /// The member of the group.
    fn consumer(&self) -> Self::Consumer;
    /// A reader outside of the group, for changelogs.
    fn restore_consumer(&self) -> Self::Consumer;
    /// The transactional producer; asked for again when the outcome of a transaction is unknown.
    fn producer(&self) -> Self::Producer;
    /// Where the stores of a task rest.
    fn engines(&self, task: TaskId) -> Engines;
    /// How many rows a store keeps typed.
    fn overlay(&self) -> OverlayLimit;
}

/// Why a worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A record could not be processed, and its policy is `fail`. The transaction was taken back.
    #[error("task {task}: {failure}")]
    Process {
        /// The task, which is set aside.
        task: TaskId,
        /// Which record, at which step, why.
        failure: Failure,
    },
    /// A store failed.
    #[error("task {task}: {cause}")]
    Store {
        /// The task.
        task: TaskId,
        /// What it said.
        cause: StateError,
    },
    /// The log failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// Where a fetched record goes.
#[derive(Clone, Copy)]
struct Destination {
    task: usize,
    input: usize,
}

/// The tasks of one thread.
pub struct Worker<C: Connect> {
    connect: C,
    topology: Topology,
    plan: Plan,
    consumer: C::Consumer,
    producer: C::Producer,
    tasks: Vec<Task<<C::Consumer as Consumer>::Message>>,
    /// By the slot of an assigned partition.
    slots: Vec<Option<Destination>>,
    events: Vec<Event<<C::Consumer as Consumer>::Message>>,
    /// True while every task has done what it can with what it was given.
    idle: bool,
    /// The tasks of the commit at hand, and their offsets: kept, so that a commit like the one before it needs no
    /// memory.
    changed: Vec<usize>,
    offsets: Vec<(TopicPartition, CommittedOffset)>,
    /// A task that failed under `fail`: its neighbours go on, it does not.
    failed: Vec<TaskId>,
    in_transaction: bool,
    /// Hand committed rows to the engines over so many bytes.
    apply_over_bytes: usize,
}

/// How many records are fetched and processed before the outboxes are handed over.
const BATCH: usize = 1024;

/// Committed rows wait for the engine until there are so many bytes of them.
const APPLY_OVER_BYTES: usize = 64 << 20;

impl<C: Connect> Worker<C> {
    /// Joins the group. Tasks come with the first polls.
    ///
    /// # Errors
    /// If the log refuses the transactional id or the subscription.
    pub fn start(connect: C, topology: Topology, plan: Plan) -> Result<Self, WorkerError> {
        let (mut consumer, mut producer) = (connect.consumer(), connect.producer());
        producer.init()?;
        let leaders: Vec<String> = plan.subs.iter().map(|sub| sub.sources[sub.leader].name.clone()).collect();
        consumer.subscribe(&leaders)?;
        Ok(Worker {
            connect,
            topology,
            plan,
            consumer,
            producer,
            tasks: Vec::new(),
            slots: Vec::new(),
            events: Vec::new(),
            idle: false,
            changed: Vec::new(),
            offsets: Vec::new(),
            failed: Vec::new(),
            in_transaction: false,
            apply_over_bytes: APPLY_OVER_BYTES,
        })
    }

    /// The tasks.
    pub fn tasks(&self) -> &[Task<<C::Consumer as Consumer>::Message>] {
        &self.tasks
    }

    /// Fetches what there is, up to a batch, and follows the group. Returns how many records came.
    ///
    /// # Errors
    /// If the log fails, or a task cannot be opened.
    pub fn poll(&mut self) -> Result<usize, WorkerError> {
        let mut events = std::mem::take(&mut self.events);
        let fetched = self.consumer.poll(&mut events, BATCH);
        self.idle &= events.is_empty() && fetched.is_ok();
        for event in events.drain(..) {
            match event {
                Event::Record { slot, message } => {
                    if let Some(to) = self.destination(slot) {
                        self.tasks[to.task].buffer(to.input, message);
                    }
                }
                Event::End { slot, position } => {
                    if let Some(to) = self.destination(slot) {
                        self.tasks[to.task].ended(to.input, position);
                    }
                }
                Event::Assigned(partitions) => self.open(&partitions)?,
                Event::Revoked(partitions) => {
                    self.commit()?;
                    self.close(&partitions);
                    self.consumer.revoked(&partitions)?;
                }
                Event::Lost(partitions) => {
                    self.take_back()?;
                    self.close(&partitions);
                    self.consumer.revoked(&partitions)?;
                }
            }
        }
        self.events = events;
        Ok(fetched?)
    }

    fn destination(&self, slot: u32) -> Option<Destination> {
        *self.slots.get(slot as usize)?
    }

    /// Processes what is buffered and hands the results to the producer. Returns how many records.
    ///
    /// # Errors
    /// If a record fails under `fail`: the transaction of all tasks is taken back, the task is set aside.
    pub fn process(&mut self) -> Result<usize, WorkerError> {
        let mut processed = 0;
        self.idle = true;
        for i in 0..self.tasks.len() {
            let task = self.tasks[i].id();
            if self.failed.contains(&task) {
                continue;
            }
            match self.tasks[i].process(BATCH) {
                Ok(records) => {
                    processed += records;
                    self.idle &= records < BATCH;
                }
                Err(failure) => {
                    self.failed.push(task);
                    self.take_back()?;
                    return Err(WorkerError::Process { task, failure });
                }
            }
            if let Err(error) = self.hand_over(i) {
                self.take_back()?;
                return Err(error.into());
            }
        }
        Ok(processed)
    }

    /// True if processing again would change nothing: the last time brought every task to its end, and no poll has
    /// brought anything since.
    pub fn is_idle(&self) -> bool {
        self.idle
    }

    /// Sends the outbox of a task.
    fn hand_over(&mut self, task: usize) -> Result<(), TransportError> {
        let task = &self.tasks[task];
        let mut outbox = task.outbox().borrow_mut();
        if outbox.is_empty() {
            return Ok(());
        }
        if !self.in_transaction {
            self.producer.begin()?;
            self.in_transaction = true;
        }
        let producer = &mut self.producer;
        outbox.drain(|target, record| {
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
                origin: record.origin,
            })
        })
    }

    /// Commits everything processed so far. Returns false if there was nothing.
    ///
    /// # Errors
    /// If it was taken back for a reason that processing again will not mend. A refused membership or an unknown
    /// outcome is mended here: the tasks start again from what is committed.
    pub fn commit(&mut self) -> Result<bool, WorkerError> {
        if !self.tasks.iter().any(Task::is_changed) {
            return Ok(false);
        }
        let mut changed = std::mem::take(&mut self.changed);
        changed.clear();
        changed.extend((0..self.tasks.len()).filter(|&i| self.tasks[i].is_changed()));
        let result = self.commit_tasks(&changed);
        self.changed = changed;
        result.map(|()| true)
    }

    fn commit_tasks(&mut self, changed: &[usize]) -> Result<(), WorkerError> {
        match self.send_all(changed) {
            Ok(()) => {}
            Err(WorkerError::Transport(TransportError::StaleGeneration { .. })) => {
                // Normal in a rebalance: nothing is lost, what was processed is processed again.
                return self.take_back();
            }
            Err(WorkerError::Transport(TransportError::Fenced(_) | TransportError::TimedOut(_))) => {
                return self.recover();
            }
            Err(error) => {
                self.take_back()?;
                return Err(error);
            }
        }
        match self.producer.commit() {
            CommitOutcome::Committed => {
                self.in_transaction = false;
                for &i in changed {
                    self.tasks[i].committed();
                    let task = self.tasks[i].id();
                    let apply = self.tasks[i].apply_over(self.apply_over_bytes, &Mark::default());
                    apply.map_err(|cause| WorkerError::Store { task, cause })?;
                }
            }
            CommitOutcome::Aborted(reason) => {
                self.in_transaction = false;
                self.forget()?;
                if !matches!(reason, TransportError::StaleGeneration { .. }) {
                    return Err(reason.into());
                }
            }
            CommitOutcome::Unknown(_) => self.recover()?,
        }
        Ok(())
    }

    /// Steps 1 to 4 of a commit.
    fn send_all(&mut self, changed: &[usize]) -> Result<(), WorkerError> {
        if !self.in_transaction {
            self.producer.begin()?;
            self.in_transaction = true;
        }
        for &i in changed {
            self.hand_over(i)?;
        }
        for &i in changed {
            let (task, plan, producer) = (&self.tasks[i], &self.plan, &mut self.producer);
            let changelogs = &plan.subs[task.id().sub].stores;
            let prepared = task.prepare(&mut |store, key, value, timestamp| {
                let changelog = changelogs.iter().find(|(spec, _)| spec.name == store);
                let topic = changelog.map_or("", |(_, topic)| topic.as_str());
                let (partition, headers) = (task.id().partition, &Headers::new());
                Ok(producer.send(Outgoing {
                    topic,
                    partition,
                    key: Some(key),
                    value,
                    timestamp,
                    headers,
                    origin: 0,
                })?)
            });
            prepared.map_err(|cause| WorkerError::Store { task: task.id(), cause })?;
        }
        self.producer.flush(&mut |_| {})?;
        let mut entries = 0;
        for &i in changed {
            entries = self.tasks[i].write_offsets(&mut self.offsets, entries);
        }
        self.offsets.truncate(entries);
        let Some(group) = self.consumer.group_metadata() else {
            return Err(TransportError::StaleGeneration {
                group: self.plan.application.clone(),
                generation: -1,
                member: String::new(),
            }
            .into());
        };
        Ok(self.producer.send_offsets(&self.offsets, &group)?)
    }

    /// Takes the open transaction back and reads again from what is committed.
    fn take_back(&mut self) -> Result<(), WorkerError> {
        if self.in_transaction {
            self.in_transaction = false;
            if self.producer.abort().is_err() {
                return self.recover();
            }
        }
        self.forget()
    }

    /// Every task forgets its changes.
    fn forget(&mut self) -> Result<(), WorkerError> {
        for i in 0..self.tasks.len() {
            self.tasks[i].aborted();
            self.read(i)?;
        }
        Ok(())
    }

    /// The outcome of the last transaction is unknown: a new producer decides it, then every task starts again
    /// from what the log says.
    fn recover(&mut self) -> Result<(), WorkerError> {
        self.in_transaction = false;
        self.producer = self.connect.producer();
        self.producer.init()?;
        let ids: Vec<TaskId> = self.tasks.iter().map(Task::id).collect();
        self.tasks.clear();
        self.slots.clear();
        ids.into_iter().try_for_each(|id| self.open_task(id))
    }

    /// Opens the tasks whose leader partitions these are.
    fn open(&mut self, partitions: &[TopicPartition]) -> Result<(), WorkerError> {
        for leader in partitions {
            for sub in 0..self.plan.subs.len() {
                let plan = &self.plan.subs[sub];
                if plan.sources[plan.leader].name == leader.topic {
                    self.open_task(TaskId { sub, partition: leader.partition })?;
                }
            }
        }
        Ok(())
    }

    /// Committed offsets first (stable ones), then the changelogs' ends, then the replay, and only then the inputs.
    fn open_task(&mut self, id: TaskId) -> Result<(), WorkerError> {
        let inputs = inputs(&self.plan.subs[id.sub], id.partition);
        let committed = self.consumer.committed(&inputs)?;
        let metadata = committed.iter().flatten().map(|c| c.metadata.as_str()).find(|m| !m.is_empty());
        let times = Times::from_metadata(metadata.unwrap_or_default());
        let engines = self.connect.engines(id);
        let mut wiring = Wiring::new(&self.plan.application, self.connect.overlay(), times, engines);
        for &step in &self.plan.subs[id.sub].steps {
            (self.topology.entries()[step].wire)(&mut wiring);
        }
        let store = |cause| WorkerError::Store { task: id, cause };
        let wired = wiring.finish().map_err(store)?;
        let mut reader = self.connect.restore_consumer();
        for (spec, changelog) in self.plan.subs[id.sub].stores.iter().filter(|(spec, _)| spec.changelog) {
            let partition = TopicPartition { topic: changelog.clone(), partition: id.partition };
            restore(&mut reader, &wired, spec, &partition).map_err(|error| error.in_task(id))?;
        }
        let task = Task::new(id, wired, |topic| {
            let at = inputs.iter().position(|input| input.topic == topic);
            at.and_then(|at| committed[at].as_ref()).map_or(0, |committed| committed.offset)
        });
        self.tasks.push(task);
        self.read(self.tasks.len() - 1)
    }

    /// Starts to read every input of a task where the task is.
    fn read(&mut self, task: usize) -> Result<(), WorkerError> {
        let positions: Vec<(TopicPartition, i64)> = self.tasks[task].positions().collect();
        for (input, (partition, position)) in positions.into_iter().enumerate() {
            let slot = self.consumer.assign(&partition, position)? as usize;
            if slot >= self.slots.len() {
                self.slots.resize(slot + 1, None);
            }
            self.slots[slot] = Some(Destination { task, input });
        }
        Ok(())
    }

    /// Closes the tasks whose leader partitions these are.
    fn close(&mut self, partitions: &[TopicPartition]) {
        let mut moved = Vec::with_capacity(self.tasks.len());
        let mut stay = Vec::new();
        for task in std::mem::take(&mut self.tasks) {
            let plan = &self.plan.subs[task.id().sub];
            let leader = &plan.sources[plan.leader].name;
            if partitions.iter().any(|p| p.topic == *leader && p.partition == task.id().partition) {
                task.positions().for_each(|(partition, _)| self.consumer.unassign(&partition));
                moved.push(None);
            } else {
                moved.push(Some(stay.len()));
                stay.push(task);
            }
        }
        self.tasks = stay;
        for slot in &mut self.slots {
            *slot = slot.and_then(|to| Some(Destination { task: moved[to.task]?, ..to }));
        }
    }
}

fn inputs(sub: &SubPlan, partition: u32) -> Vec<TopicPartition> {
    sub.sources
        .iter()
        .filter(|source| partition < source.partitions)
        .map(|source| TopicPartition { topic: source.name.clone(), partition })
        .collect()
}
