//! Machines: how a worker starts, does something, dies and ends.
//!
//! Knows workers and what they say. Does not know when, nor why.

use super::{APPLICATION, Act, World};
use crate::simulate::disk::Fate;
use crate::simulate::machine::Machine;
use crate::simulate::observed::on_behalf;
use crate::simulate::script::THREADS;
use crate::simulate::seam::{Crash, Seam, Who};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use streams_runtime::commit::Commit;
use streams_runtime::open::OpenError;
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
        self.instances[instance].disk.meet(fate);
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
    pub(super) fn stop(&self, instance: usize) {
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
    pub(in crate::simulate) fn act(&self, slot: usize, act: Act) -> bool {
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
            let others = [worker.opening(), worker.joining(), worker.set_aside()].concat();
            seam.membership.borrow_mut().check(self, seam.who, &running, &others);
        }
        drop(place);
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
                error @ WorkerError::Open { cause: OpenError::NoOffsets(..) | OpenError::OffsetsGone, .. },
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
