//! Stores that are far behind, brought near the ends of their changelogs before their tasks are opened, by somebody who does
//! nothing else.
//!
//! ```text
//! asked for ──→ stores open ──→ ends known ──far behind──→ replaying ──→ given back
//!                   └ in use: again     └ near ──────────────────────────→ ↑
//! ```
//!
//! A worker that replays a million records processes little meanwhile, and one whose disk is slow waits for it. So in production this
//! is done on a thread of its own (`run/restorer`). It decides nothing: what makes a takeover right (`open`: offsets first, then
//! ends, then the rest of the changelog, then the inputs) begins when this is done, and finds a store as a restore leaves it that
//! was interrupted. That is also why every failure here is left to it: it meets the same one, and has the words.
//!
//! Knows stores as bytes and changelogs. Does not know offsets, tasks' inputs, nor who processes.

#[cfg(test)]
mod tests;

use crate::mutants::mutant;
use crate::open::{Lasting, Logs, RestoreStage, Restoring};
use crate::restore::{self, BySlot, Rebuilt, Replay, StepError};
use crate::state::{RawStore, StateError};
use crate::stream::StoreSpec;
use crate::task::TaskId;
use crate::transport::{Consumer, Event};
use crate::wiring::{Engines, Remembering};
use std::cell::RefCell;
use std::rc::Rc;

/// What is wanted: the stores of a task, each with its changelog.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who wants it, so that two workers of one process do not take one another's answers.
    pub worker: usize,
    /// Which of his orders for this task it is.
    pub serial: u64,
    /// The task.
    pub task: TaskId,
    /// Its stores and the topics they are rebuilt from.
    pub stores: Vec<(StoreSpec, String)>,
}

/// What was done for one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warmed {
    /// The hash of its name.
    pub store: u64,
    /// How far it was brought, as it is told if nobody goes on with it.
    pub told: Restoring,
    /// Set if rows on disk were not used.
    pub rebuilt: Option<Rebuilt>,
}

impl Warmed {
    fn of(store: u64, task: TaskId, replay: &Replay, lasting: &Lasting, now_ms: i64) -> Warmed {
        let told = Restoring::of(task, replay, lasting, RestoreStage::Suspended, now_ms);
        Warmed { store, told, rebuilt: replay.rebuilt() }
    }
}

/// So many offsets take a worker some milliseconds: it may as well do them itself.
const NEAR: i64 = 10_000;

/// For so long brokers are asked how far there is to go, in ms. Who opens the task asks them as well, and says what it waits for.
const ASKING_MS: i64 = 3_000;

/// How often is asked again whether somebody else has let go of a store.
const RETRY_MS: i64 = 100;

/// Brings stores near the ends of their changelogs, stepped by hand.
pub struct Warming<C: Consumer> {
    reader: C,
    engines: Box<dyn FnMut(TaskId) -> Engines>,
    hear: Box<dyn Fn(&Restoring)>,
    /// For how long a transaction may be open, in ms.
    transaction_ms: i64,
    near: i64,
    jobs: Vec<Job>,
    replayed: Vec<Event<C::Message>>,
}

struct Job {
    order: Order,
    stage: Stage,
    began_ms: i64,
}

enum Stage {
    /// Its stores are not open, and are not tried before this.
    Closed(i64),
    /// The ends of the changelogs are asked for.
    Open(Vec<Remembering>, Logs),
    Replaying(Vec<(u64, Replay, Lasting)>),
    /// Nothing more is done here.
    Over(Vec<Warmed>),
}

impl<C: Consumer> Warming<C> {
    /// `engines` opens the stores of a task, `hear` is told how far they are.
    pub fn new(
        reader: C,
        engines: impl FnMut(TaskId) -> Engines + 'static,
        hear: impl Fn(&Restoring) + 'static,
        transaction_ms: i64,
    ) -> Self {
        Warming {
            reader,
            engines: Box::new(engines),
            hear: Box::new(hear),
            transaction_ms,
            near: NEAR,
            jobs: Vec::new(),
            replayed: Vec::new(),
        }
    }

    /// From now on stores that are nearer than this many offsets are left as they are.
    #[cfg(any(test, feature = "mutants"))]
    pub fn near(mut self, offsets: i64) -> Self {
        self.near = offsets;
        self
    }

    /// Begins with the stores of a task.
    pub fn begin(&mut self, order: Order, now_ms: i64) {
        self.jobs.push(Job { order, stage: Stage::Closed(i64::MIN), began_ms: now_ms });
    }

    /// The task is not wanted here any more.
    pub fn stop(&mut self, worker: usize, task: TaskId, now_ms: i64) {
        for job in &mut self.jobs {
            if (job.order.worker, job.order.task) != (worker, task) {
                continue;
            }
            if let Stage::Replaying(replays) = &job.stage {
                for (_, replay, lasting) in replays {
                    replay.close(&mut self.reader);
                    (self.hear)(&Restoring::of(task, replay, lasting, RestoreStage::Suspended, now_ms));
                }
            }
        }
        self.jobs.retain(|job| (job.order.worker, job.order.task) != (worker, task));
    }

    /// True if there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Waits until there may be something to do, at most so long.
    pub fn rest(&mut self, ms: u64) {
        self.reader.wait(ms);
    }

    /// Goes on with all of them, and replays up to `max` records. Returns how many it replayed, and adds to `finished` whose stores
    /// were given back.
    pub fn step(&mut self, max: usize, now_ms: i64, finished: &mut Vec<(Order, Vec<Warmed>)>) -> usize {
        // Stores of one task at a time: opening them takes a while, and whoever has asked or is done is not to wait for all.
        let mut has_opened = false;
        for at in 0..self.jobs.len() {
            let is_closed = |job: &Job| matches!(job.stage, Stage::Closed(_));
            let was_closed = is_closed(&self.jobs[at]);
            if was_closed && has_opened {
                continue;
            }
            if let Err(cause) = self.advance(at, now_ms) {
                self.give_up(at, &cause, now_ms);
            }
            // One that is in somebody else's use took no time.
            has_opened |= was_closed && !is_closed(&self.jobs[at]);
        }
        let replayed = self.replay(max, now_ms);
        for at in 0..self.jobs.len() {
            if let Err(cause) = self.settle(at, now_ms) {
                self.give_up(at, &cause, now_ms);
            }
        }
        // With the job its engines go, before anybody hears that they have.
        for job in self.jobs.extract_if(.., |job| matches!(job.stage, Stage::Over(_))) {
            if let Job { order, stage: Stage::Over(warmed), .. } = job {
                finished.push((order, warmed));
            }
        }
        replayed
    }

    /// Opens stores and asks for ends.
    fn advance(&mut self, at: usize, now_ms: i64) -> Result<(), restore::RestoreError> {
        let Job { order, stage, .. } = &mut self.jobs[at];
        if let Stage::Closed(not_before_ms) = stage {
            if now_ms < *not_before_ms {
                return Ok(());
            }
            let mut engines = (self.engines)(order.task);
            let mut stores = Vec::new();
            for (spec, _) in &order.stores {
                let opened =
                    engines(spec).and_then(|engine| RawStore::open(spec.name, engine, spec.retention_ms));
                match opened {
                    Ok(store) => stores.push(Remembering::new(Some(*spec), Rc::new(RefCell::new(store)))),
                    // Another worker of this process lets go of it when it next follows the group.
                    Err(StateError::InUse { .. }) => {
                        *stage = Stage::Closed(now_ms + RETRY_MS);
                        return Ok(());
                    }
                    Err(cause) => return Err(cause.into()),
                }
            }
            let logs = Logs::new(&order.stores, order.task.partition, now_ms);
            self.reader.forget(&logs.partitions());
            *stage = Stage::Open(stores, logs);
        }
        let Stage::Open(stores, logs) = stage else { return Ok(()) };
        if logs.ask(&mut self.reader)?.is_some() {
            if now_ms - logs.asked_ms() >= ASKING_MS {
                *stage = Stage::Over(Vec::new());
            }
            return Ok(());
        }
        let mut replays = Vec::new();
        let mut left = 0;
        for (hash, changelog) in logs.changelogs(now_ms) {
            let Some(store) = stores.iter().position(|r| r.store.is_some_and(|store| store.hash == hash))
            else {
                continue;
            };
            left += changelog.left(stores[store].state.borrow().mark()?.as_ref());
            replays.push((hash, store, restore::Changelog { store, ..changelog }));
        }
        if left < self.near {
            *stage = Stage::Over(Vec::new());
            return Ok(());
        }
        let mut begun: Vec<(u64, Replay, Lasting)> = Vec::new();
        for (hash, store, changelog) in replays {
            match Replay::begin(&mut self.reader, &stores[store], changelog, None, None) {
                Ok(replay) => begun.push((hash, replay, Lasting::from(now_ms))),
                Err(cause) => {
                    begun.iter().for_each(|(_, replay, _)| replay.close(&mut self.reader));
                    return Err(cause);
                }
            }
        }
        mutant!(AheadMarked => for (_, replay, _) in &begun {
            replay.mark_too_far()?;
        });
        for (_, replay, lasting) in &begun {
            (self.hear)(&Restoring::of(order.task, replay, lasting, RestoreStage::Begun, now_ms));
        }
        *stage = Stage::Replaying(begun);
        Ok(())
    }

    fn replay(&mut self, max: usize, now_ms: i64) -> usize {
        let mut by_slot = BySlot::default();
        for (at, job) in self.jobs.iter_mut().enumerate() {
            if let Stage::Replaying(replays) = &mut job.stage {
                let unfinished = replays.iter_mut().filter(|(_, replay, _)| !replay.is_done());
                unfinished.for_each(|(_, replay, _)| by_slot.add(at, replay));
            }
        }
        if by_slot.is_empty() {
            return 0;
        }
        let stepped = restore::step(&mut self.reader, &mut self.replayed, max, &mut by_slot);
        match stepped {
            Ok(records) => {
                self.tell(now_ms);
                return records;
            }
            Err(StepError::Store(at, cause)) => self.give_up(at, &cause.into(), now_ms),
            Err(StepError::Deleted(at, cause)) => self.give_up(at, &cause.into(), now_ms),
            // Of which of them, nobody knows.
            Err(StepError::Log(cause)) => {
                let cause = cause.into();
                (0..self.jobs.len()).for_each(|at| self.give_up(at, &cause, now_ms));
            }
        }
        0
    }

    /// Says how far they are, and gives up what cannot get to its end.
    fn tell(&mut self, now_ms: i64) {
        let (limit_ms, mut hopeless) = (self.transaction_ms, Vec::new());
        for (at, Job { order, stage, .. }) in self.jobs.iter_mut().enumerate() {
            let Stage::Replaying(replays) = stage else { continue };
            for (_, replay, lasting) in replays {
                mutant!(AheadMarked => drop(replay.mark_too_far()));
                if lasting.has_moved(replay) {
                    (self.hear)(&Restoring::of(order.task, replay, lasting, RestoreStage::Batch, now_ms));
                }
                if !replay.is_done()
                    && let Err(cause) = lasting.look(order.task, replay, &mut self.reader, now_ms, limit_ms)
                {
                    hopeless.push((at, cause));
                }
            }
        }
        for (at, cause) in &hopeless {
            // Who opens the task asks for ends anew, and does not learn what they were.
            tracing::warn!(task = %self.jobs[*at].order.task, "{cause}");
            self.give_up(*at, cause, now_ms);
        }
    }

    /// The ends are reached: whether that was enough, and if so the stores are given back.
    fn settle(&mut self, at: usize, now_ms: i64) -> Result<(), restore::RestoreError> {
        let Job { order, stage, began_ms } = &mut self.jobs[at];
        let Stage::Replaying(replays) = stage else { return Ok(()) };
        if !replays.iter().all(|(_, replay, _)| replay.is_done()) {
            return Ok(());
        }
        for (_, replay, _) in replays.iter_mut() {
            replay.settle(&mut self.reader, now_ms)?;
        }
        if !replays.iter().all(|(_, replay, _)| replay.is_done()) {
            return Ok(());
        }
        let mut warmed = Vec::new();
        for (hash, replay, lasting) in replays.iter() {
            replay.rest_at_end()?;
            warmed.push(Warmed::of(*hash, order.task, replay, lasting, now_ms));
        }
        let ms = now_ms - *began_ms;
        tracing::debug!(task = %order.task, ms, "stores are near the ends of their changelogs");
        *stage = Stage::Over(warmed);
        Ok(())
    }

    /// Leaves the rest to who opens the task.
    fn give_up(&mut self, at: usize, cause: &restore::RestoreError, now_ms: i64) {
        let Job { order, stage, .. } = &mut self.jobs[at];
        if let Stage::Over(_) = stage {
            return;
        }
        tracing::debug!(task = %order.task, %cause, "stores are not replayed ahead");
        let mut warmed = Vec::new();
        if let Stage::Replaying(replays) = &stage {
            for (hash, replay, lasting) in replays {
                replay.close(&mut self.reader);
                warmed.push(Warmed::of(*hash, order.task, replay, lasting, now_ms));
            }
        }
        *stage = Stage::Over(warmed);
    }
}
