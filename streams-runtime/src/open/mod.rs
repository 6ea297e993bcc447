//! From a partition that the group gave, to a task that reads.
//!
//! ```text
//! warming ──→ begun ──→ offsets ──stable──→ ends ──all told──→ known ──stores open──→ replaying ──all at their ends──→ running
//!  └ not yet    ↑         └ not yet           └ not yet          └ not its turn         └ not yet   │
//!               └───── what was read is gone from the log; rows without offsets ───────────────────┘
//! ```
//!
//! Warming is a head start: in production stores that are far behind are brought near the ends of their changelogs on another
//! thread (`warming`). Nothing rests on it.
//!
//! "Not yet" means: it goes on at the next step. Nobody waits, and the tasks that run go on in between: questions stay
//! asked until brokers answer, and a step opens no more stores once it has taken a while. A task whose transaction has
//! an unknown outcome begins here as well, and brings its stores.
//!
//! The order is what makes it right: the task is owned, *then* the committed offsets are read (none pending on
//! them), *then* the changelogs' high watermarks, then everything up to there is replayed, and only then the inputs
//! are fetched. A watermark read before the offsets could miss a transaction that is part of the offsets. So each
//! question is asked only after the one before it was answered, and what was asked for an earlier attempt is forgotten.
//!
//! ```text
//! places     which partitions belong to a task
//! known      what is asked, and the answers so far      replaying  its stores, up to the ends of their changelogs
//! origin     of which topics committed offsets are
//! error      why one cannot be opened
//! patience   what is said of those that take long
//! progress   what is told of each
//! ```
//!
//! Knows plans, wirings and the two consumers. Does not know records, nor why a task has to be opened.

mod error;
mod known;
mod origin;
mod patience;
mod places;
mod progress;
mod replaying;
#[cfg(test)]
mod tests;

pub use self::error::OpenError;
pub(crate) use self::known::Logs;
pub(crate) use self::patience::Lasting;
pub(crate) use self::places::led_by;
pub use self::progress::{RestoreStage, Restoring};

use self::known::{Known, Unfit};
use self::origin::Origin;
use self::patience::Patience;
use self::places::{all_inputs, inputs, own_topics};
use self::replaying::tell;
use crate::guarantee::Guarantee;
use crate::mutants::mutant;
use crate::restore::Replay;
use crate::task::{Task, TaskId};
use crate::topology::{PlannedTopic, SubPlan};
use crate::transport::{Consumer, PENDING_OFFSETS, Producer, TopicPartition, TransportError};
use crate::warming::Warmed;
use crate::worker::{Connect, Worker, WorkerError};
use std::collections::HashSet;

/// A task on its way.
pub(crate) struct Opening<M> {
    id: TaskId,
    inputs: Vec<TopicPartition>,
    /// From the beginning for one that comes back; else made as soon as everything about it is known.
    task: Option<Task<M>>,
    /// Set if its stores know how far they are better than their engines do: the time of the wall clock until which they
    /// have certainly followed their changelogs.
    survived_ms: Option<i64>,
    /// Where it would be if its last transaction turns out to be committed.
    sent: Vec<(TopicPartition, i64)>,
    stage: Stage,
    /// The wall clock before which it does not go on.
    not_before_ms: i64,
    /// The wall clock when its questions were asked first, in this attempt.
    asked_ms: i64,
    /// Since when there are rows and no offsets, by the wall clock, and how often that was the answer.
    without_offsets: Option<(i64, u32)>,
    /// What the last question waits for.
    waits_for: &'static str,
    patience: Patience,
    /// What was done for its stores before it asked for anything.
    warmed: Vec<Warmed>,
}

enum Stage {
    /// Somebody else brings its stores near the ends of their changelogs.
    Warming,
    /// Nothing was asked.
    Begun,
    /// The committed offsets are asked for.
    Offsets,
    /// The ends of logs are asked for.
    Ends(Known),
    /// Its stores wait to be opened.
    Known(Known),
    Replaying {
        replays: Vec<(Replay, Lasting)>,
        has_offsets: bool,
        /// Set if it has written to this topic all the same.
        written: Option<String>,
    },
}

/// For how long rows without offsets are asked about again: a broker that just became coordinator may say "none" for
/// a moment.
const OFFSETS_PATIENCE_MS: i64 = 10_000;

/// And so often at least.
const OFFSETS_ASKED: u32 = 8;

/// How soon after one another that is, and how soon something is tried that somebody else is in the way of.
const RETRY_MS: i64 = 200;

/// How long stores are opened in one step beside tasks that run: one takes 6 to 30 ms on a disk.
const OPENING_MS: i64 = 10;

/// And where nothing runs yet. Tasks that begin to read together are fetched for together: one that is late by some ms
/// waits until the broker has answered what was asked for the others, half a second if there is nothing new for them.
const OPENING_ALONE_MS: i64 = 500;

/// For so long the first tasks wait for answers about the others, for the same reason.
const TOGETHER_MS: i64 = 100;

impl<M: crate::transport::Message> Opening<M> {
    /// A task that was never here.
    fn new(id: TaskId, plan: &SubPlan, now_ms: i64) -> Self {
        let mut opening = Self::at_the_beginning(id, plan, None, None, Vec::new());
        opening.enter(Stage::Warming, now_ms);
        opening
    }

    /// A task that comes back with its stores, because the outcome of its transaction is unknown. `owned_ms` as in
    /// [`Task::apply`].
    pub(crate) fn again(mut task: Task<M>, plan: &SubPlan, owned_ms: i64) -> Self {
        let sent = task.suspend();
        Self::at_the_beginning(task.id(), plan, Some(task), Some(owned_ms), sent)
    }

    fn at_the_beginning(
        id: TaskId,
        plan: &SubPlan,
        task: Option<Task<M>>,
        survived_ms: Option<i64>,
        sent: Vec<(TopicPartition, i64)>,
    ) -> Self {
        Opening {
            id,
            inputs: inputs(plan, id.partition),
            survived_ms,
            task,
            sent,
            stage: Stage::Begun,
            not_before_ms: i64::MIN,
            asked_ms: i64::MIN,
            without_offsets: None,
            waits_for: "",
            patience: Patience::default(),
            warmed: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// Back to the beginning; stops what was begun, here or by somebody who went ahead.
    fn stop<C: Connect>(&mut self, reader: &mut C::Consumer, connect: &C) {
        match std::mem::replace(&mut self.stage, Stage::Begun) {
            Stage::Warming => connect.cool(self.id),
            Stage::Replaying { replays, .. } => {
                replays
                    .iter()
                    .filter(|(replay, _)| !replay.is_done())
                    .for_each(|(replay, _)| replay.close(reader));
                tell(self.id, &replays, RestoreStage::Suspended, connect);
            }
            Stage::Begun | Stage::Offsets | Stage::Ends(_) | Stage::Known(_) => {}
        }
        for warmed in self.warmed.drain(..) {
            connect.restoring(&warmed.told);
        }
    }

    /// What does not fit, in words.
    fn misfit(&self, unfit: Unfit) -> OpenError {
        let input = |at: usize| self.inputs[at].clone();
        match unfit {
            Unfit::MadeAnew(at, offset) => {
                let TopicPartition { topic, partition } = input(at);
                OpenError::MadeAnew { topic, partition, offset }
            }
            Unfit::Gone(at, made_anew) => {
                let TopicPartition { topic, partition } = input(at);
                OpenError::OffsetGone { topic, partition, made_anew }
            }
        }
    }

    fn is_done(&self) -> bool {
        match &self.stage {
            Stage::Replaying { replays, .. } => {
                replays.iter().all(|(replay, _)| replay.is_done()) || mutant!(RestoreUnfinished)
            }
            _ => false,
        }
    }

    /// True if brokers were asked just now, and nothing is known that keeps them from answering.
    fn is_soon_answered(&self, now_ms: i64) -> bool {
        matches!(self.stage, Stage::Warming | Stage::Offsets | Stage::Ends(_))
            && self.waits_for != PENDING_OFFSETS
            && self.patience.waited_ms(now_ms) < TOGETHER_MS
    }

    /// Goes to another stage, and takes its time anew.
    fn enter(&mut self, stage: Stage, now_ms: i64) {
        self.stage = stage;
        self.waits_for = "";
        self.patience = Patience::from(now_ms);
    }
}

impl<C: Connect> Worker<C> {
    /// Begins to open the tasks whose leader partitions these are.
    ///
    /// # Errors
    /// If there are more partitions than at the start, and the topology cannot take them.
    pub(crate) fn open(&mut self, partitions: &[TopicPartition]) -> Result<(), WorkerError> {
        let here = self.tasks.iter().map(Task::id).chain(self.opening.iter().map(Opening::id));
        let mut here: HashSet<TaskId> = here.collect();
        let (mut first, now_ms) = (Ok(()), self.connect.now_ms());
        let led = partitions.iter().flat_map(|leader| led_by(&self.plan, leader));
        let given: Vec<TaskId> = led.filter(|id| here.insert(*id)).collect();
        for id in given {
            mutant!(GrowthMissed => if id.partition >= self.plan.subs[id.sub].tasks { continue });
            match self.take_more(id) {
                Ok(()) => self.opening.push(Opening::new(id, &self.plan.subs[id.sub], now_ms)),
                // It stays here, so that nobody else is given it.
                Err(error) => {
                    self.aside.push(id);
                    first = first.and(Err(error));
                }
            }
        }
        first
    }

    /// A task for a partition that was not there at the start.
    fn take_more(&mut self, id: TaskId) -> Result<(), WorkerError> {
        let plan = &self.plan.subs[id.sub];
        let PlannedTopic { name, partitions: had, .. } = &plan.sources[plan.leader];
        if id.partition < *had {
            return Ok(());
        }
        let name = name.clone();
        if !plan.takes_more_of(&name) {
            let has = self.producer.partitions(&name).unwrap_or(0).max(id.partition + 1);
            return Err(WorkerError::Grown(Box::new(self.plan.growth(id.sub, &name, has, has))));
        }
        tracing::info!(topic = name, partition = id.partition, "a new partition is read");
        let plan = &mut self.plan.subs[id.sub];
        plan.sources[plan.leader].partitions = id.partition + 1;
        plan.tasks = plan.tasks.max(id.partition + 1);
        Ok(())
    }

    /// Goes on with the tasks that are being opened. Returns how many records were replayed, stores of tasks opened,
    /// and tasks brought to their ends.
    ///
    /// # Errors
    /// If one cannot be opened: it is set aside, the others go on.
    pub(crate) fn open_step(&mut self, max: usize) -> Result<usize, WorkerError> {
        let now_ms = self.connect.now_ms();
        self.warm();
        self.begin_asking(now_ms);
        for at in 0..self.opening.len() {
            if let Err(cause) = self.learn(at, now_ms) {
                self.put_off(at, cause, now_ms)?;
            }
        }
        let mut progress = self.begin_replays(now_ms)?;
        progress += self.replay(max)?;
        let mut at = 0;
        while at < self.opening.len() {
            if self.opening[at].is_done() {
                let id = self.opening[at].id;
                if let Err(cause) = self.settle(at).and_then(|()| self.finish(at, now_ms)) {
                    self.put_off(at, cause, now_ms)?;
                }
                if self.opening.get(at).is_none_or(|opening| opening.id != id) {
                    progress += 1;
                    continue;
                }
            }
            at += 1;
        }
        if let Err((at, hopeless)) = self.tell(now_ms) {
            return Err(self.cannot_open(at, hopeless.into()));
        }
        Ok(progress)
    }

    /// Lets somebody else bring stores near the ends of their changelogs, where there is somebody. Nothing follows from it: what
    /// makes a takeover right begins afterwards.
    fn warm(&mut self) {
        for opening in self.opening.iter_mut().filter(|opening| matches!(opening.stage, Stage::Warming)) {
            let stores = &self.plan.subs[opening.id.sub].stores;
            if let Some(warmed) = self.connect.warm(opening.id, stores) {
                (opening.stage, opening.warmed) = (Stage::Begun, warmed);
            }
        }
    }

    /// What is asked for from now on is asked anew: the tasks that begin are owned since now, and what was asked before
    /// may have been answered with what was true for somebody else.
    fn begin_asking(&mut self, now_ms: i64) {
        let begins = |opening: &&mut Opening<_>| {
            matches!(opening.stage, Stage::Begun) && now_ms >= opening.not_before_ms
        };
        let (mut inputs, mut changelogs) = (Vec::new(), Vec::new());
        for opening in self.opening.iter_mut().filter(begins) {
            let stores = self.plan.subs[opening.id.sub].stores.iter().filter(|(spec, _)| spec.changelog);
            let partition = opening.id.partition;
            changelogs.extend(stores.map(|(_, topic)| TopicPartition { topic: topic.clone(), partition }));
            inputs.extend_from_slice(&opening.inputs);
            opening.asked_ms = now_ms;
            opening.enter(Stage::Offsets, now_ms);
        }
        if !inputs.is_empty() {
            self.consumer.forget(&inputs);
            self.reader.forget(&changelogs);
        }
    }

    /// Asks about a task, and takes the answers that are there.
    fn learn(&mut self, at: usize, now_ms: i64) -> Result<(), OpenError> {
        mutant!(EndBeforeOffsets => if let Stage::Offsets = self.opening[at].stage {
            self.read_ends_first(self.opening[at].id);
        });
        let opening = &mut self.opening[at];
        if let Stage::Offsets = opening.stage {
            let committed = self.consumer.committed(&opening.inputs);
            match committed.as_ref().err().and_then(TransportError::timed_out) {
                // Pending, or a broker that does not answer: because it is being started again, or somebody else
                // takes over from it.
                Some(waits_for) => {
                    opening.waits_for = waits_for;
                    return Ok(());
                }
                None => {
                    let plan = &self.plan.subs[opening.id.sub];
                    let known = Known::new(plan, opening.id.partition, committed?, now_ms)
                        .or_first(all_inputs(&self.plan), own_topics(&self.plan, &self.topology, opening.id));
                    if !known.has_offsets() && opening.task.as_ref().is_some_and(Task::has_offsets) {
                        return self.misses_offsets(at, OpenError::OffsetsGone, now_ms);
                    }
                    opening.enter(Stage::Ends(known), now_ms);
                }
            }
        }
        if let Stage::Ends(known) = &mut opening.stage {
            if let Some(waits_for) =
                known.ask(&opening.inputs, &mut self.consumer, &mut self.reader, &mut self.empty)?
            {
                opening.waits_for = waits_for;
                return Ok(());
            }
            let unfit = known.unfit(&opening.inputs).filter(|_| !mutant!(InputsByName));
            if let Some(unfit) = unfit {
                let cause = opening.misfit(unfit);
                return self.misses_offsets(at, cause, now_ms);
            }
            if let Stage::Ends(known) = std::mem::replace(&mut opening.stage, Stage::Begun) {
                opening.enter(Stage::Known(known), now_ms);
            }
        }
        Ok(())
    }

    /// Opens the stores of tasks of which everything is known, as many as there is time for. Returns how many tasks
    /// went on.
    fn begin_replays(&mut self, now_ms: i64) -> Result<usize, WorkerError> {
        let is_alone = self.tasks.is_empty();
        if is_alone && self.opening.iter().any(|opening| opening.is_soon_answered(now_ms)) {
            return Ok(0);
        }
        let while_ms = if is_alone { OPENING_ALONE_MS } else { OPENING_MS };
        let mut begun = 0;
        for at in 0..self.opening.len() {
            let opening = &self.opening[at];
            if !matches!(opening.stage, Stage::Known(_)) || now_ms < opening.not_before_ms {
                continue;
            }
            // What survived has its stores open.
            if opening.survived_ms.is_some() || self.connect.now_ms() - now_ms < while_ms {
                match self.begin_replay(at) {
                    Ok(went_on) => begun += usize::from(went_on),
                    Err(cause) => self.put_off(at, cause, now_ms)?,
                }
            }
        }
        Ok(begun)
    }

    /// There must be offsets, and there are none: asks again, until it is certain that this is no mistake.
    fn misses_offsets(&mut self, at: usize, otherwise: OpenError, now_ms: i64) -> Result<(), OpenError> {
        let opening = &mut self.opening[at];
        // What was answered before this machine was suspended says nothing about now.
        let (since_ms, times) = opening.without_offsets.get_or_insert((opening.asked_ms, 0));
        *times += 1;
        // Two answers that are hours apart say less than many in a row: it may have slept in between.
        if opening.asked_ms.saturating_sub(*since_ms) >= OFFSETS_PATIENCE_MS && *times >= OFFSETS_ASKED {
            return Err(otherwise);
        }
        opening.not_before_ms = now_ms + RETRY_MS;
        opening.stage = Stage::Begun;
        Ok(())
    }

    /// The stores are there, if settling left it at that: reads the inputs.
    fn finish(&mut self, at: usize, now_ms: i64) -> Result<(), OpenError> {
        let opening = &mut self.opening[at];
        if !opening.is_done() {
            return Ok(());
        }
        let Stage::Replaying { replays, has_offsets, written: has_written } = &opening.stage else {
            return Ok(());
        };
        let Some(task) = &mut opening.task else { return Ok(()) };
        let wired = task.wired_mut();
        if !has_offsets
            && !mutant!(NoOffsetsIsStart)
            && let Some((replay, _)) = replays.iter().find(|(replay, _)| replay.found)
        {
            let cause = OpenError::NoOffsets(replay.store, replay.partition().topic.clone());
            return self.misses_offsets(at, cause, now_ms);
        }
        if let Some(topic) = has_written
            && !mutant!(WrittenIsStart)
        {
            let cause = OpenError::Written(topic.clone());
            return self.misses_offsets(at, cause, now_ms);
        }
        // That nothing is committed was true when it was asked. A machine that was suspended since asks again.
        if !has_offsets && now_ms.saturating_sub(opening.asked_ms) > OFFSETS_PATIENCE_MS {
            opening.stop(&mut self.reader, &self.connect);
            return Ok(());
        }
        let times = wired.times.to_metadata().into_bytes();
        for (replay, _) in replays {
            // Without offsets nothing was ever committed, and that is how it must look after the next crash too.
            replay.finish(&mut wired.remembering, times.clone(), *has_offsets)?;
            let report = replay.report(opening.id);
            self.restored.retain(|other| (other.task, other.store) != (report.task, report.store));
            self.restored.push(report);
        }
        tell(opening.id, replays, RestoreStage::Ended, &self.connect);
        // What is written is there for all to see, though perhaps in vain, and says that this was not the first start.
        let is_told = !own_topics(&self.plan, &self.topology, opening.id).is_empty();
        self.begins |= (self.guarantee == Guarantee::AtLeastOnce || is_told)
            && task.is_changed()
            && !mutant!(BeginsUncommitted);
        let opening = self.opening.remove(at);
        self.tasks.extend(opening.task);
        let last = self.tasks.len() - 1;
        match self.read(last) {
            Ok(()) => {
                tracing::info!(task = %self.tasks[last].id(), "running");
                Ok(())
            }
            Err(cause) => {
                if let Some(task) = self.tasks.pop() {
                    let plan = &self.plan.subs[task.id().sub];
                    self.opening.insert(at, Opening::again(task, plan, self.owned_ms));
                }
                Err(cause.into())
            }
        }
    }

    /// True if an input is certainly another topic than the one its task was opened with. Then it is to be opened again, which
    /// says so.
    pub(crate) fn reads_another(&mut self, at: usize) -> bool {
        let Some(origin) = Origin::of(self.tasks[at].origin()) else { return false };
        let topics: Vec<String> = self.tasks[at].positions().map(|(place, _)| place.topic).collect();
        let is_another = |topic: &String| {
            // What nobody answers at once is learnt of later.
            self.consumer.topic_id(topic).is_ok_and(|id| origin.is(topic, id) == Some(false))
        };
        !mutant!(InputsByName) && topics.iter().any(is_another)
    }

    /// A broker that does not answer is asked again: for as long as it takes, as by those who write and read.
    /// Everything else sets the task aside.
    fn put_off(&mut self, at: usize, cause: OpenError, now_ms: i64) -> Result<(), WorkerError> {
        if !cause.is_no_answer() {
            return Err(self.cannot_open(at, cause));
        }
        tracing::warn!(task = %self.opening[at].id, %cause, "a task is not open yet: asks again");
        self.opening[at].stop(&mut self.reader, &self.connect);
        self.opening[at].not_before_ms = now_ms + RETRY_MS;
        Ok(())
    }

    /// Sets a task aside that cannot be opened. Its partitions stay here: another instance would fail as well.
    fn cannot_open(&mut self, at: usize, cause: OpenError) -> WorkerError {
        let mut opening = self.opening.remove(at);
        let task = opening.id;
        opening.stop(&mut self.reader, &self.connect);
        self.aside.push(task);
        WorkerError::Open { task, cause }
    }

    /// Forgets the tasks that `goes` says, whatever stage they are in.
    pub(crate) fn close_opening(&mut self, goes: impl Fn(TaskId) -> bool) {
        self.aside.retain(|&id| !goes(id));
        let (gone, stay) =
            std::mem::take(&mut self.opening).into_iter().partition::<Vec<_>, _>(|opening| goes(opening.id));
        self.opening = stay;
        gone.into_iter().for_each(|mut opening| opening.stop(&mut self.reader, &self.connect));
    }
}
