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
//! Knows how a fault is made to happen. Does not know what is right; `oracle` looks at what is left.

use super::applications::{Fed, Values};
use super::disk::{Disk, Fate};
use super::machine::Machine;
use super::observed::on_behalf;
use super::script::{Fault, Script, THREADS, What};
use super::seam::{Crash, Note, Seam, Who};
use super::trace::Trace;
use crate::random::Random;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use streams_runtime::Headers;
use streams_runtime::commit::Commit;
use streams_runtime::open::OpenError;
use streams_runtime::state::OverlayLimit;
use streams_runtime::task::TaskId;
use streams_runtime::topology::Plan;
use streams_runtime::transport::memory::{
    Marker, MarkerTarget, MemoryLog, MemoryMessage, MemoryProducer, TopicSettings,
};
use streams_runtime::transport::{Message, Outgoing, Producer, TopicPartition, TransportError};
use streams_runtime::worker::{Worker, WorkerError};

/// The application's id.
pub(super) const APPLICATION: &str = "app";

/// The topic of the numbers of transactions.
pub(super) const TRANSACTIONS: &str = "transactions";

/// Short, so that tasks move while a script runs.
const SESSION_TIMEOUT_MS: i64 = 4_000;
const TRANSACTION_TIMEOUT_MS: i64 = 9_000;

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
}

/// A machine.
struct Instance {
    disk: Disk,
    keeps_disk: bool,
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
    me: Weak<World>,
    slots: Vec<Slot>,
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
    /// When a deletion was first seen by a compaction.
    deletions: RefCell<HashMap<(String, u32, i64), i64>>,
    held_until: Cell<usize>,
    /// While they are held: markers of offsets are written at once.
    offsets_first: Cell<bool>,
    /// How many answers about committed offsets will be "none".
    hidden: Cell<u32>,
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
            disk: Disk::default(),
            keeps_disk: script.disks[n],
            threads: script.threads[n],
            overlay: script.overlays[n],
            skew_ms: Cell::new(0),
            paused_until: Cell::new(0),
            away_until: Cell::new(None),
        };
        let mut instances: Vec<Instance> = (0..script.threads.len()).map(instance).collect();
        // The one that begins with nothing, at the end.
        instances.push(Instance { threads: 1, ..instance(0) });
        Rc::new_cyclic(|me| World {
            log,
            trace: Trace::new(traced),
            plan,
            me: me.clone(),
            slots: (0..instances.len() * THREADS).map(|_| Slot::default()).collect(),
            instances,
            script,
            tick: Cell::new(0),
            incarnations: Cell::new(0),
            numbers: Cell::new(0),
            attempts: RefCell::default(),
            processed_by: RefCell::default(),
            violation: RefCell::default(),
            archive: RefCell::default(),
            deletions: RefCell::default(),
            held_until: Cell::new(0),
            offsets_first: Cell::new(false),
            hidden: Cell::new(0),
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
        let (first, who) = *processed_by.entry((task, generation)).or_insert((seam.incarnation, seam.who));
        if first != seam.incarnation {
            self.violated(|| {
                format!("task {task} is processed by {who} and by {} in generation {generation}", seam.who)
            });
        }
    }

    /// All records of a partition that were ever visible.
    pub(super) fn visible(&self, topic: &str, partition: u32) -> Archive {
        let mut records =
            self.archive.borrow().get(&(topic.to_owned(), partition)).cloned().unwrap_or_default();
        if let Ok(now) = self.log.read_committed(topic, partition, 0) {
            records.extend(now.map(|message| (message.offset(), message)));
        }
        records
    }

    // Machines.

    fn slots_of(&self, instance: usize) -> std::ops::Range<usize> {
        instance * THREADS..instance * THREADS + self.instances[instance].threads
    }

    fn seam(&self, slot: usize) -> Option<Rc<Seam>> {
        self.slots[slot].seam.borrow().clone()
    }

    fn lives(&self, slot: usize) -> bool {
        self.seam(slot).is_some()
    }

    /// The machine is gone; its workers unwind as soon as they touch anything.
    pub(super) fn power_off(&self, instance: usize, fate: Fate) {
        for slot in self.slots_of(instance) {
            if let Some(seam) = self.seam(slot) {
                seam.die();
            }
        }
        self.instances[instance].disk.meet(fate);
    }

    /// Drops the workers that are dead and not in the middle of something.
    fn bury(&self) {
        for slot in &self.slots {
            let is_dead = slot.seam.borrow().as_ref().is_some_and(|seam| seam.is_dead());
            if is_dead && let Ok(mut worker) = slot.worker.try_borrow_mut() {
                let (worker, seam) = (worker.take(), slot.seam.take());
                if let (Some(worker), Some(seam)) = (worker, seam) {
                    on_behalf(&seam, || drop(worker));
                }
            }
        }
    }

    /// Starts every thread of a machine that does not run.
    fn start(&self, instance: usize) {
        let machine = &self.instances[instance];
        if self.slots_of(instance).all(|slot| !self.lives(slot)) && !machine.keeps_disk {
            machine.disk.meet(Fate::Deleted);
        }
        for (thread, slot) in self.slots_of(instance).enumerate().filter(|(_, slot)| !self.lives(*slot)) {
            let Some(world) = self.me.upgrade() else { return };
            let who = Who { instance, thread };
            self.incarnations.set(self.incarnations.get() + 1);
            let seam = Seam::new(&world, who, self.incarnations.get());
            let topology = (self.script.application.topology)();
            let plan = || Plan::of(&topology, APPLICATION, |topic, _| self.log.partitions(topic).ok());
            let plan = match on_behalf(&seam, plan) {
                Ok(plan) => plan,
                Err(refused) => {
                    self.trace.say(|| format!("{who} is refused: {refused}"));
                    continue;
                }
            };
            let connect = Machine {
                seam: seam.clone(),
                log: self.log.clone(),
                application: APPLICATION,
                disk: machine.disk.clone(),
                overlay: machine.overlay,
            };
            match on_behalf(&seam, || Worker::start(connect, topology, plan)) {
                Ok(worker) => {
                    self.trace.say(|| format!("{who} starts"));
                    self.slots[slot].worker.replace(Some(worker));
                    self.slots[slot].seam.replace(Some(seam));
                }
                Err(error) => self.violated(|| format!("{who} does not start: {error}")),
            }
        }
    }

    /// Ends every thread of a machine as it should end.
    fn stop(&self, instance: usize) {
        for slot in self.slots_of(instance) {
            let (Some(seam), Ok(mut place)) = (self.seam(slot), self.slots[slot].worker.try_borrow_mut())
            else {
                continue;
            };
            let Some(worker) = place.take() else { continue };
            self.trace.say(|| format!("{} ends", seam.who));
            let ended = on_behalf(&seam, || catch_unwind(AssertUnwindSafe(|| worker.leave())));
            self.judge(&seam, ended.map(|left| left.map(|()| false)));
            drop(place);
            self.slots[slot].seam.take();
        }
        self.bury();
    }

    /// Lets a worker do something, unless it is in the middle of something. True if there was something to do.
    pub(super) fn act(&self, slot: usize, act: Act) -> bool {
        let Some(seam) = self.seam(slot) else { return false };
        let instance = &self.instances[seam.who.instance];
        let Ok(mut place) = self.slots[slot].worker.try_borrow_mut() else { return false };
        let Some(worker) = &mut *place else { return false };
        if seam.is_dead() || instance.paused_until.get() > self.tick.get() || self.is_over() {
            return false;
        }
        self.trace.say(|| format!("{} {act:?}", seam.who));
        let done = on_behalf(&seam, || {
            catch_unwind(AssertUnwindSafe(|| match act {
                Act::Step(max) => worker.step(max).map(|step| !step.is_idle() || worker.is_waiting()),
                Act::Commit => worker.commit().map(|commit| commit != Commit::Nothing),
                Act::Abort => worker.abort().map(|()| true),
                Act::Renew => {
                    worker.renew_offsets();
                    Ok(true)
                }
            }))
        });
        let busy = self.judge(&seam, done);
        if !seam.is_dead() && !self.is_over() {
            let running: Vec<_> = worker
                .tasks()
                .iter()
                .map(|task| (task.id(), task.is_done(), task.positions().map(|(p, _)| p).collect()))
                .collect();
            let others: Vec<TaskId> = worker.opening().into_iter().chain(worker.set_aside()).collect();
            seam.membership.borrow_mut().check(self, seam.who, &running, &others);
        }
        drop(place);
        self.bury();
        busy
    }

    /// What a worker said when it was done, or why it never came back.
    fn judge(&self, seam: &Seam, done: std::thread::Result<Result<bool, WorkerError>>) -> bool {
        let who = seam.who;
        match done {
            // Whatever it says: nobody hears it any more.
            _ if seam.is_dead() => {}
            Ok(Ok(busy)) => return busy,
            Ok(Err(WorkerError::Transport(TransportError::TimedOut(_)))) if seam.timed_out.get() => {}
            Ok(Err(error @ WorkerError::Store { .. })) if seam.full.get() => {
                self.trace.say(|| format!("{who}: {error}"));
            }
            // A store that has no room while it is restored: the process ends, and is started when there is room.
            Ok(Err(error @ (WorkerError::Open { .. } | WorkerError::Process { .. }))) if seam.full.get() => {
                self.trace.say(|| format!("{who} gives up: {error}"));
                seam.die();
            }
            // Its patience ended before the mistake did.
            Ok(Err(
                error @ WorkerError::Open { cause: OpenError::NoOffsets(_) | OpenError::OffsetsGone, .. },
            )) if seam.hidden.get() => {
                self.trace.say(|| format!("{who} gives up: {error}"));
                seam.die();
            }
            Ok(Err(error)) => self.violated(|| format!("{who}: {error}")),
            Err(payload) if payload.is::<Crash>() => seam.die(),
            Err(payload) => {
                let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
                self.violated(|| format!("{who} panics: {}", text.unwrap_or_default()));
            }
        }
        true
    }

    // Time passes.

    /// Runs the script to its end; what is left is for the oracle.
    pub(super) fn run(&self) {
        for instance in 0..self.script.threads.len() {
            self.start(instance);
        }
        for tick in 0..self.script.ticks {
            if self.is_over() {
                return;
            }
            self.tick.set(tick);
            self.trace.tick(tick);
            self.tick(tick);
        }
        self.tick.set(usize::MAX);
        self.trace.tick(self.script.ticks);
    }

    fn tick(&self, tick: usize) {
        let mut random = Random::of(self.script.seed, 1_000 + tick as u64);
        self.log.set_time_ms(self.log.time_ms() + 1 + random.below(20) as i64);
        for fault in self.script.faults.iter().filter(|fault| fault.tick == tick) {
            self.strike(fault);
        }
        if self.held_until.get() > 0 && tick >= self.held_until.get() {
            self.held_until.set(0);
            self.log.hold_markers(false);
        }
        self.write_markers(&mut random);
        self.come_back(tick);
        if random.once_in(8) {
            self.log.deliver_late();
        }
        // While somebody is away much happens, above all what it will not find afterwards.
        if random.once_in(3) || self.is_anybody_away() {
            let records = 1 + random.below(3);
            self.feed(&mut random, records);
        }
        if random.once_in(5) {
            self.finish_feeding(&mut random);
        }
        if random.once_in(6) {
            self.log.set_time_ms(self.log.time_ms() + *random.pick(&[200, 3_000, 6_000]));
        }
        let dead = random.below(self.script.threads.len());
        let is_away = self.instances[dead].away_until.get().is_some();
        if random.once_in(4) && !is_away && self.slots_of(dead).any(|slot| !self.lives(slot)) {
            self.start(dead);
        }
        for _ in 0..2 {
            let instance = random.below(self.script.threads.len());
            let slots = self.slots_of(instance);
            let slot = slots.start + random.below(slots.len());
            let max = random.weigh(&[(2, 1), (1, 2), (1, 4), (3, usize::MAX)]);
            let act =
                random.weigh(&[(16, Act::Step(max)), (8, Act::Commit), (1, Act::Abort), (1, Act::Renew)]);
            self.act(slot, act);
        }
    }

    fn strike(&self, fault: &Fault) {
        let instance = fault.slot / THREADS;
        let slots = self.slots_of(instance);
        let slot = slots.start + fault.slot % slots.len();
        self.trace.say(|| format!("fault for {instance}/{}: {:?}", slot - slots.start, fault.what));
        let seam = self.seam(slot);
        match &fault.what {
            What::At(armed) => seam.into_iter().for_each(|seam| seam.arm(armed.clone())),
            What::Accident(accident) => {
                let who = Who { instance, thread: slot - slots.start };
                self.log.inject(&format!("{APPLICATION}-{who}"), accident.clone());
            }
            What::Kill(fate, expelled) => {
                slots.filter(|_| *expelled).for_each(|slot| self.expel(slot));
                self.power_off(instance, *fate);
                self.bury();
            }
            What::Away(ticks, asleep) => {
                let until = self.tick.get() + ticks;
                self.instances[instance].away_until.set(Some(until));
                if *asleep {
                    // Mostly a machine has nothing to do when it falls asleep.
                    for slot in slots.clone().filter(|_| ticks % 4 != 0) {
                        self.act(slot, Act::Commit);
                    }
                    self.instances[instance].paused_until.set(until);
                    slots.for_each(|slot| self.expel(slot));
                } else {
                    self.stop(instance);
                }
            }
            What::Stop => self.stop(instance),
            What::Pause(ticks, expelled) => {
                self.instances[instance].paused_until.set(self.tick.get() + ticks);
                slots.filter(|_| *expelled).for_each(|slot| self.expel(slot));
            }
            What::Expel => self.expel(slot),
            What::HoldMarkers(ticks, offsets_first) => {
                self.offsets_first.set(*offsets_first);
                self.held_until.set(self.tick.get() + ticks);
                self.log.hold_markers(true);
            }
            What::HideOffsets(answers) => self.hidden.set(*answers),
            What::LoseEnds(answers) => self.log.lose_ends(*answers),
            What::Jump(ms) => self.log.set_time_ms(self.log.time_ms() + ms),
            What::Skew(ms) => self.instances[instance].skew_ms.set(*ms),
            What::Compact => self.compact(),
            What::Purge => self.purge(),
            What::Grow => {
                if let Some(topic) = self.script.application.grows {
                    // More than any other: whoever looks at counts now finds another leader.
                    let _ = self.log.grow_topic(topic, self.script.partitions + 1);
                }
            }
        }
    }

    fn write_markers(&self, random: &mut Random) {
        let mut pending = self.log.pending_markers();
        if self.offsets_first.get() {
            let of_offsets = |marker: &Marker| matches!(marker.target, MarkerTarget::Offsets(_));
            while let Some(nth) = pending.iter().position(of_offsets) {
                self.log.write_marker(nth);
                pending = self.log.pending_markers();
            }
        } else if random.once_in(3) && !pending.is_empty() {
            self.log.write_marker(random.below(pending.len()));
        }
    }

    fn is_anybody_away(&self) -> bool {
        self.instances.iter().any(|machine| machine.away_until.get().is_some())
    }

    /// Who was away comes back after a day. The first thing it does may be a commit.
    fn come_back(&self, tick: usize) {
        for (instance, machine) in self.instances.iter().enumerate() {
            if machine.away_until.get().is_some_and(|until| tick >= until) {
                machine.away_until.set(None);
                self.compact();
                self.log.set_time_ms(self.log.time_ms() + DELETE_RETENTION_MS + 3_600_000);
                self.compact();
                for slot in self.slots_of(instance) {
                    self.act(slot, Act::Commit);
                }
                self.start(instance);
            }
        }
    }

    fn expel(&self, slot: usize) {
        self.seam(slot).into_iter().for_each(|seam| self.expel_worker(&seam));
    }

    /// The group throws it out, and it will learn of it.
    pub(super) fn expel_worker(&self, seam: &Seam) {
        if let Some(member) = seam.membership.borrow().member() {
            self.log.expel(APPLICATION, &member);
        }
    }

    // Records come in, and go.

    fn feed(&self, random: &mut Random, records: usize) {
        let transaction = self.script.transactional && random.once_in(3);
        let idle = self.script.idle && self.tick.get() != usize::MAX;
        let mut batch = Vec::new();
        for _ in 0..records {
            let fed = random.pick(self.script.application.fed);
            let partition = random.below(fed.at_most.min(self.script.partitions) as usize) as u32;
            if !idle || partition % 3 != 2 {
                batch.push((fed, partition, self.record(random, fed)));
            }
        }
        if !transaction {
            for (fed, partition, (key, value, time)) in batch {
                let key = format!("{partition}-{key}");
                let appended = self.log.append(
                    fed.topic,
                    partition,
                    Some(key.as_bytes()),
                    value.as_deref(),
                    time,
                    &Headers::new(),
                );
                self.trace.say(|| format!("fed {}-{partition}@{appended:?} {key} at {time}", fed.topic));
            }
            return;
        }
        self.feeders.set(self.feeders.get() + 1);
        let mut feeder = self.log.producer(Some(&format!("feeder-{}", self.feeders.get())));
        let fed = feeder.init().and_then(|()| feeder.begin()).and_then(|()| {
            for (fed, partition, (key, value, timestamp)) in batch {
                let key = format!("{partition}-{key}");
                let (key, value, headers) = (Some(key.as_bytes()), value.as_deref(), &Headers::new());
                feeder.send(Outgoing {
                    topic: fed.topic,
                    partition,
                    key,
                    value,
                    timestamp,
                    headers,
                    origin: 0,
                    is_followed: false,
                })?;
            }
            feeder.flush(&mut |_| {})
        });
        if fed.is_err() {
            return;
        }
        match random.below(4) {
            0 => drop(feeder.abort()),
            1 => self.unfinished.borrow_mut().push(feeder),
            _ => drop(feeder.commit()),
        }
    }

    fn record(&self, random: &mut Random, fed: &Fed) -> (usize, Option<Vec<u8>>, i64) {
        let leap = if random.once_in(25) { 120 } else { 2 + random.below(4) as i64 };
        self.event_ms.set(self.event_ms.get() + leap);
        // Some are late: a few so that their window is still open, others so that it is not.
        let late = random.weigh(&[(5, 0), (2, 9), (1, 25), (1, 60)]);
        let value = random.below(25) as i64 - 5;
        let deleted =
            fed.values == Values::Rows && random.once_in(if self.is_anybody_away() { 1 } else { 3 });
        let value = (!deleted).then(|| value.to_be_bytes().to_vec());
        (random.below(3), value, self.event_ms.get() - late)
    }

    fn finish_feeding(&self, random: &mut Random) {
        for mut feeder in self.unfinished.take() {
            match random.once_in(3) {
                true => drop(feeder.abort()),
                false => drop(feeder.commit()),
            }
        }
    }

    /// Keeps what can be seen now, before it goes.
    fn keep(&self, topic: &str, partition: u32) {
        let visible = self.visible(topic, partition);
        self.archive.borrow_mut().insert((topic.to_owned(), partition), visible);
    }

    /// As a broker compacts changelogs: the last change of each key stays, deletions for a while.
    fn compact(&self) {
        let now_ms = self.log.time_ms();
        for (topic, partitions) in self.changelogs() {
            for partition in 0..partitions {
                self.keep(&topic, partition);
                let Ok(records) = self.log.read_committed(&topic, partition, 0) else { continue };
                let records: Vec<MemoryMessage> = records.collect();
                let mut last: HashMap<&[u8], i64> = HashMap::new();
                for record in &records {
                    last.insert(record.key().unwrap_or_default(), record.offset());
                }
                let mut deletions = self.deletions.borrow_mut();
                let mut goes = Vec::new();
                for record in &records {
                    let superseded = last[record.key().unwrap_or_default()] != record.offset();
                    let place = (topic.clone(), partition, record.offset());
                    let is_old = record.value().is_none()
                        && now_ms - *deletions.entry(place).or_insert(now_ms) >= DELETE_RETENTION_MS;
                    if superseded || is_old {
                        goes.push(record.offset());
                    }
                }
                let _ = self.log.remove_records(&topic, partition, &goes);
            }
        }
    }

    /// What is consumed is deleted.
    fn purge(&self) {
        for source in self.plan.subs.iter().flat_map(|sub| &sub.sources) {
            for partition in 0..source.partitions {
                if let Ok(Some(committed)) = self.log.committed(APPLICATION, &source.name, partition) {
                    self.keep(&source.name, partition);
                    let _ = self.log.delete_records(&source.name, partition, committed.offset);
                }
            }
        }
    }

    /// Whether this answer about committed offsets is "none" by mistake. Only of a task that has rows: of any other nobody can
    /// tell that from a first start.
    pub(super) fn hides_offsets(&self, partitions: &[TopicPartition]) -> bool {
        let has_rows = |partition: &TopicPartition| {
            let Some((task, _)) = self.task_of(partition) else { return false };
            self.plan.subs[task.sub].stores.iter().any(|(_, changelog)| {
                let records = self.log.read_committed(changelog, task.partition, 0);
                records.is_ok_and(|mut records| records.next().is_some())
            })
        };
        let hides = self.hidden.get() > 0 && partitions.iter().any(has_rows);
        if hides {
            self.hidden.set(self.hidden.get() - 1);
        }
        hides
    }

    /// The changelogs and how many partitions each has.
    pub(super) fn changelogs(&self) -> Vec<(String, u32)> {
        let subs = self.plan.subs.iter();
        subs.flat_map(|sub| sub.stores.iter().map(|(_, name)| (name.clone(), sub.tasks))).collect()
    }

    // The end.

    /// No more faults: what was held up arrives, who slept wakes, what is too old has timed out.
    pub(super) fn calm(&self) {
        (0..self.slots.len()).filter_map(|slot| self.seam(slot)).for_each(|seam| seam.disarm());
        for instance in &self.instances {
            instance.paused_until.set(0);
            instance.away_until.set(None);
        }
        self.log.calm();
        self.hidden.set(0);
        self.log.hold_markers(false);
        self.log.set_time_ms(self.log.time_ms() + 120_000);
        self.log.deliver_late();
        self.finish_feeding(&mut Random::of(self.script.seed, 2));
        if (0..self.slots.len()).all(|slot| !self.lives(slot)) {
            // One that may not start, since a topic grew, may not do so now either.
            (0..self.script.threads.len()).for_each(|instance| self.start(instance));
        }
    }

    /// True if somebody lives.
    pub(super) fn is_alive(&self) -> bool {
        (0..self.slots.len()).any(|slot| self.lives(slot))
    }

    /// Everybody works until nothing is left to do.
    pub(super) fn rest(&self) {
        let mut idle = 0;
        for _ in 0..ROUNDS {
            idle += 1;
            for slot in 0..self.slots.len() {
                let stepped = self.act(slot, Act::Step(usize::MAX));
                if self.act(slot, Act::Commit) || stepped {
                    idle = 0;
                }
            }
            if idle == 2 || self.is_over() {
                return;
            }
            self.log.set_time_ms(self.log.time_ms() + 10);
        }
        self.violated(|| "it never comes to rest".to_owned());
    }

    /// A few records for every partition.
    pub(super) fn feed_all(&self) {
        let mut random = Random::of(self.script.seed, 3);
        for fed in self.script.application.fed {
            for partition in 0..fed.at_most.min(self.script.partitions) {
                for _ in 0..3 {
                    let (key, value, time) = self.record(&mut random, fed);
                    let key = format!("{partition}-{key}");
                    let (key, value) = (Some(key.as_bytes()), value.as_deref());
                    let _ = self.log.append(fed.topic, partition, key, value, time, &Headers::new());
                }
            }
        }
    }

    /// Who has which task now.
    pub(super) fn owners(&self) -> BTreeMap<TaskId, usize> {
        let mut owners = BTreeMap::new();
        for (slot, at) in self.slots.iter().enumerate() {
            if let Some(worker) = &*at.worker.borrow() {
                owners.extend(worker.tasks().iter().map(|task| (task.id(), slot / THREADS)));
            }
        }
        owners
    }

    /// Everybody ends as they should.
    pub(super) fn stop_all(&self) {
        (0..self.instances.len()).for_each(|instance| self.stop(instance));
    }

    /// Starts the machine that has nothing yet, and says which it is.
    pub(super) fn start_fresh(&self) -> usize {
        let fresh = self.instances.len() - 1;
        self.instances[fresh].disk.meet(Fate::Deleted);
        self.start(fresh);
        fresh
    }

    /// What a machine has on its disk.
    pub(super) fn disk(&self, instance: usize) -> &Disk {
        &self.instances[instance].disk
    }
}
