//! A consumer on the in-process log.
//!
//! Knows its positions and what it was told of its membership. It deliberately knows neither time nor other
//! members: what they did is noticed inside `poll`, and only there.

use std::cell::RefCell;
use std::rc::Rc;

use super::log::{Fetch, MemoryMessage};
use super::topics::{Memo, Place};
use super::{Log, MemoryLog};
use crate::mutants::mutant;
use crate::transport::topics::GroupMember;
use crate::transport::{
    CommittedOffset, Consumer, Event, GroupMetadata, Isolation, PENDING_OFFSETS, TopicPartition,
    TransportError, Watermarks,
};

/// A partition that was assigned once; it keeps its slot when it is assigned again.
struct Slot {
    place: Place,
    position: i64,
    /// Where [`Event::End`] was raised last.
    ended_at: Option<i64>,
}

/// The partition of a slot is gone, or what it would read next.
struct Unreadable {
    slot: u32,
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
    group_seen: u64,
    topics_seen: u64,
    slots: Vec<Slot>,
    active: Vec<u32>,
    /// The element of `active` that is read first, so that one busy partition does not starve the others.
    turn: usize,
    /// The state of the log when everything had been handed out: nothing to look for until it moves.
    drained_at: Option<u64>,
    /// The records of the last poll; its memory is used again once all of them are gone.
    fetched: Rc<Fetch>,
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
            group_seen: 0,
            topics_seen: 0,
            slots: Vec::new(),
            active: Vec::new(),
            turn: 0,
            drained_at: None,
            fetched: Rc::default(),
            memo: Memo::default(),
            committing: Vec::new(),
        }
    }

    /// Turns what happened in the group into events; joins if there is a subscription and no membership.
    #[cold]
    fn membership(&mut self, log: &mut Log, events: &mut Vec<Event<MemoryMessage>>) {
        let Some(topics) = &self.topics else { return };
        if let Some(member) = &mut self.member {
            let news = log.groups.news(self.group, &member.id, &log.topics);
            if news.thrown_out {
                // It joins again at the next poll, so that the loss is worked off in between; or it has, long ago.
                if !member.owned.is_empty() {
                    events.push(Event::Lost(spell(log, &member.owned)));
                }
                self.member = None;
                if news.replaced {
                    self.topics = None;
                    self.replaced = Some(self.replaced_by_another());
                }
                if let Some(id) = news.successor {
                    self.member = Some(Membership { id: id.into(), generation: 0, owned: Vec::new() });
                    self.membership(log, events);
                }
                return;
            }
            if !news.revoked.is_empty() {
                events.push(Event::Revoked(spell(log, &news.revoked)));
            }
            if !news.assigned.is_empty() {
                events.push(Event::Assigned(spell(log, &news.assigned)));
                member.owned.extend(news.assigned);
            }
            if let Some(generation) = log.groups.generation(self.group, &member.id) {
                member.generation = generation;
            }
            self.group_seen = log.groups.version(self.group);
            self.topics_seen = log.topics.version;
        } else {
            let instance = self.instance.as_deref();
            let id = log.groups.join(self.group, &self.client, instance, topics, &log.topics);
            let generation = log.groups.generation(self.group, &id).unwrap_or_default();
            self.member = Some(Membership { id: id.into(), generation, owned: Vec::new() });
            self.group_seen = 0;
            self.membership(log, events);
        }
    }

    #[cold]
    fn replaced_by_another(&self) -> TransportError {
        let (group, instance) = (&self.group_name, self.instance.as_deref().unwrap_or_default());
        let reason =
            format!("group `{group}`, member `{instance}`: another client has joined under this name");
        TransportError::Broker { doing: "keeping the membership", reason }
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

    /// True if nothing happened in the group since it was last looked at, or nothing there concerns this consumer.
    #[inline]
    fn knows_its_group(&self, log: &Log) -> bool {
        let known =
            self.group_seen == log.groups.version(self.group) && self.topics_seen == log.topics.version;
        known && self.member.is_some() || self.topics.is_none()
    }

    /// True if everything the partition has was handed out, its end included.
    #[inline]
    fn is_drained(&self, log: &Log, slot: &Slot) -> bool {
        slot.ended_at == Some(slot.position)
            && slot.position == log.topics.log(slot.place).end(self.isolation)
            && log.topics.exists(slot.place.topic)
    }

    /// Copies records out of the log, up to `max`; they are to be bound to the fetch.
    #[inline]
    fn fetch(
        &mut self,
        log: &Log,
        events: &mut Vec<Event<MemoryMessage>>,
        max: usize,
    ) -> Result<usize, Unreadable> {
        let Some(fetch) = Rc::get_mut(&mut self.fetched) else { return Ok(0) };
        fetch.clear();
        let mut records = 0;
        for _ in 0..self.active.len() {
            if self.turn >= self.active.len() {
                self.turn = 0;
            }
            let number = self.active[self.turn];
            let slot = &mut self.slots[number as usize];
            let partition = log.topics.log(slot.place);
            if !log.topics.exists(slot.place.topic) || !partition.holds(slot.position) {
                if records > 0 {
                    // What was handed out must be seen first; the turn stays, so the next poll tells it.
                    return Ok(records);
                }
                return Err(Unreadable { slot: number });
            }
            let end = partition.end(self.isolation);
            while records < max
                && let Some(record) = partition.next_before(end, &mut slot.position, self.isolation)
            {
                let unbound = fetch.copy(&record);
                push(events, || Event::Record { slot: number, message: MemoryMessage::unbound(unbound) });
                records += 1;
            }
            if slot.position >= end && slot.ended_at != Some(slot.position) {
                let position = slot.position;
                slot.ended_at = Some(position);
                push(events, || Event::End { slot: number, position });
            }
            self.turn += 1;
            if records >= max {
                return Ok(records);
            }
        }
        self.drained_at = Some(log.changes);
        Ok(records)
    }

    /// What the log has to say of a partition that it cannot give any more. Told once: nothing is read there until it is
    /// assigned again.
    #[cold]
    fn unreadable(&mut self, log: &Log, Unreadable { slot }: Unreadable) -> TransportError {
        let Slot { place, position: offset, .. } = self.slots[slot as usize];
        self.stop(slot);
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

/// Appends an event that is made in its place: made first and moved there, it is read before it is written through.
#[inline(always)]
fn push<T>(events: &mut Vec<T>, event: impl FnMut() -> T) {
    events.resize_with(events.len() + 1, event);
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
        // Generations change with the group's version: mostly what the last poll saw is still true.
        let (generation, id) = match log.groups.version(self.group) == self.group_seen {
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
                self.slots.push(Slot { place, position: 0, ended_at: None });
                self.slots.len() - 1
            }
        };
        self.slots[slot].position = offset;
        self.slots[slot].ended_at = None;
        let slot = slot as u32;
        if !self.active.contains(&slot) {
            self.active.push(slot);
        }
        self.drained_at = None;
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

    fn poll(&mut self, events: &mut Vec<Event<Self::Message>>, max: usize) -> Result<usize, TransportError> {
        if let Some(by) = &self.replaced {
            return Err(by.clone());
        }
        let shared = Rc::clone(&self.log);
        let mut log = shared.borrow_mut();
        if !self.knows_its_group(&log) {
            self.membership(&mut log, events);
        }
        if self.drained_at == Some(log.changes) {
            return Ok(0);
        }
        // Nobody else may hold the fetch while records are copied there.
        if Rc::get_mut(&mut self.fetched).is_none() {
            self.fetched = Rc::default();
        }
        let first = events.len();
        let fetched = self.fetch(&log, events, max);
        for event in &mut events[first..] {
            if let Event::Record { message, .. } = event {
                message.bind(&self.fetched);
            }
        }
        fetched.map_err(|unreadable| self.unreadable(&log, unreadable))
    }

    fn has_news(&self) -> bool {
        let log = &*self.log.borrow();
        let is_drained = |&slot: &u32| self.is_drained(log, &self.slots[slot as usize]);
        self.replaced.is_some() || !self.knows_its_group(log) || !self.active.iter().all(is_drained)
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
        // A membership of this version of the group is good.
        if self.member.is_none() || self.group_seen != log.groups.version(self.group) {
            let (generation, id) = match &self.member {
                Some(member) => self.live(log, member).unwrap_or((member.generation, member.id.clone())),
                None => (-1, "".into()),
            };
            log.groups.check(self.group, generation, &id, true)?;
        }
        // All partitions are looked up before anything is stored, so that a refusal stores nothing.
        self.committing.clear();
        for (partition, committed) in offsets {
            super::check_metadata(partition, committed)?;
            let place = match self.memo.known(&log.topics, &partition.topic, partition.partition) {
                Some(place) => place,
                None => self.memo.place(&log.topics, &partition.topic, partition.partition)?,
            };
            self.committing.push(place);
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
