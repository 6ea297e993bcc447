//! The world of one seed: the log, the machines on it, and what happens to them, tick by tick.
//!
//! ```text
//! tick: the faults of the script ─→ records come in ─→ a worker or two do something
//! then: no more faults ─→ everybody works it off ─→ more records ─→ again ─→ a clean end ─→ one that begins with nothing
//! ```
//!
//! One thread; who works, and what happens in the middle of whose call, is decided by the seed. A worker is dropped when it
//! has crashed, as a process is gone: what it had not written is lost, its transaction stays open, its membership lasts
//! until its session has timed out.
//!
//! Here is what there is, and what others ask of it; `machines`, `ticks`, `records` and `ending` say what happens. None of
//! them knows what is right: `oracle` looks at what is left.

mod ending;
mod machines;
mod records;
mod ticks;
mod years;

use self::years::Anew;
use super::disk::Disk;
use super::journal::Journal;
use super::machine::{Machine, TRANSACTION};
use super::script::{Script, THREADS};
use super::seam::{Note, Seam, Who};
use super::trace::Trace;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::{Rc, Weak};
use streams_runtime::state::OverlayLimit;
use streams_runtime::task::TaskId;
use streams_runtime::topology::{Plan, PlannedTopic, SubPlan};
use streams_runtime::transport::memory::{MemoryLog, MemoryMessage, MemoryProducer, TopicSettings};
use streams_runtime::transport::{Message, TopicPartition};
use streams_runtime::worker::Worker;

/// The application's id.
pub(super) const APPLICATION: &str = "app";

/// The topic of the numbers of transactions.
pub(super) const TRANSACTIONS: &str = "transactions";

/// Short, so that tasks move while a script runs.
const SESSION_TIMEOUT_MS: i64 = 4_000;
const TRANSACTION_TIMEOUT_MS: i64 = 9_000;

/// How long offsets are kept that nobody needs: Kafka's default.
const OFFSETS_RETENTION_MS: i64 = 7 * 24 * 3_600_000;

/// How long changelogs keep deletions.
const DELETE_RETENTION_MS: i64 = 24 * 3_600_000;

/// Rounds until a world without faults must have come to rest.
const ROUNDS: usize = 2_000;

/// Something a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A step of at most so many records.
    Step(usize),
    /// A commit.
    Commit,
    /// Everything processed is taken back.
    Abort,
    /// The next commit writes all positions.
    Renew,
}

/// A transaction that somebody tried to commit.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) who: Who,
    pub(super) notes: Vec<Note>,
}

/// A thread of a machine.
#[derive(Default)]
struct Slot {
    worker: RefCell<Option<Worker<Machine>>>,
    seam: RefCell<Option<Rc<Seam>>>,
    /// What a static member has when it is back, unless the group has moved on.
    returns: RefCell<Option<Returns>>,
}

/// A static member that closed as it should: in which generation, and what it had.
struct Returns {
    generation: i32,
    owned: BTreeSet<TopicPartition>,
    is_back: bool,
    /// How often something had struck when it came back.
    strikes: usize,
}

/// A machine.
struct Instance {
    disk: RefCell<Disk>,
    keeps_disk: bool,
    is_static: bool,
    /// True once there were two of it: whichever joined last makes the other one end.
    doubled: Cell<bool>,
    threads: usize,
    overlay: OverlayLimit,
    skew_ms: Cell<i64>,
    paused_until: Cell<usize>,
    /// Switched off, or asleep, until then.
    away_until: Cell<Option<usize>>,
}

/// Offset to record, of one partition.
pub(super) type Archive = BTreeMap<i64, MemoryMessage>;

/// Everything there is.
pub(super) struct World {
    pub(super) script: Script,
    pub(super) log: MemoryLog,
    pub(super) trace: Trace,
    pub(super) plan: Plan,
    pub(super) journal: Journal,
    /// Offsets that somebody knows to be committed, where there are no transactions.
    pub(super) confirmed: RefCell<BTreeMap<TopicPartition, i64>>,
    me: Weak<World>,
    slots: Vec<Slot>,
    /// What still runs though a second process has its identity.
    doubled: RefCell<Vec<Rc<Slot>>>,
    /// Clients that will join anew: when, and who they were.
    rejoining: RefCell<Vec<(usize, Rc<str>)>>,
    /// How many strikes there were.
    strikes: Cell<usize>,
    /// True once somebody was told to take back what it had processed.
    aborted: Cell<bool>,
    instances: Vec<Instance>,
    tick: Cell<usize>,
    incarnations: Cell<usize>,
    numbers: Cell<u64>,
    attempts: RefCell<HashMap<u64, Attempt>>,
    /// Which incarnation processed a task in a generation.
    processed_by: RefCell<HashMap<(TaskId, i32), (usize, Who)>>,
    violation: RefCell<Option<String>>,
    /// Records that were deleted or compacted away.
    archive: RefCell<BTreeMap<(String, u32), Archive>>,
    anew: RefCell<Anew>,
    /// True once brokers have forgotten something for good.
    forgotten: Cell<bool>,
    held_until: Cell<usize>,
    /// While they are held: markers of offsets are written at once.
    offsets_first: Cell<bool>,
    /// How many answers about committed offsets will be "none".
    hidden: Cell<u32>,
    /// How many answers about who is in the group will not come.
    unanswered: Cell<u32>,
    /// How many answers about inputs come from a broker that has not heard of them.
    unheard: Cell<u32>,
    feeders: Cell<usize>,
    unfinished: RefCell<Vec<MemoryProducer>>,
    event_ms: Cell<i64>,
}

/// What a topic that is fed or written to is created with.
pub(super) fn settings(script: &Script, topic: &str, partitions: u32) -> TopicSettings {
    let mut settings = TopicSettings::new(partitions);
    if let Some((_, limit)) = script.application.refuses.filter(|(refuses, _)| *refuses == topic) {
        settings.max_message_bytes = limit;
    }
    settings
}

impl World {
    pub(super) fn new(script: Script, traced: bool) -> Rc<World> {
        let log = MemoryLog::new();
        log.set_session_timeout_ms(SESSION_TIMEOUT_MS);
        log.set_transaction_timeout_ms(TRANSACTION_TIMEOUT_MS);
        log.set_offsets_retention_ms(OFFSETS_RETENTION_MS);
        let partitions = script.partitions;
        let fed = script.application.fed.iter().map(|fed| (fed.topic, fed.at_most.min(partitions)));
        let written = script.application.written.iter().map(|topic| (*topic, partitions));
        for (topic, partitions) in fed.chain(written).chain([(TRANSACTIONS, 1)]) {
            let settings = settings(&script, topic, partitions);
            log.create_topic_with(topic, settings).expect("topics have different names");
        }
        let topology = (script.application.topology)();
        let plan = Plan::of(&topology, APPLICATION, |topic, _| log.partitions(topic).ok())
            .expect("the topics fit their application");
        for topic in &plan.internal {
            let mut settings = TopicSettings::new(topic.partitions);
            settings.delete_retention_ms = Some(DELETE_RETENTION_MS);
            log.create_topic_with(&topic.name, settings).expect("topics have different names");
        }
        let instance = |n: usize| Instance {
            disk: RefCell::default(),
            keeps_disk: script.disks[n],
            is_static: script.statics && script.disks[n],
            doubled: Cell::new(false),
            threads: script.threads[n],
            overlay: script.overlays[n],
            skew_ms: Cell::new(0),
            paused_until: Cell::new(0),
            away_until: Cell::new(None),
        };
        let mut instances: Vec<Instance> = (0..script.threads.len()).map(instance).collect();
        // The one that begins with nothing, at the end.
        instances.push(Instance { threads: 1, is_static: false, ..instance(0) });
        Rc::new_cyclic(|me| World {
            log,
            trace: Trace::new(traced),
            plan,
            journal: Journal::default(),
            confirmed: RefCell::default(),
            me: me.clone(),
            slots: (0..instances.len() * THREADS).map(|_| Slot::default()).collect(),
            doubled: RefCell::default(),
            rejoining: RefCell::default(),
            strikes: Cell::new(0),
            aborted: Cell::new(false),
            instances,
            unheard: Cell::new(script.unheard),
            script,
            tick: Cell::new(0),
            incarnations: Cell::new(0),
            numbers: Cell::new(0),
            attempts: RefCell::default(),
            processed_by: RefCell::default(),
            violation: RefCell::default(),
            archive: RefCell::default(),
            anew: RefCell::default(),
            forgotten: Cell::new(false),
            held_until: Cell::new(0),
            offsets_first: Cell::new(false),
            hidden: Cell::new(0),
            unanswered: Cell::new(0),
            feeders: Cell::new(0),
            unfinished: RefCell::default(),
            event_ms: Cell::new(100),
        })
    }

    // What others ask.

    /// The first thing that was not as it must be.
    pub(super) fn violation(&self) -> Option<String> {
        self.violation.borrow().clone()
    }

    #[cold]
    pub(super) fn violated(&self, what: impl FnOnce() -> String) {
        let mut first = self.violation.borrow_mut();
        if first.is_none() {
            let what = what();
            self.trace.say(|| format!("✗ {what}"));
            *first = Some(what);
        }
    }

    /// Whether it is a broker that answers which has not heard of an input yet.
    pub(super) fn knows_too_little(&self) -> bool {
        let left = self.unheard.get();
        self.unheard.set(left.saturating_sub(1));
        left > 0
    }

    /// Whether an answer about who is in the group does not come.
    pub(super) fn loses_members(&self) -> bool {
        let left = self.unanswered.get();
        self.unanswered.set(left.saturating_sub(1));
        left > 0
    }

    /// Something strikes.
    pub(super) fn struck(&self) {
        self.strikes.set(self.strikes.get() + 1);
    }

    fn is_over(&self) -> bool {
        self.violation.borrow().is_some()
    }

    pub(super) fn skew_ms(&self, instance: usize) -> i64 {
        self.instances[instance].skew_ms.get()
    }

    pub(super) fn next_transaction(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// A producer has its id now: what the one before it left open is over.
    pub(super) fn takes_over(&self, who: Who) {
        let (id, more) = (format!("{APPLICATION}-{who}"), format!("{APPLICATION}-{who}-"));
        let left =
            self.log.open_transactions().into_iter().find(|open| *open == id || open.starts_with(&more));
        if let Some(left) = left {
            self.violated(|| format!("{who} goes on while its last transaction is open, as `{left}`"));
        }
    }

    pub(super) fn commits(&self, number: u64, who: Who, notes: Vec<Note>) {
        self.attempts.borrow_mut().insert(number, Attempt { who, notes });
    }

    pub(super) fn attempts(&self) -> HashMap<u64, Attempt> {
        self.attempts.borrow().clone()
    }

    /// True if a topic has grown.
    fn has_grown(&self) -> bool {
        let Some(topic) = self.script.application.grows else { return false };
        let fed = self.script.application.fed.iter().find(|fed| fed.topic == topic);
        let had = fed.map_or(0, |fed| fed.at_most.min(self.script.partitions));
        self.log.partitions(topic).is_ok_and(|has| has > had)
    }

    /// True if a topic has grown that nobody can read on: whoever is given what is new of it ends.
    pub(super) fn is_outgrown(&self) -> bool {
        let Some(topic) = self.script.application.grows else { return false };
        let leads = |sub: &&SubPlan| sub.sources[sub.leader].name == topic;
        let sub = self.plan.subs.iter().find(leads);
        let grown = |sub: &SubPlan| self.log.partitions(topic).is_ok_and(|has| has > sub.tasks);
        sub.is_some_and(|sub| !sub.takes_more_of(topic) && grown(sub))
    }

    /// How many partitions of an input are read: one that has grown is read on where nothing is kept.
    pub(super) fn partitions_read(&self, sub: &SubPlan, source: &PlannedTopic) -> u32 {
        match sub.takes_more_of(&source.name) {
            true => self.log.partitions(&source.name).unwrap_or(source.partitions),
            false => source.partitions,
        }
    }

    /// Which task reads a partition, and whose owner owns the task.
    pub(super) fn task_of(&self, partition: &TopicPartition) -> Option<(TaskId, TopicPartition)> {
        let reads = |sub: &streams_runtime::topology::SubPlan| {
            sub.sources.iter().any(|source| source.name == partition.topic)
        };
        let task = TaskId { sub: self.plan.subs.iter().position(reads)?, partition: partition.partition };
        Some((task, self.leader_of(task)?))
    }

    pub(super) fn leader_of(&self, task: TaskId) -> Option<TopicPartition> {
        let sub = self.plan.subs.get(task.sub)?;
        Some(TopicPartition { topic: sub.sources[sub.leader].name.clone(), partition: task.partition })
    }

    /// A task is processed: by nobody else in the same generation.
    pub(super) fn processes(&self, task: TaskId, generation: i32, seam: &Seam) {
        let mut processed_by = self.processed_by.borrow_mut();
        let last = processed_by.entry((task, generation)).or_insert((seam.incarnation, seam.who));
        let (first, who) = *last;
        if who == seam.who && self.instances[who.instance].is_static {
            // The next of a name has the place of the one before it, in the same generation.
            *last = (seam.incarnation.max(first), who);
        } else if first != seam.incarnation {
            self.violated(|| {
                format!("task {task} is processed by {who} and by {} in generation {generation}", seam.who)
            });
        }
    }

    /// True if somebody was told to take back what it had processed.
    pub(super) fn was_aborted(&self) -> bool {
        self.aborted.get()
    }

    /// How many records of an attempt have arrived in a partition, from an offset on.
    pub(super) fn arrived(&self, place: &TopicPartition, from: i64, number: u64) -> usize {
        let number = number.to_be_bytes();
        let is_of = |message: &&MemoryMessage| message.headers().last(TRANSACTION) == Some(&number[..]);
        // Consumed and deleted perhaps, before its writer came to its commit.
        let visible = self.visible(&place.topic, place.partition);
        visible.range(from..).map(|(_, message)| message).filter(is_of).count()
    }

    /// All records of a partition that were ever visible.
    pub(super) fn visible(&self, topic: &str, partition: u32) -> Archive {
        let mut records =
            self.archive.borrow().get(&(topic.to_owned(), partition)).cloned().unwrap_or_default();
        let anew = self.anew.borrow();
        // Nothing of it may be seen by anybody.
        if anew.is_another_input(topic) {
            return records;
        }
        if let Ok(now) = self.log.read_committed(topic, partition, 0) {
            let placed =
                |message: MemoryMessage| Some((anew.place(topic, partition, message.offset())?, message));
            records.extend(now.filter_map(placed));
        }
        records
    }
}
