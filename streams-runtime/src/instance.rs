//! Instances of an application on the in-process log: what the driver, the examples and simulations run.
//!
//! Several [`InProcess`] on one log are several machines of one application: the same group, each with a
//! transactional id and, if wanted, a disk of its own. Dropping a worker is a crash of its machine; the disk stays.
//!
//! Knows the in-process log. Does not know tasks or records.

use crate::commit::Commit;
use crate::guarantee::Guarantee;
use crate::memory::Share;
use crate::open::Restoring;
use crate::state::{
    Batch, Cursor, Direction, Engine, EngineError, KeyRange, Mark, MemoryEngine, OnUnreadable, OverlayLimit,
};
use crate::task::TaskId;
use crate::topology::{Plan, Topology};
use crate::transport::memory::{MemoryConsumer, MemoryLog, MemoryProducer};
use crate::transport::{Isolation, TransportError};
use crate::wiring::{Engines, in_memory, readable};
use crate::worker::{Connect, Worker, WorkerError, member_id};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One machine of an application on a [`MemoryLog`].
///
/// ```
/// use streams_runtime::instance::InProcess;
/// use streams_runtime::transport::memory::MemoryLog;
/// use streams_runtime::prelude::*;
///
/// #[topic(name = "in", key = String, value = String)]
/// struct In;
/// #[topic(name = "out", key = String, value = String)]
/// struct Out;
/// #[processor(from = In, map_values, to = Out)]
/// fn shout(text: &str) -> String {
///     text.to_uppercase()
/// }
/// topology!(Shouting = [shout]);
///
/// let log = MemoryLog::new();
/// let mut one = InProcess::new(&log, "shouting", "one").start(Shouting::graph())?;
/// let two = InProcess::new(&log, "shouting", "two").start(Shouting::graph())?;
/// one.step(100)?;
/// two.leave()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct InProcess {
    log: MemoryLog,
    application: String,
    instance: String,
    overlay: OverlayLimit,
    memory: Share,
    disk: Option<Disk>,
    unreadable: OnUnreadable,
    guarantee: Guarantee,
    restoring: Option<Rc<dyn Fn(&Restoring)>>,
}

/// Where stores rest.
#[derive(Clone)]
enum Disk {
    Memory(MemoryDisk),
    #[cfg(feature = "rocksdb")]
    Directory(crate::directory::StateDirectory),
}

impl InProcess {
    /// Instance `instance` of `application`. No two that live at one time may have the same name: they would fence
    /// each other.
    pub fn new(log: &MemoryLog, application: &str, instance: &str) -> Self {
        InProcess {
            log: log.clone(),
            application: application.to_owned(),
            instance: instance.to_owned(),
            overlay: OverlayLimit::UNBOUNDED,
            memory: Share::UNBOUNDED,
            disk: None,
            unreadable: OnUnreadable::default(),
            guarantee: Guarantee::ExactlyOnce,
            restoring: None,
        }
    }

    /// How many rows each store keeps typed.
    pub fn overlay(mut self, overlay: OverlayLimit) -> Self {
        self.overlay = overlay;
        self
    }

    /// How much memory its worker may take; without bounds if nothing is said.
    pub fn memory(mut self, share: Share) -> Self {
        self.memory = share;
        self
    }

    /// Where its stores rest; without a disk they are rebuilt from their changelogs at each start.
    pub fn disk(mut self, disk: &MemoryDisk) -> Self {
        self.disk = Some(Disk::Memory(disk.clone()));
        self
    }

    /// Stores rest in files there, as in production.
    #[cfg(feature = "rocksdb")]
    pub fn directory(mut self, directory: &crate::directory::StateDirectory) -> Self {
        self.disk = Some(Disk::Directory(directory.clone()));
        self
    }

    /// What becomes of a store that cannot be used; its task is not opened if nothing is said.
    pub fn on_unreadable(mut self, otherwise: OnUnreadable) -> Self {
        self.unreadable = otherwise;
        self
    }

    /// What it promises; exactly once if nothing is said.
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.guarantee = guarantee;
        self
    }

    /// Hears how far its stores are that are being restored.
    pub fn on_restore(mut self, hear: impl Fn(&Restoring) + 'static) -> Self {
        self.restoring = Some(Rc::new(hear));
        self
    }

    /// The id of its producer: faults are injected under this name.
    pub fn transactional_id(&self) -> String {
        format!("{}-{}", self.application, self.instance)
    }

    /// Creates the topics that are missing and joins the group.
    ///
    /// # Errors
    /// If the topics do not fit, or the log refuses.
    pub fn start(self, topology: Topology) -> Result<Worker<InProcess>, Box<dyn std::error::Error>> {
        let log = &self.log;
        let plan = Plan::of(&topology, &self.application, |topic, declared| {
            Some(log.partitions(topic).unwrap_or(declared.unwrap_or(1)))
        })?;
        create_topics(log, &plan)?;
        Ok(Worker::start(self, topology, plan)?)
    }
}

impl Connect for InProcess {
    type Consumer = MemoryConsumer;
    type Producer = MemoryProducer;

    fn consumer(&self, leaders: u64) -> Result<MemoryConsumer, TransportError> {
        let client_id = member_id(&self.transactional_id(), leaders);
        Ok(self.log.consumer(&self.application, &client_id, Isolation::ReadCommitted))
    }

    fn is_own(&self, name: &str) -> bool {
        name == self.transactional_id()
    }

    fn restore_consumer(&self) -> Result<MemoryConsumer, TransportError> {
        let group = format!("{}-restore", self.application);
        Ok(self.log.consumer(&group, &self.transactional_id(), Isolation::ReadCommitted))
    }

    fn producer(&self) -> Result<MemoryProducer, TransportError> {
        let id = self.transactional_id();
        Ok(self.log.producer((self.guarantee == Guarantee::ExactlyOnce).then_some(id.as_str())))
    }

    fn guarantee(&self) -> Guarantee {
        self.guarantee
    }

    fn transaction_timeout_ms(&self) -> i64 {
        self.log.transaction_timeout_ms()
    }

    fn engines(&self, task: TaskId) -> Engines {
        match self.disk.clone() {
            None => in_memory(),
            Some(Disk::Memory(disk)) => {
                let open: Engines = Box::new(move |store| Ok(Box::new(disk.engine(task, store.name))));
                readable(open, self.unreadable)
            }
            #[cfg(feature = "rocksdb")]
            Some(Disk::Directory(directory)) => directory.engines(task, self.unreadable),
        }
    }

    fn overlay(&self) -> OverlayLimit {
        self.overlay
    }

    fn memory(&self) -> Share {
        self.memory
    }

    fn restoring(&self, store: &Restoring) {
        if let Some(listener) = &self.restoring {
            listener(store);
        }
    }

    fn now_ms(&self) -> i64 {
        self.log.time_ms()
    }
}

/// Creates every topic a plan names.
pub(crate) fn create_topics(log: &MemoryLog, plan: &Plan) -> Result<(), TransportError> {
    let there = log.topics();
    for topic in plan.external.iter().chain(&plan.internal).filter(|topic| !there.contains(&topic.name)) {
        log.create_topic(&topic.name, topic.partitions)?;
    }
    Ok(())
}

/// One step of production code after the other until nothing is left to do.
pub(crate) fn run_until_idle<C: Connect>(worker: &mut Worker<C>) -> Result<(), WorkerError> {
    for _ in 0..ROUNDS {
        let step = worker.step(usize::MAX)?;
        let nothing = worker.commit()? == Commit::Nothing && step.is_idle();
        if nothing || worker.is_idle() {
            return Ok(());
        }
    }
    Err(WorkerError::Endless { rounds: ROUNDS })
}

/// A round processes all there is, so even a billion records are through after this many; what is not goes round in
/// circles. On a broker that is allowed; what is run to its end must have one.
const ROUNDS: u64 = 1_000_000;

/// What a machine's disk holds. A clone is another handle to the same disk, and what a crash leaves behind.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Mutex<HashMap<(TaskId, String), OnDisk>>>);

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// How far each store is: its task, its name and what it was last marked with.
    pub fn marks(&self) -> Vec<(TaskId, String, Option<Mark>)> {
        let engines = lock(&self.0);
        let mut marks: Vec<_> = engines
            .iter()
            .map(|((task, store), engine)| (*task, store.clone(), lock(&engine.engine).mark().ok().flatten()))
            .collect();
        marks.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        marks
    }

    pub(crate) fn engine(&self, task: TaskId, store: &str) -> OnDisk {
        lock(&self.0).entry((task, store.to_owned())).or_default().clone()
    }
}

/// A panic elsewhere leaves batches whole: an engine changes in one go.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The engine of one store, which survives the worker that opened it.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnDisk {
    engine: Arc<Mutex<MemoryEngine>>,
    /// As whoever has it open found it.
    damage: Option<String>,
}

impl Engine for OnDisk {
    fn get(&self, key: &[u8], out: &mut Vec<u8>) -> Result<bool, EngineError> {
        lock(&self.engine).get(key, out)
    }

    fn apply(&mut self, batch: &mut Batch<'_>, mark: Option<&Mark>) -> Result<(), EngineError> {
        lock(&self.engine).apply(batch, mark)
    }

    fn scan<'a>(
        &'a self,
        range: KeyRange<'_>,
        direction: Direction,
    ) -> Result<Box<dyn Cursor + 'a>, EngineError> {
        let engine = lock(&self.engine);
        let mut cursor = engine.scan(range, direction)?;
        let mut rows = Vec::new();
        while let Some((key, row)) = cursor.next()? {
            rows.push((key.to_vec(), row.to_vec()));
        }
        Ok(Box::new(Copied { rows, next: 0 }))
    }

    fn mark(&self) -> Result<Option<Mark>, EngineError> {
        lock(&self.engine).mark()
    }

    fn clear(&mut self) -> Result<(), EngineError> {
        lock(&self.engine).clear()
    }

    fn move_aside(&mut self, why: &str) -> Result<(), EngineError> {
        let mut engine = lock(&self.engine);
        engine.move_aside(why)?;
        self.damage = engine.damage().map(str::to_owned);
        Ok(())
    }

    fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}

/// The rows of a scan as they were when it began.
struct Copied {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    next: usize,
}

impl Cursor for Copied {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, EngineError> {
        let row = self.rows.get(self.next);
        self.next += 1;
        Ok(row.map(|(key, row)| (&**key, &**row)))
    }
}
