//! A consumer: batches of what is assigned, and the voice of one member.
//!
//! ```text
//! reader   assigned by hand, no member: batches out of its queue, ends of logs, committed offsets
//! member   subscribed, assigned nothing: what the group decides                               (`member`)
//! ```
//!
//! Questions to brokers (`asking`) wait for nothing: what is not answered yet stays asked (`questions`), and says
//! `TimedOut`.
//!
//! What is assigned is collected and told to librdkafka by the next `poll`, all of it in one call. From that call on
//! nothing that was fetched before comes out, so an event never belongs to a position that was left.
//!
//! It knows slots and positions. It deliberately does not know whose partitions they are: a task's, a changelog's.

mod asking;
mod looking;

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use foldhash::HashMap;

use self::asking::{ASKING_FOR_TOPIC, Known, Unanswered, first};
use super::admin::{ASKING_FOR_MEMBERS, members};
use super::client::{KafkaClients, Reads};
use super::errors::{self, END_OF_PARTITION, Meaning, meaning};
use super::handles::{ANSWER_MS, Handles};
use super::member::{Identity, Member, News};
use super::message::KafkaMessage;
use super::questions::{Questions, Subject};
use super::silence::Silence;
use super::sys::{Batch, Client, Code, Fault, Fetched, PartitionList, Settings, Wakeup};
use crate::transport::topics::GroupMember;
use crate::transport::{
    CommittedOffset, Consumer, Event, Events, GroupMetadata, TopicPartition, TransportError, Watermarks,
};

/// A partition that was assigned once; it keeps its slot when it is assigned again.
struct Slot {
    place: TopicPartition,
    /// The next offset that may come.
    position: i64,
    /// Shall be read.
    is_wanted: bool,
    /// Is read by librdkafka.
    is_assigned: bool,
    /// Is in the list of changes.
    is_changed: bool,
    /// Something came of it lately.
    is_heard: bool,
    silence: Silence,
}

/// Whether anything was handed out.
struct Heard<'e, E> {
    to: &'e mut E,
    is_anything: bool,
}

impl<M, E: Events<M>> Events<M> for Heard<'_, E> {
    #[inline]
    fn hand(&mut self, event: Event<M>) {
        self.is_anything = true;
        self.to.hand(event);
    }

    #[inline]
    fn record(&mut self, slot: u32, message: M) {
        self.is_anything = true;
        self.to.record(slot, message);
    }

    #[inline]
    fn end(&mut self, slot: u32, position: i64) {
        self.is_anything = true;
        self.to.end(slot, position);
    }
}

/// What went wrong, and of which slot.
struct Trouble {
    slot: Option<u32>,
    error: TransportError,
}

/// A [`Consumer`] of Kafka. Dropping it without [`leave`](Consumer::leave) or [`close`](Consumer::close) is a crash:
/// the group notices when the session time-out has passed.
pub struct KafkaConsumer {
    identity: Identity,
    reads: Reads,
    reader: Rc<Client>,
    member: Option<Member>,
    wakeup: Arc<Wakeup>,
    topics: Handles,
    slots: Vec<Slot>,
    by_place: HashMap<TopicPartition, u32>,
    /// By the number of a topic in messages, and the partition.
    by_number: HashMap<(usize, i32), u32>,
    /// The last one found: messages come in runs of one partition.
    last: (usize, i32, u32),
    changes: Vec<u32>,
    batch: Batch,
    troubles: VecDeque<Trouble>,
    questions: Questions,
    /// What was told of topics, and when it was asked for.
    described: HashMap<String, (Instant, Known)>,
    settings: HashMap<String, (Instant, Settings)>,
    /// When partitions of which nothing comes are looked after next.
    looks: Instant,
    /// True if brokers went away since.
    has_doubts: bool,
}

impl KafkaConsumer {
    pub(super) fn new(
        clients: KafkaClients,
        reader: Rc<Client>,
        group: &str,
        client_id: &str,
        instance: Option<&str>,
        reads: Reads,
    ) -> Self {
        let wakeup = Arc::<Wakeup>::default();
        reader.ring(&wakeup);
        let identity = Identity {
            clients,
            group: group.into(),
            client_id: client_id.to_owned(),
            instance: instance.map(Into::into),
        };
        KafkaConsumer {
            questions: Questions::new(&reader, &wakeup, identity.asker(), reads.waits_for_offsets()),
            reads,
            identity,
            topics: Handles::new(&reader),
            reader,
            member: None,
            wakeup,
            slots: Vec::new(),
            by_place: HashMap::default(),
            by_number: HashMap::default(),
            last: (0, -1, 0),
            changes: Vec::new(),
            batch: Batch::default(),
            troubles: VecDeque::new(),
            described: HashMap::default(),
            settings: HashMap::default(),
            looks: Instant::now(),
            has_doubts: false,
        }
    }

    /// Tells librdkafka what is to be read from where, if that changed.
    fn settle(&mut self) -> Result<(), TransportError> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let (mut gone, mut come) = (PartitionList::new(), PartitionList::new());
        for &at in &self.changes {
            let slot = &mut self.slots[at as usize];
            let partition = slot.place.partition.cast_signed();
            if slot.is_assigned {
                gone.push(&slot.place.topic, partition);
            }
            if slot.is_wanted {
                come.push_at(&slot.place.topic, partition, slot.position);
            }
        }
        let refused = |fault: Fault| errors::broker("assigning partitions", &fault);
        if !gone.is_empty() {
            self.reader.unassign(&gone).map_err(refused)?;
            self.changes.iter().for_each(|&at| self.slots[at as usize].is_assigned = false);
        }
        if !come.is_empty() {
            self.reader.assign(&come).map_err(refused)?;
        }
        for at in self.changes.drain(..) {
            let slot = &mut self.slots[at as usize];
            slot.is_assigned = slot.is_wanted;
            slot.is_changed = false;
        }
        Ok(())
    }

    fn change(&mut self, at: u32, to: Option<i64>) {
        let slot = &mut self.slots[at as usize];
        slot.is_wanted = to.is_some();
        slot.position = to.unwrap_or(slot.position);
        if !std::mem::replace(&mut slot.is_changed, true) {
            self.changes.push(at);
        }
        self.troubles.retain(|trouble| trouble.slot != Some(at));
    }

    fn serve_member(&mut self, to: &mut impl Events<KafkaMessage>) {
        let Some(member) = &mut self.member else { return };
        let told = member.poll(|news| {
            to.hand(match news {
                News::Assigned(partitions) => Event::Assigned(partitions),
                News::Revoked(partitions) => Event::Revoked(partitions),
                News::Lost(partitions) => Event::Lost(partitions),
            });
        });
        let error = match told {
            Ok(()) => return,
            // A broker that learns of a topic late says that it does not exist.
            Err(TransportError::UnknownTopic(topic)) => match self.topics.partitions(&topic) {
                Err(error @ TransportError::UnknownTopic(_)) => error,
                _ => return,
            },
            Err(error) => error,
        };
        self.troubles.push_back(Trouble { slot: None, error });
    }

    fn fetch(&mut self, to: &mut impl Events<KafkaMessage>, max: usize) -> usize {
        if max == 0 {
            return 0;
        }
        let mut batch = std::mem::take(&mut self.batch);
        let mut records = 0;
        let reader = Rc::clone(&self.reader);
        batch.fetch(&reader, max, |fetched| {
            let code = fetched.code();
            let slot = self.slot(&fetched);
            match (code, slot) {
                (Code::OK, Some(at)) => {
                    let slot = &mut self.slots[at as usize];
                    if slot.is_wanted && fetched.offset() >= slot.position {
                        slot.position = fetched.offset() + 1;
                        slot.is_heard = true;
                        records += 1;
                        to.record(at, KafkaMessage(fetched));
                    }
                }
                (END_OF_PARTITION, Some(at)) => {
                    let slot = &mut self.slots[at as usize];
                    if slot.is_wanted && fetched.offset() >= slot.position {
                        slot.position = fetched.offset();
                        slot.is_heard = true;
                        to.end(at, slot.position);
                    }
                }
                (Code::OK | END_OF_PARTITION, None) => {}
                _ => self.fails(&fetched, slot),
            }
        });
        self.batch = batch;
        records
    }

    #[inline]
    fn slot(&mut self, of: &Fetched) -> Option<u32> {
        let (topic, partition) = (of.topic_number(), of.partition());
        if self.last.0 == topic && self.last.1 == partition && topic != 0 {
            return Some(self.last.2);
        }
        self.find_slot(of, topic, partition)
    }

    #[cold]
    fn find_slot(&mut self, of: &Fetched, topic: usize, partition: i32) -> Option<u32> {
        let slot = match self.by_number.get(&(topic, partition)) {
            Some(&slot) => slot,
            None => {
                let place = TopicPartition { topic: of.topic(), partition: u32::try_from(partition).ok()? };
                let slot = *self.by_place.get(&place)?;
                // The number is the topic's as long as a handle of it is held, which `assign` saw to.
                self.by_number.insert((topic, partition), slot);
                slot
            }
        };
        self.last = (topic, partition, slot);
        Some(slot)
    }

    /// An error that was fetched instead of a record.
    #[cold]
    fn fails(&mut self, fetched: &Fetched, slot: Option<u32>) {
        let fault = Fault { text: fetched.text(), ..Fault::of(fetched.code()) };
        let place = slot.map(|at| self.slots[at as usize].place.clone());
        let error = match (meaning(fault.code), slot, place) {
            (Meaning::OutOfRange, Some(at), Some(TopicPartition { topic, partition })) => {
                if !self.slots[at as usize].is_wanted {
                    return;
                }
                let offset = self.slots[at as usize].position;
                // Told once: nothing is read there until it is assigned again.
                self.change(at, None);
                TransportError::OffsetOutOfRange { topic, partition, offset }
            }
            (Meaning::Unknown, ..) => {
                let topic = fetched.topic();
                let TransportError::UnknownTopic(topic) = (match self.topics.partitions(&topic) {
                    Err(error) => error,
                    // It is there: a broker that did not know it yet. The client asks again by itself.
                    Ok(_) => return,
                }) else {
                    return;
                };
                for at in 0..self.slots.len() as u32 {
                    let slot = &self.slots[at as usize];
                    if slot.is_wanted && slot.place.topic == topic {
                        self.change(at, None);
                    }
                }
                TransportError::UnknownTopic(topic)
            }
            (Meaning::Never | Meaning::Refused, _, place) => {
                let at =
                    place.map_or(String::new(), |place| format!("{}-{}: ", place.topic, place.partition));
                errors::broker("reading", &Fault { text: format!("{at}{}", fault.text), ..fault })
            }
            // Brokers that come and go: the client tries again by itself.
            (_, _, place) => {
                tracing::debug!(?place, code = fault.code.name(), "{fault}");
                self.has_doubts = true;
                return;
            }
        };
        self.troubles.push_back(Trouble { slot, error });
    }

    fn stale(&self) -> TransportError {
        let found = self.member.as_ref().and_then(Member::metadata);
        TransportError::StaleGeneration {
            group: self.identity.group.to_string(),
            generation: found.as_ref().map_or(-1, |metadata| metadata.generation),
            member: found.map_or(String::new(), |metadata| metadata.member.to_string()),
        }
    }
}

impl Consumer for KafkaConsumer {
    type Message = KafkaMessage;

    fn subscribe(&mut self, topics: &[String]) -> Result<(), TransportError> {
        match &mut self.member {
            Some(member) => member.subscribe(topics),
            None => {
                self.member = Some(Member::join(self.identity.clone(), topics, &self.wakeup)?);
                Ok(())
            }
        }
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) -> Result<(), TransportError> {
        if let Some(member) = &mut self.member {
            member.confirm(partitions);
        }
        Ok(())
    }

    fn group_metadata(&self) -> Option<GroupMetadata> {
        self.member.as_ref()?.metadata()
    }

    fn is_member(&self) -> bool {
        self.member.as_ref().is_some_and(Member::has_share)
    }

    fn members(&mut self) -> Result<Vec<GroupMember>, TransportError> {
        let answered =
            self.ask(Subject::Members, ASKING_FOR_MEMBERS, |answers| members(first(answers)?.members()));
        self.change_coordinator(&answered);
        answered.map(|(found, _)| found).map_err(|why| why.error(ASKING_FOR_MEMBERS, ""))
    }

    fn leave(&mut self) -> Result<(), TransportError> {
        self.member.take().map_or(Ok(()), Member::leave)
    }

    fn close(&mut self) -> Result<(), TransportError> {
        self.member.take().map_or(Ok(()), Member::close)
    }

    fn assign(&mut self, partition: &TopicPartition, offset: i64) -> Result<u32, TransportError> {
        let at = match self.by_place.get(partition) {
            Some(&at) => at,
            None => {
                self.topics.check(&partition.topic, partition.partition)?;
                let at = self.slots.len() as u32;
                self.slots.push(Slot {
                    place: partition.clone(),
                    position: offset,
                    is_wanted: false,
                    is_assigned: false,
                    is_changed: false,
                    is_heard: false,
                    silence: Silence::default(),
                });
                self.by_place.insert(partition.clone(), at);
                at
            }
        };
        self.change(at, Some(offset));
        Ok(at)
    }

    fn unassign(&mut self, partition: &TopicPartition) {
        if let Some(&at) = self.by_place.get(partition) {
            self.change(at, None);
        }
    }

    fn poll(&mut self, to: &mut impl Events<Self::Message>, max: usize) -> Result<usize, TransportError> {
        let to = &mut Heard { to, is_anything: false };
        self.settle()?;
        self.serve_member(to);
        let records = match self.troubles.is_empty() {
            true => self.fetch(to, max),
            false => 0,
        };
        // Whoever is silent now has nothing that waits to be taken.
        if records < max
            && let Err(error) = self.look()
        {
            self.troubles.push_back(Trouble { slot: None, error });
        }
        // What was handed out must be seen first; the next poll tells what went wrong then.
        match to.is_anything {
            true => Ok(records),
            false => self.troubles.pop_front().map_or(Ok(records), |trouble| Err(trouble.error)),
        }
    }

    fn wait(&mut self, ms: u64) {
        // An assignment that is refused is told by the next poll.
        if self.settle().is_ok() && !self.has_news() {
            self.wakeup.wait(ms);
        }
    }

    fn has_news(&self) -> bool {
        !self.changes.is_empty()
            || !self.troubles.is_empty()
            || self.reader.waiting() > 0
            || self.member.as_ref().is_some_and(Member::has_news)
    }

    fn share_wakeup(&mut self, other: &Self) {
        self.wakeup = Arc::clone(&other.wakeup);
        self.reader.ring(&self.wakeup);
        self.questions.ring(&self.wakeup);
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.questions.forget(partition);
            self.described.remove(&partition.topic);
        }
    }

    fn committed(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<CommittedOffset>>, TransportError> {
        const DOING: &str = "asking for committed offsets";
        let subject = Subject::Committed(partitions.to_vec());
        // The topics are asked about on the way: what is read next is known to be there then, and who leads it.
        self.questions.ask(&subject, DOING)?;
        for place in partitions {
            self.describe(&place.topic)?;
        }
        let answered = self.ask(subject, DOING, |answers| {
            let mut found = vec![None; partitions.len()];
            let mut refused = None;
            first(answers)?.committed(|element| {
                if element.code != Code::OK {
                    refused.get_or_insert(Fault::of(element.code));
                }
                let at = partitions.iter().position(|place| {
                    place.topic == element.topic && place.partition.cast_signed() == element.partition
                });
                if let (Some(at), Some(offset)) = (at, element.real_offset()) {
                    let metadata = String::from_utf8_lossy(element.metadata).into_owned();
                    found[at] = Some(CommittedOffset { offset, metadata });
                }
            })?;
            refused.map_or(Ok(found), Err)
        });
        self.change_coordinator(&answered);
        let topic = partitions.first().map_or("", |place| &place.topic);
        answered.map(|(found, _)| found).map_err(|why| why.error(DOING, topic))
    }

    fn commit(&mut self, offsets: &[(TopicPartition, CommittedOffset)]) -> Result<(), TransportError> {
        let mut list = PartitionList::new();
        for (place, committed) in offsets {
            let partition = place.partition.cast_signed();
            list.push_with(&place.topic, partition, committed.offset, committed.metadata.as_bytes());
        }
        let answered = match &self.member {
            Some(member) if member.metadata().is_none() => return Err(self.stale()),
            Some(member) => member.commit(&list),
            None => self.reader.commit(&list, ANSWER_MS),
        };
        answered.map_err(|fault| match meaning(fault.code) {
            Meaning::StaleMember => self.stale(),
            _ => errors::error("committing offsets", "", &fault),
        })
    }

    fn watermarks(&mut self, partition: &TopicPartition) -> Result<Watermarks, TransportError> {
        const DOING: &str = "asking for the ends of a partition";
        let (topic, number) = (&partition.topic, partition.partition);
        let (known, is_new) = self.describe(topic)?;
        if number >= known.partitions {
            if is_new {
                return Err(TransportError::UnknownPartition(topic.clone(), number));
            }
            // Topics grow.
            self.described.remove(topic);
            return Err(TransportError::TimedOut(ASKING_FOR_TOPIC));
        }
        let answered = self.ask(Subject::Ends(partition.clone()), DOING, |answers| match answers {
            [start, last_stable, high] => {
                Ok(Watermarks { start: start.end()?, last_stable: last_stable.end()?, high: high.end()? })
            }
            _ => Err(Fault::none()),
        });
        if let Err(Unanswered::NotYet(_, Some(_))) = answered {
            // The library asks the leader it knows of, once, under the epoch it knows of. Of a topic that was just made,
            // or moves, the broker that is asked may not know yet that it leads; and after an election the epoch is
            // another one, which the library learns from answers about topics only. It does not ask about them for
            // this error by itself (2.12.1), so that it would be the wrong one for minutes.
            self.described.remove(topic);
        }
        answered.map(|(ends, _)| ends).map_err(|why| why.error(DOING, topic))
    }

    fn topic_id(&mut self, topic: &str) -> Result<u128, TransportError> {
        Ok(self.describe(topic)?.0.id)
    }

    fn delete_retention_ms(&mut self, topic: &str) -> Result<Option<i64>, TransportError> {
        Ok(self.setting(topic, "delete.retention.ms")?.and_then(|ms| ms.parse().ok()))
    }

    fn retention_ms(&mut self, topic: &str) -> Result<Option<i64>, TransportError> {
        let deletes = |policy: String| policy.split(',').any(|part| part.trim() == "delete");
        if !self.setting(topic, "cleanup.policy")?.is_some_and(deletes) {
            return Ok(None);
        }
        let ms = self.setting(topic, "retention.ms")?.and_then(|ms| ms.parse().ok());
        // Below zero it keeps them for ever.
        Ok(ms.filter(|&ms| ms >= 0))
    }
}

#[cfg(test)]
mod tests;
