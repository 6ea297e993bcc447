//! Looking after partitions of which nothing comes.
//!
//! Knows positions, answers and clients. Does not know for how long silence is believed (`silence`).

use super::{KafkaConsumer, Slot};
use crate::transport::kafka::errors::{FENCED_EPOCH, UNKNOWN_EPOCH};
use crate::transport::kafka::member::Identity;
use crate::transport::kafka::questions::{Answered, Questions, Reply, Subject};
use crate::transport::kafka::silence::{self, Silence};
use crate::transport::kafka::sys::{Answer, Fault};
use crate::transport::{TopicPartition, TransportError};
use std::rc::Rc;
use std::time::Instant;

impl KafkaConsumer {
    /// Looks after partitions of which nothing comes: whether there is nothing, or this client does not get it.
    ///
    /// One that was told by a broker, in its answer to a fetch, that some partitions have no leader yet may read
    /// more leaders out of this answer than are in it, and an epoch that never was (librdkafka 2.12.1: the partitions are
    /// counted with those that have none, and written without them). It believes that epoch from then on, every
    /// fetch under it is refused, and it says nothing. Nothing but another client helps.
    pub(super) fn look(&mut self) -> Result<(), TransportError> {
        let now = Instant::now();
        if now < self.looks {
            return Ok(());
        }
        self.looks = now + silence::LOOKS;
        if std::mem::take(&mut self.has_doubts) {
            self.slots.iter_mut().for_each(|slot| slot.silence.is_doubted(now));
        }
        for at in 0..self.slots.len() {
            let slot = &mut self.slots[at];
            let is_heard = std::mem::take(&mut slot.is_heard) || !slot.is_assigned || slot.is_changed;
            if !slot.silence.lasts(is_heard, now) {
                continue;
            }
            let Slot { place, position, .. } = slot;
            let (place, position) = (place.clone(), *position);
            let Reply::Answered(Answered { answers, .. }) =
                self.questions.take(&Subject::Ends(place.clone()), "looking after a silent partition")?
            else {
                continue;
            };
            let last_stable =
                answers.and_then(|answers| answers.get(1).map_or(Err(Fault::none()), Answer::end));
            let is_behind = match last_stable {
                Ok(end) => Some(position < end),
                // Under the epoch that this client believes in.
                Err(Fault { code: FENCED_EPOCH | UNKNOWN_EPOCH, .. }) => Some(true),
                Err(_) => None,
            };
            if self.slots[at].silence.is_unfounded(is_behind, now) {
                let TopicPartition { topic, partition } = &place;
                tracing::warn!(
                    topic,
                    partition,
                    position,
                    "nothing comes though there is more: read by a new client"
                );
                return self.renew();
            }
        }
        Ok(())
    }

    /// Another client goes on where this one is.
    fn renew(&mut self) -> Result<(), TransportError> {
        let Identity { clients, group, client_id, .. } = &self.identity;
        let reader = Rc::new(clients.reader(self.reads, group, client_id)?);
        reader.ring(&self.wakeup);
        self.topics = self.topics.with(&reader)?;
        self.questions =
            Questions::new(&reader, &self.wakeup, self.identity.asker(), self.reads.waits_for_offsets());
        self.described.clear();
        self.by_number.clear();
        self.last = (0, -1, 0);
        self.reader = reader;
        for at in 0..self.slots.len() {
            let slot = &mut self.slots[at];
            slot.is_assigned = false;
            slot.silence = Silence::default();
            if slot.is_wanted && !std::mem::replace(&mut slot.is_changed, true) {
                self.changes.push(at as u32);
            }
        }
        Ok(())
    }
}
