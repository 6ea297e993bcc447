//! A consumer on the in-process log.
//!
//! Knows its positions and what it was told of its membership. It deliberately knows neither time nor other
//! members: what they did is noticed inside `poll`, and only there.

use std::cell::RefCell;
use std::rc::Rc;

use super::log::{Fetch, MemoryMessage, PartitionLog};
use super::topics::{Memo, Place};
use super::{LARGEST_METADATA, Log, MemoryLog};
use crate::mutants::mutant;
use crate::transport::topics::GroupMember;
use crate::transport::{
    CommittedOffset, Consumer, Event, Events, GroupMetadata, Isolation, PENDING_OFFSETS, TopicPartition,
    TransportError, Watermarks,
};

/// A partition that was assigned once; it keeps its slot when it is assigned again.
struct Slot {
    place: Place,
    position: i64,
    /// Where [`Event::End`] was raised last; [`NEVER`] if it was not.
    ended_at: i64,
    /// The records of the last poll; its memory is used again once all of them are gone.
    fetched: Rc<Fetch>,
}

/// No offset, and no state of a log.
const NEVER: i64 = -1;

/// No version of a log.
const UNSEEN: u64 = u64::MAX;

impl Slot {
    /// True if everything the partition has was handed out, its end included.
    #[inline]
    fn is_drained(&self, log: &Log, isolation: Isolation) -> bool {
        self.ended_at == self.position && self.position == log.topics.log(self.place).end(isolation)
    }

    /// Hands out up to `max` records, and the end if that is where it then is.
    // Not inlined: who reads many partitions has no registers left for one.
    #[inline(never)]
    fn read(
        &mut self,
        number: u32,
        partition: &PartitionLog,
        isolation: Isolation,
        max: usize,
        to: &mut impl Events<MemoryMessage>,
    ) -> usize {
        let end = partition.end(isolation);
        let mut records = 0;
        if self.position < end && max > 0 {
            self.copy(partition, end, isolation, max);
            for message in Fetch::messages(&self.fetched) {
                to.record(number, message);
                records += 1;
            }
        }
        if self.position >= end && self.ended_at != self.position {
            self.ended_at = self.position;
            to.end(number, self.position);
        }
        records
    }

    /// Copies records out of the log.
    #[inline(always)]
    fn copy(&mut self, partition: &PartitionLog, end: i64, isolation: Isolation, max: usize) {
        // Nobody else may hold the fetch while records are copied there.
        if Rc::get_mut(&mut self.fetched).is_none() {
            self.fetched = Rc::default();
        }
        let Some(fetch) = Rc::get_mut(&mut self.fetched) else { return };
        fetch.clear();
        let mut position = self.position;
        while fetch.len() < max
            && let Some(record) = partition.next_before(end, &mut position, isolation)
        {
            fetch.copy(&record);
        }
        self.position = position;
    }
}

struct Membership {
    id: Rc<str>,
    /// The generation of the last poll: what a client that was thrown out still believes.
    generation: i32,
    owned: Vec<Place>,
}

/// A [`Consumer`] of a [`MemoryLog`]. Dropping it without [`leave`](Consumer::leave) is a crash: the group
/// notices when the session time-out has passed on the log's clock.
pub struct MemoryConsumer {
    log: Rc<RefCell<Log>>,
    group: u32,
    group_name: Rc<str>,
    client: String,
    /// Its name across restarts, if it joins as a static member.
    instance: Option<Rc<str>>,
    isolation: Isolation,
    /// What was subscribed to; `None` without subscription and after `leave`.
    topics: Option<Vec<String>>,
    member: Option<Membership>,
    /// Set once somebody else has its name: to join again would throw him out, and then he this one.
    replaced: Option<TransportError>,
    /// The version of the log when this consumer last looked after its membership.
    seen: u64,
    slots: Vec<Slot>,
    active: Vec<u32>,
    /// The element of `active` that is read first, so that one busy partition does not starve the others.
    turn: usize,
    /// The state of the log when everything had been handed out: nothing to look for until it moves.
    drained_at: i64,
    memo: Memo,
    /// The partitions of the commit at hand.
    committing: Vec<Place>,
}

impl MemoryConsumer {
    pub(super) fn new(
        log: &MemoryLog,
        group: &str,
        client: &str,
        instance: Option<&str>,
        isolation: Isolation,
    ) -> Self {
        let group_name = group.into();
        let group = log.0.borrow_mut().groups.number(group);
        MemoryConsumer {
            log: Rc::clone(&log.0),
            group,
            group_name,
            client: client.to_owned(),
            instance: instance.map(Into::into),
            isolation,
            topics: None,
            member: None,
            replaced: None,
            seen: UNSEEN,
            slots: Vec::new(),
            active: Vec::new(),
            turn: 0,
            drained_at: NEVER,
            memo: Memo::default(),
            committing: Vec::new(),
        }
    }

    /// Hands out what happened in the group; joins if there is a subscription and no membership.
    ///
    /// # Errors
    /// If somebody else has its name.
    #[cold]
    fn membership(&mut self, to: &mut impl Events<MemoryMessage>) -> Result<(), TransportError> {
        if let Some(by) = &self.replaced {
            return Err(by.clone());
        }
        let shared = Rc::clone(&self.log);
        let log = &mut *shared.borrow_mut();
        self.seen = log.version();
        let Some(topics) = &self.topics else { return Ok(()) };
        let member = match &mut self.member {
            Some(member) => member,
            None => {
                let instance = self.instance.as_deref();
                let id = log.groups.join(self.group, &self.client, instance, topics, &log.topics);
                self.member.insert(Membership { id: id.into(), generation: 0, owned: Vec::new() })
            }
        };
        let mut news = log.groups.news(self.group, &member.id, &log.topics);
        if news.thrown_out {
            if !member.owned.is_empty() {
                to.hand(Event::Lost(spell(log, &member.owned)));
            }
            let Some(id) = news.successor else {
                // It joins again at the next poll, so that the loss is worked off in between.
                (self.member, self.seen) = (None, UNSEEN);
                if news.replaced {
                    self.topics = None;
                    self.replaced = Some(self.replaced_by_another());
                }
                return Ok(());
            };
            // Its client has, long ago.
            *member = Membership { id: id.into(), generation: 0, owned: Vec::new() };
            news = log.groups.news(self.group, &member.id, &log.topics);
            if news.thrown_out {
                // And is none any more: the next poll says why.
                self.seen = UNSEEN;
                return Ok(());
            }
        }
        if !news.revoked.is_empty() {
            to.hand(Event::Revoked(spell(log, &news.revoked)));
        }
        if !news.assigned.is_empty() {
            to.hand(Event::Assigned(spell(log, &news.assigned)));
            member.owned.extend(news.assigned);
        }
        if let Some(generation) = log.groups.generation(self.group, &member.id) {
            member.generation = generation;
        }
        self.seen = log.version();
        Ok(())
    }

    #[cold]
    fn replaced_by_another(&self) -> TransportError {
        let (group, member) = (&self.group_name, self.instance.as_deref().unwrap_or_default());
        let text = format!("group `{group}`, member `{member}`: another client has joined under this name");
        TransportError::Replaced(text)
    }

    /// What its client knows of its membership; none if it was thrown out and has joined anew since: what it has as the
    /// new member is not what its owner works on.
    #[cold]
    fn live(&self, log: &mut Log, member: &Membership) -> Option<(i32, Rc<str>)> {
        if log.lagging > 0 {
            log.lagging -= 1;
            return Some((member.generation, member.id.clone()));
        }
        if let Some(generation) = log.groups.generation(self.group, &member.id) {
            return Some((generation, member.id.clone()));
        }
        match log.groups.successor(self.group, &member.id) {
            None => Some((member.generation, member.id.clone())),
            #[allow(unused_variables, reason = "a wrong variant asks who it is")]
            Some(new) => {
                mutant!(ProofOfAnother => return Some((log.groups.generation(self.group, new)?, new.into())));
                None
            }
        }
    }

    /// True if nothing happened in the group since it was last looked at.
    #[inline]
    fn knows_its_group(&self, log: &Log) -> bool {
        self.seen == log.version()
    }

    /// What the log has to say of a partition that it cannot give any more. Told once: nothing is read there until it is
    /// assigned again.
    #[cold]
    fn unreadable(&mut self, slot: u32) -> TransportError {
        let Slot { place, position: offset, .. } = self.slots[slot as usize];
        self.stop(slot);
        let log = self.log.borrow();
        let TopicPartition { topic, partition } = log.topics.spell(place);
        match log.topics.exists(place.topic) {
            true => TransportError::OffsetOutOfRange { topic, partition, offset },
            false => TransportError::UnknownTopic(topic),
        }
    }

    fn stop(&mut self, slot: u32) {
        self.active.retain(|&s| s != slot);
        self.turn = 0;
    }
}

fn spell(log: &Log, places: &[Place]) -> Vec<TopicPartition> {
    places.iter().map(|&place| log.topics.spell(place)).collect()
}

impl Consumer for MemoryConsumer {
    type Message = MemoryMessage;

    fn subscribe(&mut self, topics: &[String]) -> Result<(), TransportError> {
        let log = &mut *self.log.borrow_mut();
        if let Some(member) = &self.member {
            log.groups.resubscribe(self.group, &member.id, topics, &log.topics);
        }
        self.topics = Some(topics.to_vec());
        self.seen = UNSEEN;
        Ok(())
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) -> Result<(), TransportError> {
        let log = &mut *self.log.borrow_mut();
        let Some(member) = &mut self.member else { return Ok(()) };
        // By what it owns and not by name: the topic may be deleted, or have been created again.
        let given = |place: &Place| {
            let topic = &log.topics.topic(place.topic).name;
            partitions.iter().any(|p| p.partition == place.partition && p.topic == *topic)
        };
        let places: Vec<Place> = member.owned.iter().copied().filter(given).collect();
        let given = log.groups.released(self.group, &member.id, &places, &log.topics);
        member.owned.retain(|place| !given.contains(place));
        Ok(())
    }

    #[inline(always)]
    fn group_metadata(&self) -> Option<GroupMetadata> {
        let member = self.member.as_ref()?;
        let mut log = self.log.borrow_mut();
        // Generations change with the log's version: mostly what the last poll saw is still true.
        let (generation, id) = match self.seen == log.version() {
            true => (member.generation, member.id.clone()),
            false => self.live(&mut log, member)?,
        };
        Some(GroupMetadata {
            group: Rc::clone(&self.group_name),
            generation,
            member: id,
            instance: self.instance.clone(),
        })
    }

    #[inline]
    fn is_member(&self) -> bool {
        self.member.is_some()
    }

    fn members(&mut self) -> Result<Vec<GroupMember>, TransportError> {
        Ok(self.log.borrow().members(self.group))
    }

    fn leave(&mut self) -> Result<(), TransportError> {
        let log = &mut *self.log.borrow_mut();
        self.topics = None;
        if let Some(member) = self.member.take() {
            log.groups.leave(self.group, &member.id, &log.topics);
        }
        Ok(())
    }

    /// A static member stays one until its session is over.
    fn close(&mut self) -> Result<(), TransportError> {
        if self.instance.is_none() {
            return self.leave();
        }
        let log = &mut *self.log.borrow_mut();
        self.topics = None;
        if let Some(member) = self.member.take() {
            log.groups.died(self.group, &member.id, log.time_ms);
        }
        Ok(())
    }

    fn assign(&mut self, partition: &TopicPartition, offset: i64) -> Result<u32, TransportError> {
        self.log.borrow_mut().assignment_fails()?;
        let place = self.log.borrow().topics.place(&partition.topic, partition.partition)?;
        let slot = match self.slots.iter().position(|slot| slot.place == place) {
            Some(at) => at,
            None => {
                self.slots.push(Slot { place, position: 0, ended_at: NEVER, fetched: Rc::default() });
                self.slots.len() - 1
            }
        };
        self.slots[slot].position = offset;
        self.slots[slot].ended_at = NEVER;
        let slot = slot as u32;
        if !self.active.contains(&slot) {
            self.active.push(slot);
        }
        self.drained_at = NEVER;
        Ok(slot)
    }

    fn unassign(&mut self, partition: &TopicPartition) {
        let log = Rc::clone(&self.log);
        let log = log.borrow();
        let named = |slot: &Slot| {
            let topic = &log.topics.topic(slot.place.topic).name;
            slot.place.partition == partition.partition && *topic == partition.topic
        };
        for at in 0..self.slots.len() {
            if named(&self.slots[at]) {
                self.stop(at as u32);
            }
        }
    }

    #[inline]
    fn poll(&mut self, to: &mut impl Events<Self::Message>, max: usize) -> Result<usize, TransportError> {
        if !self.knows_its_group(&self.log.borrow()) {
            self.membership(to)?;
        }
        let log = self.log.borrow();
        if self.drained_at == log.changes {
            return Ok(0);
        }
        let mut records = 0;
        for _ in 0..self.active.len() {
            if self.turn >= self.active.len() {
                self.turn = 0;
            }
            let number = self.active[self.turn];
            let slot = &mut self.slots[number as usize];
            let partition = log.topics.log(slot.place);
            if !partition.holds(slot.position) {
                // What was handed out must be seen first; the turn stays, so the next poll tells it.
                drop(log);
                return if records > 0 { Ok(records) } else { Err(self.unreadable(number)) };
            }
            records += slot.read(number, partition, self.isolation, max - records, to);
            self.turn += 1;
            if records >= max {
                return Ok(records);
            }
        }
        self.drained_at = log.changes;
        Ok(records)
    }

    #[inline]
    fn has_news(&self) -> bool {
        let log = &*self.log.borrow();
        let is_drained = |&slot: &u32| self.slots[slot as usize].is_drained(log, self.isolation);
        !self.knows_its_group(log) || !self.active.iter().all(is_drained)
    }

    /// Waits for pending offsets only under `read_committed`, as Kafka does.
    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<CommittedOffset>>, TransportError> {
        let log = &mut *self.log.borrow_mut();
        if log.hidden_offsets > 0 {
            log.hidden_offsets -= 1;
            return Ok(vec![None; partitions.len()]);
        }
        let stable = self.isolation == Isolation::ReadCommitted;
        let mut found = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let place = log.topics.place(&partition.topic, partition.partition)?;
            if stable && log.groups.is_pending(self.group, place) {
                return Err(TransportError::TimedOut(PENDING_OFFSETS));
            }
            found.push(log.groups.committed(self.group, place));
        }
        Ok(found)
    }

    fn commit(&mut self, offsets: &[(TopicPartition, CommittedOffset)]) -> Result<(), TransportError> {
        let log = &mut *self.log.borrow_mut();
        // A membership of this version of the log is good.
        if self.member.is_none() || self.seen != log.version() {
            let (generation, id) = match &self.member {
                Some(member) => self.live(log, member).unwrap_or((member.generation, member.id.clone())),
                None => (-1, "".into()),
            };
            log.groups.check(self.group, generation, &id, true)?;
        }
        if let [(partition, committed)] = offsets
            && committed.metadata.len() <= LARGEST_METADATA
            && let Some(place) = self.memo.known(&log.topics, &partition.topic, partition.partition)
        {
            log.groups.commit(self.group, place, committed);
            return Ok(());
        }
        // All partitions are looked up before anything is stored, so that a refusal stores nothing.
        self.committing.clear();
        for (partition, committed) in offsets {
            super::check_metadata(partition, committed)?;
            self.committing.push(self.memo.place(&log.topics, &partition.topic, partition.partition)?);
        }
        for (&place, (_, committed)) in self.committing.iter().zip(offsets) {
            log.groups.commit(self.group, place, committed);
        }
        Ok(())
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, TransportError> {
        let log = &mut *self.log.borrow_mut();
        if log.lost_ends > 0 {
            log.lost_ends -= 1;
            return Err(TransportError::TimedOut("asking for the ends of a partition"));
        }
        let place = log.topics.place(&partition.topic, partition.partition)?;
        Ok(log.topics.log(place).watermarks())
    }

    fn topic_id(&mut self, topic: &str) -> Result<u128, TransportError> {
        Ok(self.log.borrow().topics.named(topic)?.id.into())
    }

    fn delete_retention_ms(&mut self, topic: &str) -> Result<Option<i64>, TransportError> {
        Ok(self.log.borrow().topics.named(topic)?.settings.delete_retention_ms)
    }

    fn retention_ms(&mut self, topic: &str) -> Result<Option<i64>, TransportError> {
        Ok(self.log.borrow().topics.named(topic)?.settings.retention_ms)
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        // Never panics: a log that is borrowed right now is being torn down with us.
        if let (Some(member), Ok(mut log)) = (&self.member, self.log.try_borrow_mut()) {
            let now_ms = log.time_ms;
            log.groups.died(self.group, &member.id, now_ms);
        }
    }
}
