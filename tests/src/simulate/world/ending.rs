//! The end: no more faults, everybody works it off, and ends as it should.

use super::{Act, ROUNDS, World};
use crate::random::Random;
use crate::simulate::disk::{Disk, Fate};
use crate::simulate::script::THREADS;
use std::collections::BTreeMap;
use streams_runtime::Headers;
use streams_runtime::task::TaskId;

impl World {
    /// No more faults: what was held up arrives, who slept wakes, who failed is replaced, what is too old has timed out.
    pub(in crate::simulate) fn calm(&self) {
        (0..self.slots.len()).filter_map(|slot| self.seam(slot)).for_each(|seam| seam.disarm());
        for instance in &self.instances {
            instance.paused_until.set(0);
            instance.away_until.set(None);
        }
        self.rejoining.take();
        if self.has_grown() {
            // Whoever would make the first of a name end may not start any more.
            self.end_doubled();
        }
        self.log.calm();
        self.hidden.set(0);
        self.unanswered.set(0);
        self.unheard.set(0);
        self.log.hold_markers(false);
        self.replace_failed();
        self.log.set_time_ms(self.log.time_ms() + 120_000);
        self.log.deliver_late();
        self.finish_feeding(&mut Random::of(self.script.seed, 2));
        if (0..self.slots.len()).all(|slot| !self.lives(slot)) {
            // One that may not start, since a topic grew, may not do so now either.
            (0..self.script.threads.len()).for_each(|instance| self.start(instance));
        }
    }

    /// True if somebody lives.
    pub(in crate::simulate) fn is_alive(&self) -> bool {
        (0..self.slots.len()).any(|slot| self.lives(slot))
    }

    /// Everybody works until nothing is left to do.
    pub(in crate::simulate) fn rest(&self) {
        let mut idle = 0;
        for _ in 0..ROUNDS {
            idle += 1;
            for slot in 0..self.slots.len() {
                let stepped = self.act(slot, Act::Step(usize::MAX));
                if self.act(slot, Act::Commit) || stepped {
                    idle = 0;
                }
            }
            for nth in (0..self.doubled()).rev() {
                idle = 0;
                self.act_doubled(nth, Act::Step(usize::MAX));
            }
            // One that came back after it had been forgotten has made the other one end, who is started again.
            if self.doubled() > 0 {
                let ended = |instance: &usize| self.slots_of(*instance).any(|slot| !self.lives(slot));
                (0..self.script.threads.len()).filter(ended).for_each(|instance| self.start(instance));
            }
            if idle == 2 || self.is_over() {
                return;
            }
            self.log.set_time_ms(self.log.time_ms() + 10);
        }
        self.violated(|| "it never comes to rest".to_owned());
    }

    /// Everybody tries for as long as it takes until patience is over.
    pub(in crate::simulate) fn wait_for_words(&self) {
        for _ in 0..60 {
            for slot in 0..self.slots.len() {
                self.act(slot, Act::Step(usize::MAX));
                self.act(slot, Act::Commit);
            }
            self.log.set_time_ms(self.log.time_ms() + 1_000);
        }
    }

    /// A few records for every partition.
    pub(in crate::simulate) fn feed_all(&self) {
        let mut random = Random::of(self.script.seed, 3);
        for fed in self.script.application.fed {
            for partition in 0..self.fed_partitions(fed) {
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
    pub(in crate::simulate) fn owners(&self) -> BTreeMap<TaskId, usize> {
        let mut owners = BTreeMap::new();
        for (slot, at) in self.slots.iter().enumerate() {
            if let Some(worker) = &*at.worker.borrow() {
                owners.extend(worker.tasks().iter().map(|task| (task.id(), slot / THREADS)));
            }
        }
        owners
    }

    /// Which incarnation has which task now.
    pub(in crate::simulate) fn owning(&self) -> BTreeMap<TaskId, usize> {
        let mut owning = BTreeMap::new();
        for at in &self.slots {
            if let (Some(worker), Some(seam)) = (&*at.worker.borrow(), &*at.seam.borrow()) {
                owning.extend(worker.tasks().iter().map(|task| (task.id(), seam.incarnation)));
            }
        }
        owning
    }

    /// Everybody ends as they should.
    pub(in crate::simulate) fn stop_all(&self) {
        (0..self.instances.len()).for_each(|instance| self.stop(instance, true));
    }

    /// Starts the machine that has nothing yet, and says which it is.
    pub(in crate::simulate) fn start_fresh(&self) -> usize {
        let fresh = self.instances.len() - 1;
        self.instances[fresh].disk.borrow().meet(Fate::Deleted);
        self.start(fresh);
        fresh
    }

    /// What a machine has on its disk.
    pub(in crate::simulate) fn disk(&self, instance: usize) -> Disk {
        self.instances[instance].disk.borrow().clone()
    }
}
