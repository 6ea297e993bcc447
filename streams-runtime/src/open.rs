//! From a partition that the group gave to a task that reads.
//!
//! ```text
//! asking ──committed offsets are stable──→ replaying ──every store is at its changelog's end──→ running
//!   ↑ └── pending: asked again at the next step       └── not stable yet: goes on at the next step
//!   └──── the outcome of a transaction is unknown: the task comes back with its stores
//! ```
//!
//! The order is what makes it right: the task is owned, *then* the committed offsets are read (none pending on
//! them), *then* the changelogs' high watermarks, then everything up to there is replayed, and only then the inputs
//! are fetched. A watermark read before the offsets could miss a transaction that is part of the offsets.
//!
//! Knows plans, wirings and the two consumers. Does not know records, nor why a task has to be opened.

use crate::mutants::mutant;
use crate::restore::{self, Changelog, Replay, RestoreError, StepError};
use crate::state::StateError;
use crate::task::{Task, TaskId};
use crate::times::{Times, TooManyTimes};
use crate::topology::SubPlan;
use crate::transport::{Consumer, TopicPartition, TransportError};
use crate::wiring::Wiring;
use crate::worker::{Connect, Worker, WorkerError};

/// Why a task cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A store cannot be opened or restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The log failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Stores without offsets: reading from the beginning would count everything twice.
    #[error(
        "store `{0}` holds rows, but the group has no committed offset for any input: \
         reset the offsets, or delete the changelog as well"
    )]
    NoOffsets(&'static str),
    /// Offsets that were there and are gone: reading from the beginning would process everything twice.
    #[error(
        "the group had committed offsets for its inputs, and has none any more: set them, and start it again"
    )]
    OffsetsGone,
    /// Its stream times do not fit beside an offset.
    #[error(transparent)]
    Times(#[from] TooManyTimes),
}

impl OpenError {
    /// True if asking again may help.
    fn is_no_answer(&self) -> bool {
        use TransportError::TimedOut;
        matches!(
            self,
            OpenError::Transport(TimedOut(_)) | OpenError::Restore(RestoreError::Transport(TimedOut(_)))
        )
    }
}

/// A task on its way.
pub(crate) struct Opening<M> {
    id: TaskId,
    /// From the beginning for one that comes back; else made as soon as the offsets are known.
    task: Option<Task<M>>,
    /// Set if its stores know how far they are better than their engines do: the time of the wall clock until which they
    /// have certainly followed their changelogs.
    survived_ms: Option<i64>,
    /// Where it would be if its last transaction turns out to be committed.
    sent: Vec<(TopicPartition, i64)>,
    stage: Stage,
    /// The wall clock before which it is not asked again.
    not_before_ms: i64,
    /// Since when there are rows and no offsets, by the wall clock.
    without_offsets_ms: Option<i64>,
}

enum Stage {
    Asking,
    Replaying { replays: Vec<Replay>, has_offsets: bool },
}

/// For how long rows without offsets are asked about again: a broker that just became coordinator may say "none" for
/// a moment.
const OFFSETS_PATIENCE_MS: i64 = 10_000;

/// How often, and how often a broker is asked that does not answer.
const RETRY_MS: i64 = 200;

/// Kafka's default of `delete.retention.ms`, where the log does not tell.
const DELETE_RETENTION_MS: i64 = 24 * 3_600_000;

impl<M: crate::transport::Message> Opening<M> {
    /// A task that was never here.
    fn new(id: TaskId) -> Self {
        Self::at_the_beginning(id, None, None, Vec::new())
    }

    /// A task that comes back with its stores, because the outcome of its transaction is unknown. `owned_ms` as in
    /// [`Task::apply`].
    pub(crate) fn again(mut task: Task<M>, owned_ms: i64) -> Self {
        let sent = task.suspend();
        Self::at_the_beginning(task.id(), Some(task), Some(owned_ms), sent)
    }

    fn at_the_beginning(
        id: TaskId,
        task: Option<Task<M>>,
        survived_ms: Option<i64>,
        sent: Vec<(TopicPartition, i64)>,
    ) -> Self {
        let (not_before_ms, without_offsets_ms) = (i64::MIN, None);
        Opening { id, task, survived_ms, sent, stage: Stage::Asking, not_before_ms, without_offsets_ms }
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// Stops what was begun.
    fn stop(&mut self, reader: &mut impl Consumer) {
        if let Stage::Replaying { replays, .. } = std::mem::replace(&mut self.stage, Stage::Asking) {
            replays.iter().filter(|replay| !replay.is_done()).for_each(|replay| replay.close(reader));
        }
    }

    /// True if the next step asks brokers for offsets.
    pub(crate) fn asks(&self, now_ms: i64) -> bool {
        matches!(self.stage, Stage::Asking) && now_ms >= self.not_before_ms
    }

    fn is_done(&self) -> bool {
        match &self.stage {
            Stage::Asking => false,
            Stage::Replaying { replays, .. } => {
                replays.iter().all(Replay::is_done) || mutant!(RestoreUnfinished)
            }
        }
    }
}

impl<C: Connect> Worker<C> {
    /// Begins to open the tasks whose leader partitions these are.
    pub(crate) fn open(&mut self, partitions: &[TopicPartition]) {
        for leader in partitions {
            for (sub, plan) in self.plan.subs.iter().enumerate() {
                let id = TaskId { sub, partition: leader.partition };
                let held = self.tasks.iter().any(|task| task.id() == id)
                    || self.opening.iter().any(|opening| opening.id == id);
                if plan.sources[plan.leader].name == leader.topic && !held {
                    self.opening.push(Opening::new(id));
                }
            }
        }
    }

    /// Goes on with the tasks that are being opened. Returns how many records were replayed and tasks opened.
    ///
    /// # Errors
    /// If one cannot be opened: it is set aside, the others go on.
    pub(crate) fn open_step(&mut self, max: usize) -> Result<usize, WorkerError> {
        let now_ms = self.connect.now_ms();
        for at in 0..self.opening.len() {
            if self.opening[at].asks(now_ms)
                && let Err(cause) = self.ask(at)
            {
                self.put_off(at, cause, now_ms)?;
            }
        }
        let mut replays: Vec<(usize, &mut Replay)> = Vec::new();
        for (at, opening) in self.opening.iter_mut().enumerate() {
            if let Stage::Replaying { replays: of_task, .. } = &mut opening.stage {
                replays.extend(of_task.iter_mut().filter(|r| !r.is_done()).map(|replay| (at, replay)));
            }
        }
        let mut progress = 0;
        if !replays.is_empty() {
            match restore::step(&mut self.reader, &mut self.replayed, max, &mut replays) {
                Ok(restored) => progress += restored,
                Err(StepError::Store(at, cause)) => {
                    return Err(self.cannot_open(at, RestoreError::from(cause).into()));
                }
                Err(StepError::Log(TransportError::OffsetOutOfRange { topic, partition, offset })) => {
                    let cause = TransportError::OffsetOutOfRange { topic: topic.clone(), partition, offset };
                    let owner = replays.iter().find(|(_, replay)| replay.reads(&topic, partition));
                    let Some(&(at, _)) = owner else { return Err(cause.into()) };
                    // Deleted while it was read: it begins again where the changelog now begins.
                    self.opening[at].stop(&mut self.reader);
                    return Ok(progress + 1);
                }
                Err(StepError::Log(cause)) => return Err(cause.into()),
            }
        }
        while let Some(at) = self.opening.iter().position(Opening::is_done) {
            if let Err(cause) = self.settle(at) {
                self.put_off(at, cause, now_ms)?;
            }
            if !self.opening[at].is_done() {
                continue;
            }
            progress += 1;
            if let Err(cause) = self.finish(at) {
                self.put_off(at, cause, now_ms)?;
            }
        }
        Ok(progress)
    }

    /// Reads the committed offsets and then the ends of the changelogs. What is not answered in time is asked again.
    fn ask(&mut self, at: usize) -> Result<(), OpenError> {
        let id = self.opening[at].id;
        mutant!(EndBeforeOffsets => self.read_ends_first(id));
        let plan = &self.plan.subs[id.sub];
        let inputs = inputs(plan, id.partition);
        let committed = match self.consumer.committed(&inputs) {
            // Pending, most likely, and soon decided.
            Err(TransportError::TimedOut(_)) => return Ok(()),
            committed => committed?,
        };
        let mut positions = Vec::with_capacity(inputs.len());
        for (input, committed) in inputs.into_iter().zip(&committed) {
            let position = match committed {
                Some(committed) => committed.offset,
                // The first start, or an input that is new: from the first record that is still there.
                None => self.consumer.watermarks(&input)?.start,
            };
            positions.push((input, position));
        }
        let has_offsets = committed.iter().any(Option::is_some);
        if !has_offsets && self.opening[at].task.as_ref().is_some_and(Task::has_offsets) {
            return self.misses_offsets(at, OpenError::OffsetsGone);
        }
        let metadata = committed.iter().flatten().map(|c| c.metadata.as_str()).find(|m| !m.is_empty());
        let metadata = metadata.unwrap_or_default();
        let mut changelogs = Vec::new();
        for (spec, topic) in plan.stores.iter().filter(|(spec, _)| spec.changelog) {
            let partition = TopicPartition { topic: topic.clone(), partition: id.partition };
            // Before the ends are read: what comes behind them is not part of it.
            let read_ms = self.connect.now_ms();
            #[allow(unused_mut, reason = "wrong variants change it")]
            let mut changelog = Changelog {
                store: 0,
                partition: partition.clone(),
                ends: self.reader.watermarks(&partition)?,
                topic_id: self.reader.topic_id(topic)?,
                delete_retention_ms: self.reader.delete_retention_ms(topic)?.unwrap_or(DELETE_RETENTION_MS),
                retention_ms: self.reader.retention_ms(topic)?,
                read_ms,
            };
            mutant!(EndIsLastStable => changelog.ends.high = changelog.ends.last_stable);
            mutant!(EndBeforeOffsets => changelog.ends = crate::mutants::first_end(id, topic).unwrap_or(changelog.ends));
            changelogs.push((spec.hash, changelog));
        }
        let opening = &mut self.opening[at];
        let survived_ms = opening.survived_ms;
        let task = match &mut opening.task {
            Some(task) => {
                let sent = |(partition, sent): &(TopicPartition, i64)| {
                    positions.iter().any(|(p, position)| p == partition && position >= sent)
                };
                task.resume(&positions, metadata, opening.sent.iter().all(sent));
                task
            }
            none => {
                let (overlay, engines) = (self.connect.overlay(), self.connect.engines(id));
                let times = Times::from_metadata(metadata);
                let mut wiring = Wiring::new(&self.plan.names, overlay, times, engines);
                for &step in &plan.steps {
                    (self.topology.entries()[step].wire)(&mut wiring);
                }
                let wired = match wiring.finish() {
                    // Another worker of this process lets go of it when it next follows the group.
                    Err(StateError::InUse { .. }) => {
                        self.opening[at].not_before_ms = self.connect.now_ms() + RETRY_MS;
                        return Ok(());
                    }
                    wired => wired.map_err(RestoreError::from)?,
                };
                wired.times.check()?;
                let task = none.insert(Task::new(id, wired, &positions));
                if committed.iter().any(Option::is_none) {
                    // Where it begins is decided once: a crash before the first commit must not choose again.
                    task.renew();
                }
                task
            }
        };
        if has_offsets {
            task.found_offsets();
        }
        let mut replays = Vec::with_capacity(changelogs.len());
        let remembering = &task.wired().remembering;
        for (hash, changelog) in changelogs {
            let store = remembering.iter().position(|r| r.store.is_some_and(|store| store.hash == hash));
            let Some(store) = store else { continue };
            let changelog = Changelog { store, ..changelog };
            match Replay::begin(&mut self.reader, &remembering[store], changelog, survived_ms) {
                Ok(replay) => replays.push(replay),
                Err(cause) => {
                    replays.iter().for_each(|begun: &Replay| begun.close(&mut self.reader));
                    return Err(cause.into());
                }
            }
        }
        self.opening[at].stage = Stage::Replaying { replays, has_offsets };
        Ok(())
    }

    /// There must be offsets, and there are none: asks again, until it is certain that this is no mistake.
    fn misses_offsets(&mut self, at: usize, otherwise: OpenError) -> Result<(), OpenError> {
        let now_ms = self.connect.now_ms();
        let opening = &mut self.opening[at];
        let since_ms = *opening.without_offsets_ms.get_or_insert(now_ms);
        if now_ms - since_ms >= OFFSETS_PATIENCE_MS {
            return Err(otherwise);
        }
        opening.not_before_ms = now_ms + RETRY_MS;
        opening.stage = Stage::Asking;
        Ok(())
    }

    /// The ends are reached: whether that was enough.
    fn settle(&mut self, at: usize) -> Result<(), OpenError> {
        let now_ms = self.connect.now_ms();
        if let Stage::Replaying { replays, .. } = &mut self.opening[at].stage {
            for replay in replays {
                replay.settle(&mut self.reader, now_ms)?;
            }
        }
        Ok(())
    }

    /// The stores are there: reads the inputs.
    fn finish(&mut self, at: usize) -> Result<(), OpenError> {
        let opening = &mut self.opening[at];
        let Stage::Replaying { replays, has_offsets } = &opening.stage else { return Ok(()) };
        let Some(task) = &mut opening.task else { return Ok(()) };
        let wired = task.wired_mut();
        if !has_offsets
            && !mutant!(NoOffsetsIsStart)
            && let Some(replay) = replays.iter().find(|replay| replay.found)
        {
            let cause = OpenError::NoOffsets(replay.store_name(&wired.remembering));
            return self.misses_offsets(at, cause);
        }
        let times = wired.times.to_metadata().into_bytes();
        for replay in replays {
            // Without offsets nothing was ever committed, and that is how it must look after the next crash too.
            replay.finish(&mut wired.remembering, times.clone(), *has_offsets)?;
            let report = replay.report(opening.id, &wired.remembering);
            self.restored.retain(|other| (other.task, other.store) != (report.task, report.store));
            self.restored.push(report);
        }
        let opening = self.opening.remove(at);
        self.tasks.extend(opening.task);
        let result = self.read(self.tasks.len() - 1);
        if result.is_err()
            && let Some(task) = self.tasks.pop()
        {
            self.opening.insert(at, Opening::again(task, self.owned_ms));
        }
        if let Some(task) = self.tasks.last().filter(|_| result.is_ok()) {
            tracing::info!(task = %task.id(), "running");
        }
        Ok(result?)
    }

    /// A broker that does not answer, because it is being started again or somebody else takes over from it, is asked
    /// again: for as long as it takes, as by those who write and read. Everything else sets the task aside.
    fn put_off(&mut self, at: usize, cause: OpenError, now_ms: i64) -> Result<(), WorkerError> {
        if !cause.is_no_answer() {
            return Err(self.cannot_open(at, cause));
        }
        tracing::warn!(task = %self.opening[at].id, %cause, "a task is not open yet: asks again");
        self.opening[at].stop(&mut self.reader);
        self.opening[at].not_before_ms = now_ms + RETRY_MS;
        Ok(())
    }

    /// Sets a task aside that cannot be opened. Its partitions stay here: another instance would fail as well.
    fn cannot_open(&mut self, at: usize, cause: OpenError) -> WorkerError {
        let mut opening = self.opening.remove(at);
        let task = opening.id;
        opening.stop(&mut self.reader);
        self.aside.push(task);
        WorkerError::Open { task, cause }
    }

    /// Forgets the tasks that `goes` says, whatever stage they are in.
    pub(crate) fn close_opening(&mut self, goes: impl Fn(TaskId) -> bool) {
        self.aside.retain(|&id| !goes(id));
        let (gone, stay) =
            std::mem::take(&mut self.opening).into_iter().partition::<Vec<_>, _>(|opening| goes(opening.id));
        self.opening = stay;
        gone.into_iter().for_each(|mut opening| opening.stop(&mut self.reader));
    }
}

/// The partitions a task reads. A topic with fewer partitions than there are tasks has none for the last ones.
fn inputs(sub: &SubPlan, partition: u32) -> Vec<TopicPartition> {
    sub.sources
        .iter()
        .filter(|source| partition < source.partitions)
        .map(|source| TopicPartition { topic: source.name.clone(), partition })
        .collect()
}
