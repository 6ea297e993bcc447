//! The group coordinator: members, generations, who owns which partition, and the committed offsets.
//!
//! Knows membership and offsets, those of undecided transactions included. It deliberately does not know records
//! nor transactions' states: it is told when one ends. It fences membership and not ownership, as Kafka does:
//! a current member may commit any partition.
//!
//! ```text
//! join / leave / expel / topics changed ─→ new generation, new target of every member
//! poll of a member   owned \ target → Revoked       target \ (owned by anybody) → Assigned
//! revoked() of it    partitions become free ─→ new generation; their new owner finds them at its next poll
//! join under a name that is there (a static member) ─→ it has the place, in the same generation; who had it is told
//! ```

use super::assign::{Candidate, assign};
use super::topics::{Place, Topics};
use crate::transport::{CommittedOffset, TransportError};

struct Member {
    id: String,
    /// What its client calls itself.
    client: String,
    /// Its name across restarts, if it is static.
    instance: Option<String>,
    topics: Vec<String>,
    /// What it shall have.
    target: Vec<Place>,
    /// What it was told to have and has not given back.
    owned: Vec<Place>,
    /// The part of `owned` that it was asked to give back.
    revoking: Vec<Place>,
    /// Set when its client vanished without leaving.
    died_ms: Option<i64>,
}

/// An offset inside an undecided transaction.
struct Pending {
    slot: u32,
    place: Place,
    committed: CommittedOffset,
}

/// A committed offset, and the clock when it was committed.
struct Kept {
    committed: CommittedOffset,
    at_ms: i64,
}

/// Committed offsets, by topic number and partition: both are small and dense.
#[derive(Default)]
struct Offsets(Vec<Vec<Option<Kept>>>);

impl Offsets {
    fn get(&self, place: Place) -> Option<&CommittedOffset> {
        Some(&self.0.get(place.topic as usize)?.get(place.partition as usize)?.as_ref()?.committed)
    }

    #[inline(always)]
    fn set(&mut self, place: Place, committed: &CommittedOffset, at_ms: i64) {
        let topic = self.0.get_mut(place.topic as usize);
        match topic.and_then(|topic| topic.get_mut(place.partition as usize)) {
            Some(Some(kept)) => {
                kept.committed.offset = committed.offset;
                // Mostly there is none.
                if kept.committed.metadata.len() + committed.metadata.len() > 0 {
                    kept.committed.metadata.clone_from(&committed.metadata);
                }
                kept.at_ms = at_ms;
            }
            _ => self.grow(place, Kept { committed: committed.clone(), at_ms }),
        }
    }

    /// As `set`; what stood there before is left in its place.
    #[inline]
    fn take(&mut self, place: Place, committed: &mut CommittedOffset, at_ms: i64) {
        // Nearly always there is one already.
        let topic = self.0.get_mut(place.topic as usize);
        match topic.and_then(|topic| topic.get_mut(place.partition as usize)) {
            Some(Some(kept)) => {
                std::mem::swap(&mut kept.committed, committed);
                kept.at_ms = at_ms;
            }
            _ => self.grow(place, Kept { committed: committed.clone(), at_ms }),
        }
    }

    /// Forgets what was committed at or before this time, of the topics that are not among these.
    fn expire(&mut self, until_ms: i64, but: &[u32]) {
        for (topic, partitions) in (0..).zip(&mut self.0) {
            if !but.contains(&topic) {
                partitions
                    .iter_mut()
                    .for_each(|kept| *kept = kept.take().filter(|kept| kept.at_ms > until_ms));
            }
        }
    }

    #[cold]
    fn grow(&mut self, place: Place, kept: Kept) {
        let (topic, partition) = (place.topic as usize, place.partition as usize);
        if topic >= self.0.len() {
            self.0.resize_with(topic + 1, Vec::new);
        }
        let topic = &mut self.0[topic];
        if partition >= topic.len() {
            topic.resize_with(partition + 1, || None);
        }
        topic[partition] = Some(kept);
    }

    fn forget(&mut self, topic: u32) {
        self.0.get_mut(topic as usize).into_iter().for_each(Vec::clear);
    }
}

struct Group {
    name: String,
    generation: i32,
    members: Vec<Member>,
    joined_so_far: u32,
    topics_version: u64,
    offsets: Offsets,
    pending: Vec<Pending>,
    /// Thrown out, and their clients have not noticed.
    forgotten: Vec<Member>,
    /// Members that joined anew before their owner noticed that they had been thrown out: who, and as whom.
    successors: Vec<(String, String)>,
    /// Static members whose name somebody else has now.
    replaced: Vec<String>,
    /// Since when it has no members.
    empty_since_ms: Option<i64>,
}

/// What a member learns by polling.
#[derive(Default)]
pub(super) struct News {
    /// It is no member any more; nothing but the next two is set then.
    pub(super) thrown_out: bool,
    /// Its client is a member again, under this id.
    pub(super) successor: Option<String>,
    /// Somebody else has its name.
    pub(super) replaced: bool,
    pub(super) revoked: Vec<Place>,
    pub(super) assigned: Vec<Place>,
}

pub(super) struct Groups {
    all: Vec<Group>,
    /// Moves when a member of any group may have news.
    pub(super) moves: u64,
    pub(super) session_timeout_ms: i64,
    /// For how long offsets of topics that no member subscribes to are kept, and all offsets of a group without members;
    /// `None`: for ever.
    pub(super) offsets_retention_ms: Option<i64>,
    now_ms: i64,
}

impl Default for Groups {
    fn default() -> Self {
        Groups {
            all: Vec::new(),
            moves: 0,
            session_timeout_ms: 45_000,
            offsets_retention_ms: None,
            now_ms: 0,
        }
    }
}

impl Groups {
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(at) = self.find(name) {
            return at;
        }
        self.all.push(Group {
            name: name.to_owned(),
            generation: 0,
            members: Vec::new(),
            joined_so_far: 0,
            topics_version: 0,
            offsets: Offsets::default(),
            pending: Vec::new(),
            forgotten: Vec::new(),
            successors: Vec::new(),
            replaced: Vec::new(),
            empty_since_ms: None,
        });
        self.all.len() as u32 - 1
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.all.iter().position(|group| group.name == name).map(|at| at as u32)
    }

    pub(super) fn name(&self, group: u32) -> &str {
        &self.all[group as usize].name
    }

    /// What the clients of the members call themselves.
    pub(super) fn clients(&self, group: u32) -> impl Iterator<Item = &str> {
        self.all[group as usize].members.iter().map(|member| member.client.as_str())
    }

    pub(super) fn current_generation(&self, group: u32) -> i32 {
        self.all[group as usize].generation
    }

    /// The generation, if `member` is one.
    pub(super) fn generation(&self, group: u32, member: &str) -> Option<i32> {
        let group = &self.all[group as usize];
        group.members.iter().any(|m| m.id == member).then_some(group.generation)
    }

    pub(super) fn join(
        &mut self,
        group: u32,
        client: &str,
        instance: Option<&str>,
        wanted: &[String],
        topics: &Topics,
    ) -> String {
        let group = &mut self.all[group as usize];
        let id = group.new_id(client);
        let same_name = |m: &&mut Member| instance.is_some() && m.instance.as_deref() == instance;
        if let Some(m) = group.members.iter_mut().find(same_name) {
            // What its predecessor had or was asked for, it has not got yet. What others see of it is what they saw first.
            group.replaced.push(std::mem::replace(&mut m.id, id.clone()));
            m.owned.clear();
            m.revoking.clear();
            m.died_ms = None;
            self.moves += 1;
            if m.topics != wanted {
                m.topics = wanted.to_vec();
                group.rebalance(topics, &mut self.moves);
            }
            return id;
        }
        group.members.push(Member {
            id: id.clone(),
            client: client.to_owned(),
            instance: instance.map(str::to_owned),
            topics: wanted.to_vec(),
            target: Vec::new(),
            owned: Vec::new(),
            revoking: Vec::new(),
            died_ms: None,
        });
        group.rebalance(topics, &mut self.moves);
        id
    }

    /// Throws a member out; true if it was one. Its client may [join anew](Self::rejoin) before its owner notices.
    pub(super) fn expel(&mut self, group: u32, member: &str, topics: &Topics) -> bool {
        let group = &mut self.all[group as usize];
        let Some(at) = group.members.iter().position(|m| m.id == member) else { return false };
        let gone = group.members.remove(at);
        group.forgotten.push(gone);
        group.rebalance(topics, &mut self.moves);
        true
    }

    /// The client of a member that was thrown out joins anew, and its owner has not noticed; false if he has, or it was
    /// none.
    pub(super) fn rejoin(&mut self, group: u32, member: &str, topics: &Topics) -> bool {
        let at =
            self.all[group as usize].forgotten.iter().position(|m| m.id == member && m.died_ms.is_none());
        let Some(at) = at else { return false };
        let Member { client, instance, topics: wanted, .. } = self.all[group as usize].forgotten.remove(at);
        let id = self.join(group, &client, instance.as_deref(), &wanted, topics);
        self.all[group as usize].successors.push((member.to_owned(), id));
        true
    }

    /// As whom the client of a member that was thrown out has joined since.
    pub(super) fn successor(&self, group: u32, member: &str) -> Option<&str> {
        let mut successors = self.all[group as usize].successors.iter();
        successors.find(|(old, _)| old == member).map(|(_, new)| new.as_str())
    }

    pub(super) fn resubscribe(&mut self, group: u32, member: &str, wanted: &[String], topics: &Topics) {
        let group = &mut self.all[group as usize];
        if let Some(m) = group.members.iter_mut().find(|m| m.id == member)
            && m.topics != wanted
        {
            m.topics = wanted.to_vec();
            group.rebalance(topics, &mut self.moves);
        }
    }

    /// A member goes, or whoever its client has become.
    pub(super) fn leave(&mut self, group: u32, member: &str, topics: &Topics) {
        let group = &mut self.all[group as usize];
        group.forgotten.retain(|m| m.id != member);
        let member = group.now(member);
        if let Some(at) = group.members.iter().position(|m| m.id == member) {
            group.members.remove(at);
            group.rebalance(topics, &mut self.moves);
        }
    }

    pub(super) fn died(&mut self, group: u32, member: &str, now_ms: i64) {
        let group = &mut self.all[group as usize];
        // Whoever joined in its place is as dead as it is.
        let member = group.now(member);
        if let Some(m) = group.members.iter_mut().chain(&mut group.forgotten).find(|m| m.id == member) {
            m.died_ms = Some(now_ms);
        }
    }

    /// The clock was set: forgets who and what was not heard of for too long.
    pub(super) fn set_time_ms(&mut self, now_ms: i64, topics: &Topics) {
        let before_ms = std::mem::replace(&mut self.now_ms, now_ms);
        self.expire_members(now_ms, topics);
        self.expire_offsets(before_ms, topics);
    }

    /// In a living group offsets are kept as long as somebody subscribes to their topic; of other topics they are
    /// forgotten by their age. Of a group without members they are forgotten so long after the last one went.
    fn expire_offsets(&mut self, before_ms: i64, topics: &Topics) {
        let Some(retention_ms) = self.offsets_retention_ms else { return };
        for group in &mut self.all {
            if group.members.is_empty() {
                let since_ms = *group.empty_since_ms.get_or_insert(before_ms);
                if self.now_ms - since_ms >= retention_ms {
                    group.offsets = Offsets::default();
                }
                continue;
            }
            group.empty_since_ms = None;
            let subscribed = group.members.iter().flat_map(|member| &member.topics);
            let subscribed: Vec<u32> = subscribed.filter_map(|name| topics.number(name).ok()).collect();
            group.offsets.expire(self.now_ms - retention_ms, &subscribed);
        }
    }

    /// Removes members whose client vanished longer ago than the session time-out.
    fn expire_members(&mut self, now_ms: i64, topics: &Topics) {
        let timeout_ms = self.session_timeout_ms;
        for group in &mut self.all {
            let before = group.members.len();
            group.members.retain(|m| m.died_ms.is_none_or(|at| now_ms - at < timeout_ms));
            if group.members.len() != before {
                group.rebalance(topics, &mut self.moves);
            }
        }
    }

    pub(super) fn news(&mut self, group: u32, member: &str, topics: &Topics) -> News {
        let group = &mut self.all[group as usize];
        if group.topics_version != topics.version {
            group.rebalance(topics, &mut self.moves);
        }
        let Some(at) = group.members.iter().position(|m| m.id == member) else {
            // Told now, and not again.
            group.forgotten.retain(|m| m.id != member);
            let successor = group.successors.extract_if(.., |(old, _)| old == member).next();
            let successor = successor.map(|(_, new)| new);
            let replaced = successor.is_none() && group.replaced.iter().any(|old| old == member);
            return News { thrown_out: true, successor, replaced, ..News::default() };
        };
        let taken: Vec<Place> = group.members.iter().flat_map(|m| m.owned.iter().copied()).collect();
        let m = &mut group.members[at];
        let revoked: Vec<Place> =
            m.owned.iter().copied().filter(|p| !m.target.contains(p) && !m.revoking.contains(p)).collect();
        let assigned: Vec<Place> = m.target.iter().copied().filter(|p| !taken.contains(p)).collect();
        m.revoking.extend_from_slice(&revoked);
        m.owned.extend_from_slice(&assigned);
        News { revoked, assigned, ..News::default() }
    }

    /// The member gives these back; returns those that it had been asked for.
    pub(super) fn released(
        &mut self,
        group: u32,
        member: &str,
        places: &[Place],
        topics: &Topics,
    ) -> Vec<Place> {
        let group = &mut self.all[group as usize];
        let Some(m) = group.members.iter_mut().find(|m| m.id == member) else { return Vec::new() };
        let given: Vec<Place> = places.iter().copied().filter(|p| m.revoking.contains(p)).collect();
        m.owned.retain(|p| !given.contains(p));
        m.revoking.retain(|p| !given.contains(p));
        if !given.is_empty() {
            group.rebalance(topics, &mut self.moves);
        }
        given
    }

    /// Whether offsets are accepted with this proof. No generation and no member is accepted without question,
    /// as Kafka accepts it in a transaction; `alone` restricts that to groups without members, as it does
    /// outside of one.
    pub(super) fn check(
        &self,
        group: u32,
        generation: i32,
        member: &str,
        alone: bool,
    ) -> Result<(), TransportError> {
        let group = &self.all[group as usize];
        let accepted = if generation < 0 && member.is_empty() {
            !alone || group.members.is_empty()
        } else {
            generation == group.generation && group.members.iter().any(|m| m.id == member)
        };
        if accepted {
            return Ok(());
        }
        let (group, member) = (group.name.clone(), member.to_owned());
        Err(TransportError::StaleGeneration { group, generation, member })
    }

    #[inline]
    pub(super) fn commit(&mut self, group: u32, place: Place, committed: &CommittedOffset) {
        self.all[group as usize].offsets.set(place, committed, self.now_ms);
    }

    #[inline]
    pub(super) fn commit_later(&mut self, group: u32, slot: u32, place: Place, committed: &CommittedOffset) {
        let committed = committed.clone();
        self.all[group as usize].pending.push(Pending { slot, place, committed });
    }

    /// The transaction of `slot` ended: its offsets appear, or go.
    #[inline]
    pub(super) fn decide(&mut self, group: u32, slot: u32, commit: bool) {
        let now_ms = self.now_ms;
        let Group { pending, offsets, .. } = &mut self.all[group as usize];
        // Nearly always there is no other transaction.
        if pending.iter().all(|pending| pending.slot == slot) {
            for pending in pending.iter_mut().filter(|_| commit) {
                offsets.take(pending.place, &mut pending.committed, now_ms);
            }
            pending.clear();
        } else {
            let decided = pending.extract_if(.., |pending| pending.slot == slot);
            decided
                .filter(|_| commit)
                .for_each(|pending| offsets.set(pending.place, &pending.committed, now_ms));
        }
    }

    pub(super) fn committed(&self, group: u32, place: Place) -> Option<CommittedOffset> {
        self.all[group as usize].offsets.get(place).cloned()
    }

    pub(super) fn committed_offset(&self, group: u32, place: Place) -> Option<i64> {
        self.all[group as usize].offsets.get(place).map(|committed| committed.offset)
    }

    pub(super) fn is_pending(&self, group: u32, place: Place) -> bool {
        self.all[group as usize].pending.iter().any(|pending| pending.place == place)
    }

    /// A deleted topic takes its committed offsets along.
    pub(super) fn forget_topic(&mut self, topic: u32) {
        for group in &mut self.all {
            group.offsets.forget(topic);
            group.pending.retain(|pending| pending.place.topic != topic);
        }
    }
}

impl Group {
    /// Who a member is now: its client may have joined anew.
    fn now(&self, member: &str) -> String {
        let mut successors = self.successors.iter();
        successors.find(|(old, _)| old == member).map_or(member, |(_, new)| new).to_owned()
    }

    fn new_id(&mut self, client: &str) -> String {
        self.joined_so_far += 1;
        // What a client tells of itself behind a `;` is not its name.
        let name = client.split(';').next().unwrap_or_default();
        format!("{name}-{}", self.joined_so_far)
    }

    fn rebalance(&mut self, topics: &Topics, moves: &mut u64) {
        self.topics_version = topics.version;
        self.generation += 1;
        *moves += 1;
        let mut candidates: Vec<Candidate<'_>> = self
            .members
            .iter_mut()
            .map(|m| Candidate { wants: places(&m.topics, topics), target: &mut m.target })
            .collect();
        assign(&mut candidates);
    }
}

fn places(names: &[String], topics: &Topics) -> Vec<Place> {
    let known = names.iter().filter_map(|name| topics.number(name).ok());
    let mut places: Vec<Place> = known.flat_map(|topic| topics.topic(topic).places()).collect();
    places.sort_unstable();
    places.dedup();
    places
}
