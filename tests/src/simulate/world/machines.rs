//! Machines: how a worker starts, does something, dies and ends.
//!
//! Knows workers and what they say. Does not know when, nor why.

use super::{APPLICATION, Act, Returns, Slot, World};
use crate::simulate::disk::Fate;
use crate::simulate::machine::Machine;
use crate::simulate::observed::on_behalf;
use crate::simulate::script::THREADS;
use crate::simulate::seam::{Crash, Seam, Who};
use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use streams_runtime::commit::Commit;
use streams_runtime::failure::What;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::open::OpenError;
use streams_runtime::restore::RestoreError;
use streams_runtime::task::{Task, TaskId};
use streams_runtime::topology::Plan;
use streams_runtime::transport::TransportError;
use streams_runtime::worker::{Worker, WorkerError};

impl World {
    pub(super) fn slots_of(&self, instance: usize) -> std::ops::Range<usize> {
        instance * THREADS..instance * THREADS + self.instances[instance].threads
    }

    pub(super) fn seam(&self, slot: usize) -> Option<Rc<Seam>> {
        self.slots[slot].seam.borrow().clone()
    }

    pub(super) fn lives(&self, slot: usize) -> bool {
        self.seam(slot).is_some()
    }

    /// The machine is gone; its workers unwind as soon as they touch anything.
    pub(in crate::simulate) fn power_off(&self, instance: usize, fate: Fate) {
        for slot in self.slots_of(instance) {
            if let Some(seam) = self.seam(slot) {
                seam.die();
            }
        }
        self.instances[instance].disk.borrow().meet(fate);
        for slot in self.slots_of(instance) {
            let mut returns = self.slots[slot].returns.borrow_mut();
            // Who had come back already has changed since what it closed with.
            if fate != Fate::Kept || returns.as_ref().is_some_and(|returns| returns.is_back) {
                *returns = None;
            }
        }
    }

    /// Drops the workers that are dead and not in the middle of something.
    pub(super) fn bury(&self) {
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
    pub(super) fn start(&self, instance: usize) {
        let machine = &self.instances[instance];
        if self.slots_of(instance).all(|slot| !self.lives(slot)) && !machine.keeps_disk {
            machine.disk.borrow().meet(Fate::Deleted);
        }
        for (thread, slot) in self.slots_of(instance).enumerate().filter(|(_, slot)| !self.lives(*slot)) {
            let Some(world) = self.me.upgrade() else { return };
            let who = Who { instance, thread };
            self.incarnations.set(self.incarnations.get() + 1);
            let disk = machine.disk.borrow().clone();
            let seam = Seam::new(&world, who, self.incarnations.get(), disk);
            let topology = (self.script.application.topology)();
            let live = |topic: &str| self.log.partitions(topic).ok();
            let plan = || Plan::with_problems(&topology, APPLICATION, |topic, _| live(topic), live);
            let (plan, problems) = on_behalf(&seam, plan);
            // A start looks at the topics of rows as well.
            let unfit = self.is_outgrown().then(|| {
                plan.internal.iter().find(|topic| live(&topic.name).is_some_and(|n| n != topic.partitions))
            });
            let unfit = unfit.flatten();
            if !problems.is_empty() || unfit.is_some() {
                self.trace.say(|| format!("{who} is refused: {problems:?} {unfit:?}"));
                continue;
            }
            let connect = Machine {
                seam: seam.clone(),
                log: self.log.clone(),
                application: APPLICATION,
                guarantee: self.script.guarantee,
                overlay: machine.overlay,
                is_static: machine.is_static,
                ahead: self.script.ahead.then(OnceCell::new),
            };
            match on_behalf(&seam, || Worker::start(connect, topology, plan)) {
                Ok(worker) => {
                    self.trace.say(|| format!("{who} starts"));
                    let mut returns = self.slots[slot].returns.borrow_mut();
                    returns
                        .iter_mut()
                        .for_each(|returns| (returns.is_back, returns.strikes) = (true, self.strikes.get()));
                    self.slots[slot].worker.replace(Some(worker));
                    self.slots[slot].seam.replace(Some(seam));
                }
                Err(error) => self.violated(|| format!("{who} does not start: {error}")),
            }
        }
    }

    /// Ends every thread of a machine as it should end. A static member keeps its place, unless it `leaves`.
    pub(super) fn stop(&self, instance: usize, leaves: bool) {
        self.slots_of(instance).for_each(|slot| self.stop_thread(slot, leaves));
        self.bury();
    }

    fn stop_thread(&self, slot: usize, leaves: bool) {
        let (Some(seam), Ok(mut place)) = (self.seam(slot), self.slots[slot].worker.try_borrow_mut()) else {
            return;
        };
        let Some(worker) = place.take() else { return };
        let closes = self.instances[seam.who.instance].is_static && !leaves;
        self.trace.say(|| format!("{} {}", seam.who, if closes { "closes" } else { "ends" }));
        let (generation, strikes) = (self.log.generation(APPLICATION), self.strikes.get());
        // What is on its way has rows that are nowhere but in its changelog.
        let is_open = seam.transaction.get().is_some();
        let is_settled = !worker.is_waiting() && !is_open && self.is_group_at_rest();
        let end = || if closes { worker.close() } else { worker.leave() };
        let ended = on_behalf(&seam, || catch_unwind(AssertUnwindSafe(end)));
        let is_well = is_settled && matches!(ended, Ok(Ok(()))) && self.strikes.get() == strikes;
        self.judge(&seam, ended.map(|left| left.map(|()| false)));
        if closes && is_well && seam.membership.borrow().member().is_some() {
            self.closed(slot, &seam, generation);
        }
        drop(place);
        self.slots[slot].seam.take();
    }

    /// True if a thread has a task that failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed().next().is_some()
    }

    /// Threads with a task that failed, on machines that are awake.
    fn failed(&self) -> impl Iterator<Item = usize> {
        (0..self.slots.len()).filter(|slot| {
            let machine = &self.instances[slot / THREADS];
            let is_awake =
                machine.paused_until.get() <= self.tick.get() && machine.away_until.get().is_none();
            is_awake && self.seam(*slot).is_some_and(|seam| seam.failed.get() && !seam.is_dead())
        })
    }

    /// Threads that failed end as they should, and others take their places.
    pub(super) fn replace_failed(&self) {
        let failed: Vec<usize> = self.failed().collect();
        for slot in failed {
            self.stop_thread(slot, false);
            self.bury();
            self.start(slot / THREADS);
        }
    }

    /// True if everybody has heard of the last change in the group, and has nothing to give back.
    fn is_group_at_rest(&self) -> bool {
        let generation = self.log.generation(APPLICATION);
        let seams = self.slots.iter().filter_map(|slot| slot.seam.borrow().clone());
        seams.into_iter().all(|seam| seam.membership.borrow().is_at_rest(generation))
    }

    /// A static member has closed: the group has not moved.
    fn closed(&self, slot: usize, seam: &Seam, generation: i32) {
        let now = self.log.generation(APPLICATION);
        if now != generation {
            self.violated(|| {
                format!(
                    "{} closed and keeps its name, and the group went from generation {generation} to {now}",
                    seam.who
                )
            });
        }
        let owned = seam.membership.borrow().owned().clone();
        self.slots[slot].returns.replace(Some(Returns { generation, owned, is_back: false, strikes: 0 }));
    }

    /// A static member that was away: unless the group has moved since, it has what it had, on its disk as well.
    fn returned(&self, slot: &Slot, seam: &Seam, worker: &Worker<Machine>) {
        let mut place = slot.returns.borrow_mut();
        let Some(returns) = place.as_ref().filter(|returns| returns.is_back) else { return };
        if self.log.generation(APPLICATION) != returns.generation {
            *place = None;
            return;
        }
        if worker.is_waiting()
            || !worker.set_aside().is_empty()
            || seam.membership.borrow().member().is_none()
        {
            return;
        }
        if !seam.membership.borrow().owned().is_superset(&returns.owned) {
            let (who, had) = (seam.who, &returns.owned);
            self.violated(|| format!("{who} is back in time, had {had:?} and does not have it"));
        }
        // Without transactions what was taken back at the end is in the changelogs all the same.
        let is_whole = self.script.guarantee == Guarantee::ExactlyOnce;
        // What is opened again had something undecided in between.
        let is_calm = returns.strikes == self.strikes.get();
        let mut restored = worker.restored().iter().filter(|_| is_whole && is_calm);
        let had = |task: TaskId| self.leader_of(task).is_some_and(|leader| returns.owned.contains(&leader));
        let replayed = restored.find(|store| had(store.task) && store.records > 0 && store.rebuilt.is_none());
        if let Some(store) = replayed {
            self.violated(|| format!("{} is back in time, and has to replay {store:?}", seam.who));
        }
        *place = None;
    }

    /// A second process has the identity of a machine, and a copy of its disk. The first one goes on.
    pub(super) fn double(&self, instance: usize) {
        let machine = &self.instances[instance];
        // Where a topic has grown nobody may start.
        if !machine.is_static
            || self.has_grown()
            || self.slots_of(instance).any(|slot| self.slots[slot].worker.try_borrow().is_err())
        {
            return;
        }
        for slot in self.slots_of(instance) {
            let at = &self.slots[slot];
            let (Some(worker), Some(seam)) = (at.worker.take(), at.seam.take()) else { continue };
            seam.disarm();
            seam.doubled.set(true);
            at.returns.take();
            let first = Slot { worker: Some(worker).into(), seam: Some(seam).into(), ..Slot::default() };
            self.doubled.borrow_mut().push(first.into());
        }
        machine.doubled.set(true);
        let copy = machine.disk.borrow().copy();
        machine.disk.replace(copy);
        self.start(instance);
    }

    /// Lets one of those do something whose identity somebody else has.
    pub(super) fn act_doubled(&self, nth: usize, act: Act) {
        let slot = self.doubled.borrow().get(nth).cloned();
        let Some(slot) = slot else { return };
        self.act_in(&slot, act);
        let mut doubled = self.doubled.borrow_mut();
        doubled.retain(|slot| slot.seam.borrow().is_some());
    }

    /// How many they are.
    pub(super) fn doubled(&self) -> usize {
        self.doubled.borrow().len()
    }

    /// A machine is started in the middle of somebody's call, and joins.
    pub(in crate::simulate) fn comes(&self, slot: usize) {
        let instance = slot / THREADS;
        if self.instances[instance].away_until.get().is_none() && !self.is_over() {
            self.start(instance);
            for slot in self.slots_of(instance) {
                self.act(slot, Act::Step(usize::MAX));
            }
        }
    }

    /// A machine ends in the middle of somebody's call.
    pub(in crate::simulate) fn goes(&self, slot: usize) {
        let instance = slot / THREADS;
        let is_paused = self.instances[instance].paused_until.get() > self.tick.get();
        if !is_paused && !self.is_over() {
            self.stop(instance, true);
        }
    }

    /// Lets a worker do something, unless it is in the middle of something. True if there was something to do.
    pub(in crate::simulate) fn act(&self, slot: usize, act: Act) -> bool {
        self.act_in(&self.slots[slot], act)
    }

    fn act_in(&self, slot: &Slot, act: Act) -> bool {
        let Some(seam) = slot.seam.borrow().clone() else { return false };
        let instance = &self.instances[seam.who.instance];
        let Ok(mut place) = slot.worker.try_borrow_mut() else { return false };
        let Some(worker) = &mut *place else { return false };
        let is_paused = instance.paused_until.get() > self.tick.get() && !seam.doubled.get();
        if seam.is_dead() || is_paused || self.is_over() {
            return false;
        }
        self.trace.say(|| format!("{} {act:?}", seam.who));
        self.aborted.set(self.aborted.get() || act == Act::Abort);
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
        // With what is taken back goes what was fetched.
        if let Some(task) = seam.aside.take().filter(|_| !worker.tasks().iter().any(Task::has_fetched)) {
            seam.taken_back(task);
        }
        if !seam.is_dead() && !self.is_over() {
            let running: Vec<_> = worker
                .tasks()
                .iter()
                .map(|task| (task.id(), task.is_done(), task.positions().map(|(p, _)| p).collect()))
                .collect();
            let others = [worker.opening(), worker.joining(), worker.set_aside()].concat();
            seam.membership.borrow_mut().check(self, seam.who, &running, &others);
            self.returned(slot, &seam, worker);
        }
        if seam.replaced.get()
            && let Some(worker) = place.take()
        {
            // As a thread ends after an error that nothing mends.
            let _ = on_behalf(&seam, || catch_unwind(AssertUnwindSafe(|| worker.close())));
            seam.die();
        }
        drop(place);
        if seam.doubled.get() && seam.is_dead() {
            let worker = slot.worker.take();
            on_behalf(&seam, || drop(worker));
            slot.seam.take();
        }
        self.bury();
        busy
    }

    /// What a worker said when it was done, or why it never came back.
    pub(super) fn judge(&self, seam: &Seam, done: std::thread::Result<Result<bool, WorkerError>>) -> bool {
        let who = seam.who;
        match done {
            // Whatever it says: nobody hears it any more.
            _ if seam.is_dead() => {}
            Ok(Ok(busy)) => return busy,
            Ok(Err(WorkerError::Transport(TransportError::TimedOut(_)))) if seam.timed_out.get() => {}
            // A function had a defect: its task is set aside, the others go on until somebody replaces the thread.
            Ok(Err(WorkerError::Process { task, failure }))
                if seam.failed.get() && matches!(failure.what(), What::Panic(_)) =>
            {
                self.trace.say(|| format!("{who} sets task {task} aside: {failure}"));
                seam.aside.set(Some(task));
            }
            Ok(Err(error @ WorkerError::Store { .. })) if seam.full.get() => {
                self.trace.say(|| format!("{who}: {error}"));
            }
            // A store that has no room while it is restored: the process ends, and is started when there is room.
            Ok(Err(error @ (WorkerError::Open { .. } | WorkerError::Process { .. }))) if seam.full.get() => {
                self.trace.say(|| format!("{who} gives up: {error}"));
                seam.die();
            }
            Ok(Err(WorkerError::Transport(error @ TransportError::Replaced(_))))
                if self.instances[who.instance].doubled.get() =>
            {
                self.trace.say(|| format!("{who} gives way: {error}"));
                seam.replaced.set(true);
            }
            // A topic has more partitions than its rows are spread over: nobody can go on.
            Ok(Err(WorkerError::Grown(growth))) if self.script.application.grows == Some(&*growth.topic) => {
                self.trace.say(|| format!("{who} gives up: {growth}"));
                seam.die();
            }
            // Brokers have forgotten what it needs, and it says so.
            Ok(Err(
                error @ (WorkerError::Open {
                    cause:
                        OpenError::NoOffsets(..)
                        | OpenError::OffsetsGone
                        | OpenError::Written(..)
                        | OpenError::OffsetGone { .. }
                        // Where the same name is two topics, one task may for a moment be two members'.
                        | OpenError::Restore(RestoreError::Ahead { .. })
                        | OpenError::MadeAnew { .. },
                    ..
                }
                | WorkerError::Input {
                    cause: TransportError::UnknownTopic(_) | TransportError::OffsetOutOfRange { .. },
                    ..
                }
                | WorkerError::Transport(TransportError::UnknownTopic(_))),
            )) if self.has_forgotten() => {
                self.trace.say(|| format!("{who} gives up: {error}"));
                seam.die();
            }
            // Its patience ended before the mistake did.
            Ok(Err(
                error @ WorkerError::Open {
                    cause: OpenError::NoOffsets(..) | OpenError::OffsetsGone | OpenError::Written(..),
                    ..
                },
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
}
