//! What a worker may do given what it was told about its membership, checked at every step:
//!
//! 1. no offset is committed of a partition whose revocation is confirmed;
//! 2. never a generation below 1 or an empty member with offsets;
//! 3. co-partitioned inputs are read exactly while their leader's partition is owned;
//! 4. an abort rewinds every partition that is read;
//! 5. nothing is processed of what was lost, until it is given again;
//!
//! and no two workers process one task in one generation.
//!
//! Knows what went across the seam. Does not know the group's own books.

use super::seam::{Seam, Who};
use super::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use streams_runtime::task::TaskId;
use streams_runtime::transport::{CommittedOffset, GroupMetadata, TopicPartition};

/// What one worker was told and did.
#[derive(Default)]
pub(super) struct Membership {
    /// The partitions of leaders that it was given and has neither given back nor lost.
    owned: BTreeSet<TopicPartition>,
    /// Those of them that it was asked to give back, and among these those that it was given again in the same moment: a topic
    /// that was made anew has the partitions of the one before it.
    asked: BTreeSet<TopicPartition>,
    again: BTreeSet<TopicPartition>,
    /// What it reads, and at which moment it began to.
    reading: BTreeMap<TopicPartition, u64>,
    /// Counts assignments and aborts.
    moment: u64,
    aborted: Option<u64>,
    generation: i32,
    member: Option<Rc<str>>,
}

impl Membership {
    pub(super) fn given(&mut self, partitions: &[TopicPartition]) {
        self.again.extend(partitions.iter().filter(|place| self.asked.contains(place)).cloned());
        self.owned.extend(partitions.iter().cloned());
    }

    pub(super) fn asked(&mut self, partitions: &[TopicPartition]) {
        self.asked.extend(partitions.iter().cloned());
    }

    /// Lost.
    pub(super) fn gone(&mut self, partitions: &[TopicPartition]) {
        self.owned.retain(|owned| !partitions.contains(owned));
        self.asked.retain(|asked| !partitions.contains(asked));
    }

    /// Given back, as far as it was asked to: the same may be said of what was lost and is given again.
    pub(super) fn gives_back(&mut self, partitions: &[TopicPartition]) {
        let mut asked: Vec<_> =
            partitions.iter().filter(|place| self.asked.contains(place)).cloned().collect();
        self.asked.retain(|place| !asked.contains(place));
        asked.retain(|place| !self.again.remove(place));
        self.gone(&asked);
    }

    /// What it was given and has.
    pub(super) fn owned(&self) -> &BTreeSet<TopicPartition> {
        &self.owned
    }

    pub(super) fn polled(&mut self, proof: Option<&GroupMetadata>) {
        if let Some(proof) = proof {
            self.generation = proof.generation;
            self.member = Some(proof.member.clone());
        }
    }

    /// True if it has heard of this generation, and has nothing to give back.
    pub(super) fn is_at_rest(&self, generation: i32) -> bool {
        self.generation == generation && self.asked.is_empty()
    }

    /// Its name in the group, as of the last poll.
    pub(super) fn member(&self) -> Option<Rc<str>> {
        self.member.clone()
    }

    pub(super) fn reads(&mut self, partition: &TopicPartition) {
        self.moment += 1;
        self.reading.insert(partition.clone(), self.moment);
    }

    pub(super) fn stops_reading(&mut self, partition: &TopicPartition) {
        self.reading.remove(partition);
    }

    pub(super) fn aborted(&mut self) {
        self.moment += 1;
        self.aborted = Some(self.moment);
    }

    /// A record of this partition is processed.
    pub(super) fn processes(&self, world: &World, seam: &Seam, partition: &TopicPartition) {
        let Some((task, leader)) = world.task_of(partition) else { return };
        if !self.owned.contains(&leader) {
            world.violated(|| format!("{} processes {task} without owning {leader:?}", seam.who));
        }
        world.processes(task, self.generation, seam);
    }

    /// Offsets are sent.
    pub(super) fn sends(
        &self,
        world: &World,
        who: Who,
        offsets: &[(TopicPartition, CommittedOffset)],
        proof: &GroupMetadata,
    ) {
        if proof.generation < 1 || proof.member.is_empty() {
            world.violated(|| {
                format!("{who} commits as member `{}` of generation {}", proof.member, proof.generation)
            });
        }
        self.owns_all(world, who, offsets);
    }

    /// All of them are of tasks that it owns.
    pub(super) fn owns_all(&self, world: &World, who: Who, offsets: &[(TopicPartition, CommittedOffset)]) {
        for (partition, _) in offsets {
            if let Some((task, leader)) = world.task_of(partition)
                && !self.owned.contains(&leader)
            {
                world.violated(|| {
                    format!("{who} commits {partition:?} of task {task}, which it does not own")
                });
            }
        }
    }

    /// Between two calls of the worker: it has these tasks with these inputs, and others on their way.
    pub(super) fn check(
        &mut self,
        world: &World,
        who: Who,
        running: &[(TaskId, bool, Vec<TopicPartition>)],
        others: &[TaskId],
    ) {
        if let Some(aborted) = self.aborted.take()
            && let Some((partition, _)) = self.reading.iter().find(|(_, since)| **since < aborted)
        {
            world.violated(|| format!("{who} did not rewind {partition:?} after an abort"));
        }
        let mut held: BTreeSet<TopicPartition> = BTreeSet::new();
        for (task, done, inputs) in running {
            held.extend(world.leader_of(*task));
            for input in inputs.iter().filter(|_| !done) {
                if !self.reading.contains_key(input) {
                    world.violated(|| format!("{who} runs task {task} and does not read {input:?}"));
                }
            }
        }
        let inputs: BTreeSet<&TopicPartition> = running.iter().flat_map(|(_, _, inputs)| inputs).collect();
        if let Some(partition) = self.reading.keys().find(|partition| !inputs.contains(partition)) {
            world.violated(|| format!("{who} reads {partition:?} without a task that wants it"));
        }
        held.extend(others.iter().filter_map(|task| world.leader_of(*task)));
        if held != self.owned {
            world.violated(|| format!("{who} has tasks for {held:?} and owns {:?}", self.owned));
        }
    }
}
