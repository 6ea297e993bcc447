//! One tick after the other: the faults of the script, and who does what.
//!
//! Knows how a fault is made to happen. Does not know what follows from it.

use super::{APPLICATION, Act, DELETE_RETENTION_MS, World};
use crate::random::Random;
use crate::simulate::script::{Fault, THREADS, What};
use crate::simulate::seam::{Seam, Who};
use streams_runtime::guarantee::Guarantee;
use streams_runtime::transport::memory::{Marker, MarkerTarget};

impl World {
    /// Runs the script to its end; what is left is for the oracle.
    pub(in crate::simulate) fn run(&self) {
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

    pub(super) fn tick(&self, tick: usize) {
        let mut random = Random::of(self.script.seed, 1_000 + tick as u64);
        self.log.set_time_ms(self.log.time_ms() + 1 + random.below(20) as i64);
        for (instance, _) in self.script.starts.iter().enumerate().filter(|(_, at)| **at == tick) {
            self.start(instance);
        }
        for fault in self.script.faults.iter().filter(|fault| fault.tick == tick) {
            self.strike(fault);
        }
        let due = self.rejoining.borrow_mut().extract_if(.., |(at, _)| *at <= tick).collect::<Vec<_>>();
        due.iter().for_each(|(_, member)| self.rejoin(member));
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
        let is_away = self.instances[dead].away_until.get().is_some() || tick < self.script.starts[dead];
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
        if self.doubled() > 0 && random.once_in(2) {
            let act = if random.once_in(3) { Act::Commit } else { Act::Step(usize::MAX) };
            self.act_doubled(random.below(self.doubled()), act);
        }
        if self.has_failed() && random.once_in(4) {
            self.replace_failed();
        }
    }

    pub(super) fn strike(&self, fault: &Fault) {
        let instance = fault.slot / THREADS;
        let slots = self.slots_of(instance);
        let slot = slots.start + fault.slot % slots.len();
        self.trace.say(|| format!("fault for {instance}/{}: {:?}", slot - slots.start, fault.what));
        let seam = self.seam(slot);
        match &fault.what {
            What::At(armed) => seam.into_iter().for_each(|seam| seam.arm(armed.clone())),
            What::Accident(accident) => {
                let who = Who { instance, thread: slot - slots.start };
                let id = match self.script.guarantee {
                    Guarantee::ExactlyOnce => format!("{APPLICATION}-{who}"),
                    // Those without an id have one name.
                    Guarantee::AtLeastOnce => String::new(),
                };
                self.log.inject(&id, accident.clone());
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
                    self.stop(instance, false);
                }
            }
            What::Stop(leaves) => self.stop(instance, *leaves),
            What::Pause(ticks, expelled) => {
                self.instances[instance].paused_until.set(self.tick.get() + ticks);
                slots.filter(|_| *expelled).for_each(|slot| self.expel(slot));
            }
            What::Expel => self.expel(slot),
            What::Forgotten(ticks) => {
                let member = seam.and_then(|seam| seam.membership.borrow().member());
                self.expel(slot);
                let back = self.tick.get() + ticks;
                self.rejoining.borrow_mut().extend(member.map(|member| (back, member)));
                if *ticks > 0 {
                    self.instances[instance].paused_until.set(back + 1);
                }
            }
            What::Twin => self.double(instance),
            What::LoseMembers(answers) => self.unanswered.set(*answers),
            What::Lag(answers) => self.log.lag_generations(*answers),
            What::HoldMarkers(ticks, offsets_first) => {
                self.offsets_first.set(*offsets_first);
                self.held_until.set(self.tick.get() + ticks);
                self.log.hold_markers(true);
            }
            What::HideOffsets(answers) => self.hidden.set(*answers),
            What::LoseEnds(answers) => self.log.lose_ends(*answers),
            What::Jump(ms) => self.log.set_time_ms(self.log.time_ms() + ms),
            What::Skew(ms) => self.instances[instance].skew_ms.set(*ms),
            What::Weeks => self.weeks_pass(),
            What::NobodyForWeeks(seed) => self.nobody_runs_for_weeks(&mut Random::of(*seed, 0)),
            What::InputAnew(seed) => self.make_input_anew(&mut Random::of(*seed, 0)),
            What::ChangelogsAnew(seed) => self.make_changelogs_anew(&mut Random::of(*seed, 0)),
            What::Compact => self.compact(),
            What::Purge => self.purge(),
            What::Grow => {
                if let Some(topic) = self.script.application.grows {
                    // More than any other: whoever looks at counts now finds another leader.
                    let has = self.log.partitions(topic).unwrap_or_default();
                    let _ = self.log.grow_topic(topic, has.max(self.script.partitions) + 1);
                }
            }
        }
    }

    pub(super) fn write_markers(&self, random: &mut Random) {
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

    pub(super) fn is_anybody_away(&self) -> bool {
        self.instances.iter().any(|machine| machine.away_until.get().is_some())
    }

    /// Who was away comes back after a day. The first thing it does may be a commit.
    pub(super) fn come_back(&self, tick: usize) {
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

    /// The client of a member that was thrown out joins anew, unless its owner has noticed.
    pub(in crate::simulate) fn rejoin(&self, member: &str) {
        if self.log.rejoin(APPLICATION, member) {
            self.trace.say(|| format!("{member} has joined anew"));
        }
    }

    pub(super) fn expel(&self, slot: usize) {
        self.seam(slot).into_iter().for_each(|seam| self.expel_worker(&seam));
    }

    /// The group throws it out, and it will learn of it.
    pub(in crate::simulate) fn expel_worker(&self, seam: &Seam) {
        if let Some(member) = seam.membership.borrow().member() {
            self.log.expel(APPLICATION, &member);
        }
    }
}
