//! The loop of one thread: `poll → process → commit`, one consumer, one transactional producer, its tasks.
//!
//! It is stepped by hand: nothing in it sleeps, waits or starts a thread, so the test driver, the simulator and
//! production run the same code. What cannot be done yet (offsets that are pending, an open transaction before the
//! end of a changelog, markers of the producer's last transaction, whatever brokers have not answered) is tried again at
//! the next step, and the tasks that can go on do.
//!
//! ```text
//! worker   what comes in, who gets it, what is processed        (this file)
//! joining  whether the group is one of equals
//! open     from an assigned partition to a task that reads      restore   a store up to its changelog's end
//! commit   what leaves, in which order, and how it is taken back
//! turns    who is processed for how long                        pressure  what happens as memory fills up
//! closing  how a worker ends                           connect   what a worker is made of
//! ```
//!
//! It knows tasks and the transport's traits; it does not know steps, formats or which transport it is.

mod connect;
mod failed;
#[cfg(feature = "mutants")]
mod wrong;

pub(crate) use self::connect::MessageOf;
pub use self::connect::{Connect, member_id};
pub use self::failed::WorkerError;
#[cfg(feature = "mutants")]
pub(crate) use self::wrong::first_end;

use crate::commit::Commit;
use crate::guarantee::Guarantee;
use crate::joining::Joining;
use crate::mutants::mutant;
use crate::open::Opening;
use crate::pressure::Pressure;
use crate::repeated::Repeated;
use crate::restore::RestoredStore;
use crate::task::{Due, Task, TaskId};
use crate::topology::{Plan, TopicRef, Topology};
use crate::transport::{
    CommittedOffset, Consumer, Event, Events, Message, Producer, TopicPartition, TransportError,
};
use std::collections::HashSet;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Records fetched.
    pub fetched: usize,
    /// Records replayed from changelogs, and tasks that were opened.
    pub opened: usize,
    /// Records processed.
    pub processed: usize,
}

impl Step {
    /// True if there was nothing to do.
    pub fn is_idle(&self) -> bool {
        *self == Step::default()
    }
}

/// Where a fetched record goes.
#[derive(Clone, Copy)]
struct Destination {
    task: usize,
    input: usize,
}

/// Takes what is fetched to where it is processed; what the group says waits until everything is there.
struct Inputs<'w, M> {
    slots: &'w [Option<Destination>],
    tasks: &'w mut [Task<M>],
    group: &'w mut Vec<Event<M>>,
}

impl<M: Message> Events<M> for Inputs<'_, M> {
    fn hand(&mut self, event: Event<M>) {
        match event {
            Event::Record { slot, message } => self.record(slot, message),
            Event::End { slot, position } => self.end(slot, position),
            event => self.group.push(event),
        }
    }

    // Always inlined: a message that is handed on is read before it is written through.
    #[inline(always)]
    fn record(&mut self, slot: u32, message: M) {
        if let Some(Some(to)) = self.slots.get(slot as usize) {
            self.tasks[to.task].buffer(to.input, message);
        }
    }

    #[inline(always)]
    fn end(&mut self, slot: u32, position: i64) {
        if let Some(Some(to)) = self.slots.get(slot as usize) {
            self.tasks[to.task].ended(to.input, position);
        }
    }
}

/// The tasks of one thread.
pub struct Worker<C: Connect> {
    pub(crate) connect: C,
    pub(crate) topology: Topology,
    pub(crate) plan: Plan,
    pub(crate) consumer: C::Consumer,
    pub(crate) producer: C::Producer,
    /// False until `init` of the producer succeeded: before that no end of a log may be trusted, because a
    /// transaction of its predecessor may be undecided.
    pub(crate) ready: bool,
    /// True if another producer must take the place of this one, because the outcome of its transaction is unknown.
    pub(crate) renew: bool,
    pub(crate) tasks: Vec<Task<MessageOf<C>>>,
    /// What the group gave before it was asked who else is in it.
    pub(crate) joining: Joining,
    pub(crate) opening: Vec<Opening<MessageOf<C>>>,
    /// Tasks that could not be opened.
    pub(crate) aside: Vec<TaskId>,
    /// Reads changelogs.
    pub(crate) reader: C::Consumer,
    pub(crate) replayed: Vec<Event<MessageOf<C>>>,
    /// What opening each store took, the last time.
    pub(crate) restored: Vec<RestoredStore>,
    /// By the slot of an assigned partition.
    slots: Vec<Option<Destination>>,
    /// What the group said in the last poll.
    group: Vec<Event<MessageOf<C>>>,
    /// The tasks of the commit at hand, and their offsets: kept, so that a commit like the one before it needs no
    /// memory.
    pub(crate) changed: Vec<usize>,
    pub(crate) offsets: Vec<(TopicPartition, CommittedOffset)>,
    pub(crate) guarantee: Guarantee,
    /// True if something was written since the last commit. Exactly once that is in a transaction.
    pub(crate) in_transaction: bool,
    /// True if the next commit should not wait until it is due.
    pub(crate) commit_now: bool,
    /// The wall clock at the last round.
    pub(crate) owned_ms: i64,
    /// The task that is processed first: the one that was left without its turn.
    pub(crate) turn: usize,
    pub(crate) pressure: Pressure,
    /// True if a task was opened that has no offsets yet, and where it begins must be committed before it writes
    /// anything: at least once, a crash between rows and offsets would leave rows of which nobody knows where they
    /// came from.
    pub(crate) begins: bool,
    /// Partitions of the application's own topics that were empty when this worker looked first: it had not begun then.
    pub(crate) empty: HashSet<TopicPartition>,
    pub(crate) taken_back: Repeated,
    pub(crate) unknown: Repeated,
    /// True once the group has it for a member, as far as was looked.
    has_joined: bool,
    /// True if nothing is to be processed.
    pub(crate) paused: bool,
}

/// How long to wait for what nobody tells: offsets that are pending, a transaction of a predecessor.
const WAITING_MS: u64 = 10;

/// How many records are fetched at once, and processed by a task before it is the next one's turn.
pub(crate) const BATCH: usize = 1024;

impl<C: Connect> Worker<C> {
    /// Joins the group. Tasks come with the first steps.
    ///
    /// # Errors
    /// If the log refuses the subscription.
    pub fn start(connect: C, topology: Topology, plan: Plan) -> Result<Self, WorkerError> {
        let (mut consumer, producer) = (connect.consumer(plan.leaders_hash())?, connect.producer()?);
        let guarantee = connect.guarantee();
        consumer.subscribe(&plan.leading())?;
        let mut reader = connect.restore_consumer()?;
        reader.share_wakeup(&consumer);
        let (now_ms, pressure) = (connect.now_ms(), Pressure::within(connect.memory()));
        Ok(Worker {
            connect,
            topology,
            plan,
            consumer,
            producer,
            ready: false,
            renew: false,
            tasks: Vec::new(),
            joining: Joining::default(),
            opening: Vec::new(),
            aside: Vec::new(),
            reader,
            replayed: Vec::new(),
            restored: Vec::new(),
            slots: Vec::new(),
            group: Vec::new(),
            changed: Vec::new(),
            offsets: Vec::new(),
            guarantee,
            in_transaction: false,
            commit_now: false,
            owned_ms: now_ms,
            turn: 0,
            pressure,
            begins: false,
            empty: HashSet::new(),
            taken_back: Repeated::default(),
            unknown: Repeated::default(),
            has_joined: false,
            paused: false,
        })
    }

    /// The tasks that run, those that are set aside at a record included.
    pub fn tasks(&self) -> &[Task<MessageOf<C>>] {
        &self.tasks
    }

    /// The tasks that are being opened.
    pub fn opening(&self) -> Vec<TaskId> {
        self.opening.iter().map(Opening::id).collect()
    }

    /// The tasks that were given to this member and are not opened before it knows who else is in the group.
    pub fn joining(&self) -> Vec<TaskId> {
        self.joining.tasks(&self.plan).collect()
    }

    /// What it took to bring each store up to its changelog when it was last opened here: how many records were
    /// replayed, from where to where, and whether rows on disk were not used.
    pub fn restored(&self) -> &[RestoredStore] {
        &self.restored
    }

    /// The tasks that failed. They stay this worker's, so that nobody else fails on them too.
    pub fn set_aside(&self) -> Vec<TaskId> {
        let stopped = self.tasks.iter().filter(|task| task.is_set_aside()).map(Task::id);
        stopped.chain(self.aside.iter().copied()).collect()
    }

    /// True if there is work that must wait for somebody else: the producer does not own its id yet, it is not known
    /// who else is in the group, or tasks are being opened. A step that did nothing does not mean that there is nothing to do then.
    pub fn is_waiting(&self) -> bool {
        !self.ready || !self.joining.is_done() || !self.opening.is_empty() || self.begins
    }

    /// True if the group has it for a member: it was told of its share of the partitions, which may be none.
    pub fn has_joined(&mut self) -> bool {
        // Who has something is told when it is lost; who has nothing is not.
        let has_nothing = self.tasks.is_empty() && self.opening.is_empty();
        if has_nothing || !self.has_joined {
            self.has_joined = self.consumer.is_member();
        }
        self.has_joined
    }

    /// The generation of the group, as far as this member knows; another one means that somebody came or went. None while it is
    /// no member.
    pub fn generation(&self) -> Option<i32> {
        self.consumer.group_metadata().map(|group| group.generation)
    }

    /// From now on steps process nothing, or do so again. They follow the group, open tasks and fetch, up to the memory there
    /// is for records that wait.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// True if it is paused and takes no more records: waiting for some would be waiting for those that it does not take.
    pub fn is_full(&self) -> bool {
        self.paused && self.room() == 0
    }

    /// Asks anew how much memory it may take, because there are more workers now, or fewer.
    pub fn share_memory(&mut self) {
        self.pressure.share_anew(self.connect.memory());
    }

    /// True if a commit should not wait until it is due.
    pub fn wants_commit(&self) -> bool {
        self.commit_now
    }

    /// True if everything there is to read is processed, as far as is known. A step that did nothing may have come
    /// before the answer to a fetch.
    pub fn is_at_ends(&self) -> bool {
        !self.is_waiting() && self.tasks.iter().all(Task::is_at_ends)
    }

    /// True if something was processed since the last commit.
    pub fn is_changed(&self) -> bool {
        self.tasks.iter().any(Task::is_changed)
    }

    /// The next commit, which should come at once, writes the positions of every task, moved or not, with the times that
    /// stand beside them. Kafka forgets the offsets of topics that nobody subscribes to once they are older than
    /// `offsets.retention.minutes`, also while the group lives, and members subscribe to the leaders only: call it
    /// several times in that span.
    pub fn renew_offsets(&mut self) {
        mutant!(NeverRenewed => return);
        self.tasks.iter_mut().for_each(Task::renew);
        self.commit_now |= self.is_changed();
    }

    /// Committed positions in internal topics that are only read to be processed: what is before them is read by nobody
    /// any more.
    pub fn consumed(&self) -> Vec<(TopicPartition, i64)> {
        let repartition = |task: &Task<_>| -> Vec<&str> {
            let sources = self.plan.subs[task.id().sub].sources.iter();
            let internal = sources.filter(|source| matches!(source.topic, TopicRef::Internal(_)));
            internal.map(|source| source.name.as_str()).collect()
        };
        let mut consumed = Vec::new();
        for task in &self.tasks {
            let internal = repartition(task);
            consumed.extend(task.committed_positions().filter(|(p, _)| internal.contains(&p.topic.as_str())));
        }
        consumed
    }

    /// Waits until there may be something to do, at most so long.
    pub fn rest(&mut self, ms: u64) {
        // What is replayed wakes it as well, but what is undecided wakes nobody.
        self.consumer.wait(if self.is_waiting() { ms.min(WAITING_MS) } else { ms });
    }

    /// True if a step would certainly do nothing: what was fetched is processed, and nothing new is there. Called
    /// after a commit it saves a round that finds nothing.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_waiting() && !self.tasks.iter().any(Task::has_fetched) && !self.consumer.has_news()
    }

    /// Follows the group, opens tasks, fetches, and processes up to `max` records. It does not commit: when to is
    /// the caller's decision.
    ///
    /// # Errors
    /// If a task fails, which is set aside then, or the log does. It may be called again after any error.
    pub fn step(&mut self, max: usize) -> Result<Step, WorkerError> {
        let mut step = Step { fetched: self.poll()?, ..Step::default() };
        if !self.joining.is_done() {
            self.agree()?;
        }
        self.balance()?;
        if self.is_ready()? {
            if !self.opening.is_empty() || self.begins {
                step.opened = self.open_some()?;
            }
            if !self.paused && !self.begins {
                step.processed = self.process(max, step.fetched)?;
            }
        }
        Ok(step)
    }

    /// Goes on with opening tasks. Returns how many changes were restored.
    #[cold]
    fn open_some(&mut self) -> Result<usize, WorkerError> {
        let opened = self.open_step(BATCH)?;
        mutant!(WaitsToOpen => self.wait_until_open()?);
        if self.begins {
            self.begins = self.commit()? == Commit::TakenBack;
        }
        Ok(opened)
    }

    /// True once the producer owns its id.
    #[inline]
    pub(crate) fn is_ready(&mut self) -> Result<bool, WorkerError> {
        if self.ready { Ok(true) } else { self.make_ready() }
    }

    #[cold]
    fn make_ready(&mut self) -> Result<bool, WorkerError> {
        if self.renew {
            self.producer = self.connect.producer()?;
            self.renew = false;
        }
        if !self.ready {
            match self.producer.init() {
                Ok(()) => self.ready = true,
                Err(cause) if cause.timed_out().is_some() => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(self.ready)
    }

    /// Fetches what there is, up to a batch, and follows the group. Returns how many records came.
    #[inline]
    fn poll(&mut self) -> Result<usize, WorkerError> {
        let room = self.room();
        let mut inputs = Inputs { slots: &self.slots, tasks: &mut self.tasks, group: &mut self.group };
        let fetched = self.consumer.poll(&mut inputs, room);
        if !self.group.is_empty() {
            self.follow_group()?;
        }
        match fetched {
            Ok(fetched) => Ok(fetched),
            Err(cause) => self.unreadable(cause),
        }
    }

    /// Does what the group says. All records that came with it are with their tasks: who is rewound drops them.
    #[cold]
    fn follow_group(&mut self) -> Result<(), WorkerError> {
        let mut first = Ok(());
        mutant!(RejoinedKept => wrong::forget_losses(&mut self.group));
        for event in std::mem::take(&mut self.group) {
            // Whatever happens: every event is worked off, and the first error is told afterwards. A partition
            // that is not given back would stay here for ever.
            first = first.and(match event {
                Event::Assigned(partitions) => self.given(&partitions),
                Event::Revoked(partitions) => self.give_back(&partitions),
                Event::Lost(partitions) => self.lose(&partitions),
                Event::Record { .. } | Event::End { .. } => Ok(()),
            });
        }
        first
    }

    /// Commits, and gives up what the group takes back.
    #[cold]
    fn give_back(&mut self, partitions: &[TopicPartition]) -> Result<(), WorkerError> {
        let committed = if mutant!(RevokedUncommitted) { Ok(()) } else { self.commit().map(drop) };
        let closed = self.close_tasks(if mutant!(RevokedKept) { &[] } else { partitions }, true);
        let confirmed = self.consumer.revoked(partitions).map_err(WorkerError::from);
        committed.and(closed).and(confirmed)
    }

    /// Gives up what others have already.
    #[cold]
    fn lose(&mut self, partitions: &[TopicPartition]) -> Result<(), WorkerError> {
        self.has_joined = false;
        let taken_back = self.take_back();
        let closed = self.close_tasks(if mutant!(LostKept) { &[] } else { partitions }, false);
        let confirmed = self.consumer.revoked(partitions).map_err(WorkerError::from);
        taken_back.and(closed).and(confirmed)
    }

    /// An input that the log cannot give any more stops its task, not the worker.
    #[cold]
    fn unreadable(&mut self, cause: TransportError) -> Result<usize, WorkerError> {
        let (topic, partition) = match &cause {
            TransportError::OffsetOutOfRange { topic, partition, .. } => (topic, Some(*partition)),
            TransportError::UnknownTopic(topic) => (topic, None),
            _ => {
                mutant!(ReplacedGoesOn => if let TransportError::Replaced { .. } = cause { return Ok(0) });
                return Err(cause.into());
            }
        };
        let mut stopped = None;
        for at in 0..self.tasks.len() {
            if self.tasks[at].stop(topic, partition) {
                self.stop_reading(at);
                stopped = stopped.or(Some(self.tasks[at].id()));
            }
        }
        match stopped {
            Some(task) => Err(WorkerError::Input { task, cause }),
            // It was lost a moment ago, while this worker slept, and its new owner had it deleted behind itself.
            None if matches!(cause, TransportError::OffsetOutOfRange { .. }) => Ok(0),
            None => Err(cause.into()),
        }
    }

    /// Starts to read every input of a task where the task is; all of them or none.
    pub(crate) fn read(&mut self, task: usize) -> Result<(), TransportError> {
        if self.tasks[task].is_done() {
            // What still came for it would be taken for what follows where it stands: records, and ends of the log.
            self.stop_reading(task);
            return Ok(());
        }
        if self.reads_another(task) {
            return Err(TransportError::TimedOut("learning of a topic that was made anew"));
        }
        // Or what is read of it would go to whoever has its place next.
        self.read_inputs(task).inspect_err(|_| self.stop_reading(task))
    }

    fn read_inputs(&mut self, task: usize) -> Result<(), TransportError> {
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

    /// A task that goes no further is not fetched for.
    pub(crate) fn stop_reading(&mut self, task: usize) {
        self.tasks[task].drop_fetched();
        self.tasks[task].positions().for_each(|(partition, _)| self.consumer.unassign(&partition));
        for slot in &mut self.slots {
            *slot = slot.filter(|to| to.task != task);
        }
    }

    /// Takes every task out, and stops reading.
    pub(crate) fn take_tasks(&mut self) -> Vec<Task<MessageOf<C>>> {
        for task in &self.tasks {
            task.positions().for_each(|(partition, _)| self.consumer.unassign(&partition));
        }
        self.slots.clear();
        std::mem::take(&mut self.tasks)
    }

    /// Closes the tasks whose leader partitions these are, whatever stage they are in. With `apply`, what is
    /// committed goes to the engines first, so that the next owner on this disk need not replay it.
    pub(crate) fn close_tasks(
        &mut self,
        partitions: &[TopicPartition],
        apply: bool,
    ) -> Result<(), WorkerError> {
        let leaders = self.plan.leading();
        let goes =
            |id: TaskId| partitions.iter().any(|p| p.topic == leaders[id.sub] && p.partition == id.partition);
        if !mutant!(JoiningKept) {
            self.joining.forget(partitions);
        }
        self.close_opening(goes);
        let (mut applied, now_ms, owned_ms) = (Ok(()), self.connect.now_ms(), self.owned_ms);
        let mut moved = Vec::with_capacity(self.tasks.len());
        let mut stay = Vec::new();
        for mut task in std::mem::take(&mut self.tasks) {
            if goes(task.id()) {
                tracing::info!(task = %task.id(), "given back");
                task.positions().for_each(|(partition, _)| self.consumer.unassign(&partition));
                // A task with changes was just taken back; its changes are not in what is applied.
                if apply && applied.is_ok() {
                    let id = task.id();
                    applied = task
                        .apply(Due::NOW, now_ms, owned_ms)
                        .map_err(|cause| WorkerError::Store { task: id, cause });
                }
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
        applied
    }
}
