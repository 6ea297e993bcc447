//! The transaction coordinator: who owns a transactional id, what its open transaction touched, how it ends.
//!
//! Knows ids, incarnations and time-outs. It deliberately does not know what a record or an offset says: deciding
//! is told to the partitions (`log`) and groups (`group`) it touched.
//!
//! ```text
//! Idle ──first send/offsets──→ Open ──commit or abort──→ Ending ──last marker──→ Idle
//!                                └─time-out, or init of a newer producer: abort──↑  (and the old one is fenced)
//! ```
//!
//! Deciding and becoming visible are two steps: markers are written one partition at a time, and
//! [`hold_markers`](super::MemoryLog::hold_markers) puts the steps in the hand of the caller.

use super::Log;
use super::log::PartitionLog;
use super::topics::Place;
use crate::transport::{CommittedOffset, TransportError};

/// The producer number that nobody has: whoever asks with an older one is fenced.
const NOBODY: u32 = u32::MAX;

/// A producer that says which incarnation of which transactional id it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) slot: u32,
    pub(super) producer: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Open { since_ms: i64 },
    Ending { commit: bool },
}

struct Transactional {
    id: String,
    /// The incarnation that may write. It plays the part of producer id and epoch in one number.
    producer: u32,
    /// The incarnation whose transaction is open or ending; differs from `producer` once it was fenced.
    author: u32,
    phase: Phase,
    timeout_ms: i64,
    places: Vec<Place>,
    groups: Vec<u32>,
}

/// A control record that is decided and not written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Whose transaction ends.
    pub transactional_id: String,
    /// Whether it commits.
    pub commit: bool,
    /// Where it will stand.
    pub target: MarkerTarget,
}

/// Where a marker goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkerTarget {
    /// Into a partition.
    Partition(crate::transport::TopicPartition),
    /// To the committed offsets of a group.
    Offsets(String),
}

pub(super) struct Transactions {
    all: Vec<Transactional>,
    next_producer: u32,
    pub(super) timeout_ms: i64,
    pub(super) hold_markers: bool,
}

impl Default for Transactions {
    fn default() -> Self {
        // Number 0 belongs to records that were appended directly.
        Transactions { all: Vec::new(), next_producer: 1, timeout_ms: 60_000, hold_markers: false }
    }
}

impl Transactions {
    pub(super) fn slot(&mut self, id: &str) -> u32 {
        if let Some(at) = self.all.iter().position(|t| t.id == id) {
            return at as u32;
        }
        self.all.push(Transactional {
            id: id.to_owned(),
            producer: NOBODY,
            author: NOBODY,
            phase: Phase::Idle,
            timeout_ms: self.timeout_ms,
            places: Vec::new(),
            groups: Vec::new(),
        });
        self.all.len() as u32 - 1
    }

    pub(super) fn number(&mut self) -> u32 {
        let number = self.next_producer;
        self.next_producer += 1;
        number
    }

    /// False if the id went to another producer.
    #[inline]
    pub(super) fn owns(&self, claim: Claim) -> bool {
        self.all[claim.slot as usize].producer == claim.producer
    }

    /// False while the last transaction still waits for its markers (Kafka: "concurrent transactions").
    #[inline]
    pub(super) fn admits(&self, claim: Claim) -> bool {
        !matches!(self.all[claim.slot as usize].phase, Phase::Ending { .. })
    }

    /// The ids whose last transaction is not over.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|t| t.phase != Phase::Idle).map(|t| t.id.as_str())
    }

    #[inline]
    fn open(&mut self, claim: Claim, now_ms: i64) -> &mut Transactional {
        let owner = &mut self.all[claim.slot as usize];
        debug_assert!(owner.producer == claim.producer && !matches!(owner.phase, Phase::Ending { .. }));
        if owner.phase == Phase::Idle {
            // The broker's time-out counts from here; `begin` is not told to it.
            owner.phase = Phase::Open { since_ms: now_ms };
            owner.author = claim.producer;
        }
        owner
    }
}

impl Log {
    /// Makes the partition part of the transaction. The claim must be checked and admitted.
    #[inline(always)]
    pub(super) fn join(&mut self, claim: Claim, place: Place) -> &mut PartitionLog {
        let partition = self.topics.log_mut(place);
        // The partition knows a handful of open transactions, the transaction perhaps hundreds of partitions.
        if !partition.has_open(claim.producer) {
            self.transactions.open(claim, self.time_ms).places.push(place);
            partition.join(claim.producer);
        }
        partition
    }

    /// Makes the group's offsets part of the transaction. The claim must be checked and admitted.
    #[inline]
    pub(super) fn add_group(&mut self, claim: Claim, group: u32) {
        let owner = self.transactions.open(claim, self.time_ms);
        if !owner.groups.contains(&group) {
            owner.groups.push(group);
        }
    }

    /// Hands the id to a new incarnation; an open transaction is aborted first.
    pub(super) fn take_over(&mut self, slot: u32) -> Result<u32, TransportError> {
        self.transactions.all[slot as usize].producer = NOBODY;
        if let Phase::Open { .. } = self.transactions.all[slot as usize].phase {
            self.decide(slot, false);
        }
        if self.transactions.all[slot as usize].phase != Phase::Idle {
            return Err(TransportError::TimedOut("waiting for the markers of the last transaction"));
        }
        let number = self.transactions.number();
        let owner = &mut self.transactions.all[slot as usize];
        owner.producer = number;
        owner.timeout_ms = self.transactions.timeout_ms;
        Ok(number)
    }

    /// Ends the transaction of `claim`, as its producer asked. One that touched nothing ends without a trace.
    pub(super) fn end_transaction(&mut self, claim: Claim, commit: bool) -> Result<(), TransportError> {
        if !self.transactions.owns(claim) {
            return Err(TransportError::Fenced(self.transactions.all[claim.slot as usize].id.clone()));
        }
        if let Phase::Open { .. } = self.transactions.all[claim.slot as usize].phase {
            self.decide(claim.slot, commit);
        }
        Ok(())
    }

    /// Commits with an offset of a group, if the claim is good, nothing ends that has not ended, and nothing but partitions
    /// is in the transaction; false if not, and nothing has happened.
    #[inline(always)]
    pub(super) fn commit_plain(
        &mut self,
        claim: Claim,
        group: u32,
        input: Place,
        committed: &CommittedOffset,
    ) -> bool {
        let owner = &mut self.transactions.all[claim.slot as usize];
        let is_plain = owner.producer == claim.producer && owner.groups.is_empty();
        if !is_plain || matches!(owner.phase, Phase::Ending { .. }) || self.transactions.hold_markers {
            return false;
        }
        self.groups.commit(group, input, committed);
        for &place in &owner.places {
            self.topics.log_mut(place).decide(claim.producer, true);
        }
        owner.places.clear();
        owner.phase = Phase::Idle;
        self.changes += 1;
        true
    }

    /// Aborts what is older than its time-out; its producer is fenced.
    pub(super) fn expire_transactions(&mut self) {
        for slot in 0..self.transactions.all.len() {
            let owner = &mut self.transactions.all[slot];
            if let Phase::Open { since_ms } = owner.phase
                && self.time_ms - since_ms >= owner.timeout_ms
            {
                owner.producer = NOBODY;
                self.decide(slot as u32, false);
            }
        }
    }

    #[inline]
    fn decide(&mut self, slot: u32, commit: bool) {
        let owner = &mut self.transactions.all[slot as usize];
        owner.phase = Phase::Ending { commit };
        if !self.transactions.hold_markers {
            self.write_markers(slot as usize, commit);
        }
        self.changes += 1;
    }

    #[inline]
    fn write_markers(&mut self, slot: usize, commit: bool) {
        let owner = &mut self.transactions.all[slot];
        for &place in &owner.places {
            self.topics.log_mut(place).decide(owner.author, commit);
        }
        for &group in &owner.groups {
            self.groups.decide(group, slot as u32, commit);
        }
        owner.places.clear();
        owner.groups.clear();
        owner.phase = Phase::Idle;
    }

    pub(super) fn pending_markers(&self) -> Vec<Marker> {
        let mut markers = Vec::new();
        for owner in &self.transactions.all {
            let Phase::Ending { commit } = owner.phase else { continue };
            let partitions = owner.places.iter().map(|&p| MarkerTarget::Partition(self.topics.spell(p)));
            let groups = owner.groups.iter().map(|&g| MarkerTarget::Offsets(self.groups.name(g).to_owned()));
            markers.extend(partitions.chain(groups).map(|target| Marker {
                transactional_id: owner.id.clone(),
                commit,
                target,
            }));
        }
        markers
    }

    pub(super) fn write_marker(&mut self, mut nth: usize) -> bool {
        for (slot, owner) in self.transactions.all.iter_mut().enumerate() {
            let Phase::Ending { commit } = owner.phase else { continue };
            let (places, groups) = (owner.places.len(), owner.groups.len());
            if nth >= places + groups {
                nth -= places + groups;
                continue;
            }
            if nth < places {
                self.topics.log_mut(owner.places.remove(nth)).decide(owner.author, commit);
            } else {
                self.groups.decide(owner.groups.remove(nth - places), slot as u32, commit);
            }
            if owner.places.is_empty() && owner.groups.is_empty() {
                owner.phase = Phase::Idle;
            }
            self.changes += 1;
            return true;
        }
        false
    }

    pub(super) fn release_markers(&mut self) {
        for slot in 0..self.transactions.all.len() {
            if let Phase::Ending { commit } = self.transactions.all[slot].phase {
                self.write_markers(slot, commit);
            }
        }
        self.changes += 1;
    }
}
