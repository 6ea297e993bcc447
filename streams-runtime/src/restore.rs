//! Brings stores up to the end of their changelogs before their task reads a single record.
//!
//! The end is the *high watermark*, read after the committed offsets: the last stable offset would be too low while
//! the previous owner's transaction is being completed. Only the position decides when it is reached; offsets have
//! gaps. It is stepped like the worker: what cannot go on yet (an open transaction before the end) simply is not
//! done, and nobody waits for it.
//!
//! Knows stores and changelogs; deliberately does not know tasks' inputs, nor who waits.

use crate::state::{Mark, Remembered, Restored, StateError};
use crate::transport::{Consumer, Event, Message, TopicPartition, TransportError, Watermarks};
use crate::wiring::Remembering;
use std::cell::RefCell;
use std::rc::Rc;

/// Why a store cannot be brought up to its changelog.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StateError),
    /// The log failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The log lost what the store has: the store may be the only good copy, so it is not thrown away.
    #[error(
        "store `{store}` holds changes up to offset {offset}, but its changelog ends at {end}: \
         records were lost there; delete the store's files to rebuild it from what is left"
    )]
    Ahead {
        /// The store.
        store: &'static str,
        /// How far it is.
        offset: i64,
        /// Where its changelog ends.
        end: i64,
    },
}

/// A changelog as it is when its replay begins.
#[derive(Clone, Debug)]
pub(crate) struct Changelog {
    /// Which store of the task.
    pub(crate) store: usize,
    pub(crate) partition: TopicPartition,
    pub(crate) ends: Watermarks,
    pub(crate) topic_id: u128,
}

/// One store on its way to the end of its changelog.
pub(crate) struct Replay {
    store: usize,
    state: Rc<RefCell<dyn Remembered>>,
    partition: TopicPartition,
    slot: u32,
    position: i64,
    end: i64,
    topic_id: u128,
    /// True if the store had rows before it was opened, or got some.
    pub(crate) found: bool,
}

impl Replay {
    /// Begins where the store is. `survived`: the store is one that ran before in this process, and knows how far
    /// it is better than its engine does.
    ///
    /// # Errors
    /// If the store cannot be read, or is ahead of its changelog.
    pub(crate) fn begin<C: Consumer>(
        reader: &mut C,
        remembering: &Remembering,
        changelog: Changelog,
        survived: bool,
    ) -> Result<Replay, RestoreError> {
        let Changelog { store, partition, ends, topic_id } = changelog;
        let name = remembering.store.map_or("", |store| store.name);
        let state = remembering.state.clone();
        let known = match survived {
            true => Some((remembering.reached, remembering.topic_id)),
            false => state.borrow().mark()?.map(|mark| (mark.changelog_offset, mark.topic_id)),
        };
        // An engine is only marked together with rows. A store that survived was asked when it was opened first.
        let mut found = !survived && known.is_some();
        let position = match known {
            None => ends.start,
            // Another topic under the old name, or a tail that cannot be replayed: only a rebuild is right.
            Some((offset, id)) if id != 0 && topic_id != 0 && id != topic_id || offset < ends.start => {
                state.borrow_mut().clear()?;
                found = false;
                ends.start
            }
            Some((offset, _)) if offset > ends.high => {
                return Err(RestoreError::Ahead { store: name, offset, end: ends.high });
            }
            Some((offset, _)) => offset,
        };
        let slot = if position < ends.high { reader.assign(&partition, position)? } else { u32::MAX };
        Ok(Replay { store, state, partition, slot, position, end: ends.high, topic_id, found })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.position >= self.end
    }

    pub(crate) fn reads(&self, topic: &str, partition: u32) -> bool {
        self.partition.topic == topic && self.partition.partition == partition
    }

    /// Replays events of its partition. Returns how many records.
    fn take<M: Message>(&mut self, events: &[Event<M>]) -> Result<usize, StateError> {
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            match event {
                Event::Record { message, .. } => {
                    self.position = message.offset() + 1;
                    records.extend(message.key().map(|key| Restored {
                        key,
                        value: message.value(),
                        timestamp: message.timestamp(),
                    }));
                }
                Event::End { position, .. } => self.position = self.position.max(*position),
                Event::Assigned(_) | Event::Revoked(_) | Event::Lost(_) => {}
            }
        }
        self.found |= !records.is_empty();
        // Times and the wall clock come with the first mark after a commit: until then the engine is not at the
        // end, and says so.
        let mark = Mark { changelog_offset: self.position, topic_id: self.topic_id, ..Mark::default() };
        if !records.is_empty() {
            self.state.borrow_mut().restore(&records, &mark)?;
        }
        Ok(records.len())
    }

    /// The store's name.
    pub(crate) fn store_name(&self, remembering: &[Remembering]) -> &'static str {
        remembering.get(self.store).and_then(|r| r.store).map_or("", |store| store.name)
    }

    /// Notes how far the store is now.
    pub(crate) fn finish(&self, remembering: &mut [Remembering]) {
        if let Some(remembering) = remembering.get_mut(self.store) {
            remembering.reached = self.position;
            remembering.topic_id = self.topic_id;
            remembering.open = None;
        }
    }

    /// Stops reading.
    pub(crate) fn close<C: Consumer>(&self, reader: &mut C) {
        if self.slot != u32::MAX {
            reader.unassign(&self.partition);
        }
    }
}

/// Why a step of the replay failed.
pub(crate) enum StepError {
    /// A store did; whose.
    Store(usize, StateError),
    /// The log did.
    Log(TransportError),
}

/// Fetches up to `max` records and hands them to whoever replays their partition. Returns how many were replayed.
///
/// # Errors
/// The first failure, of a store together with the owner that stands beside it in `replays`.
pub(crate) fn step<C: Consumer>(
    reader: &mut C,
    events: &mut Vec<Event<C::Message>>,
    max: usize,
    replays: &mut [(usize, &mut Replay)],
) -> Result<usize, StepError> {
    let fetched = reader.poll(events, max);
    let mut restored = 0;
    for run in events.chunk_by(|a, b| slot(a) == slot(b)) {
        let of_slot = replays.iter_mut().find(|(_, replay)| Some(replay.slot) == slot(&run[0]));
        if let Some((owner, replay)) = of_slot
            && !replay.is_done()
        {
            restored += replay.take(run).map_err(|cause| StepError::Store(*owner, cause))?;
            if replay.is_done() {
                replay.close(reader);
            }
        }
    }
    events.clear();
    fetched.map_err(StepError::Log)?;
    Ok(restored)
}

fn slot<M>(event: &Event<M>) -> Option<u32> {
    match event {
        Event::Record { slot, .. } | Event::End { slot, .. } => Some(*slot),
        Event::Assigned(_) | Event::Revoked(_) | Event::Lost(_) => None,
    }
}
