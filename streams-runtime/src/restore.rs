//! Brings stores up to the end of their changelogs before their task reads a single record.
//!
//! The end is the *high watermark*, read after the committed offsets: the last stable offset would be too low while
//! the previous owner's transaction is being completed. Only the position decides when it is reached; offsets have
//! gaps. It is stepped like the worker: what cannot go on yet (an open transaction before the end) simply is not
//! done, and nobody waits for it.
//!
//! Where a replay begins, if there are rows already:
//!
//! | the rows | the replay |
//! |---|---|
//! | followed another topic of the same name | from empty |
//! | go beyond the end: the log lost what they have | none; it stops with words |
//! | are so old that deletions behind them may be gone | from empty |
//! | end before the log begins | from empty; windows stay if all that can be missing has expired |
//! | anything else | from where they end |
//!
//! Knows stores and changelogs; deliberately does not know tasks' inputs, nor who waits.

use crate::mutants::mutant;
use crate::state::{ForeignRow, Mark, Remembered, Restored, StateError, StoreForm};
use crate::task::TaskId;
use crate::transport::{Consumer, Event, Message, TopicPartition, TransportError, Watermarks};
use crate::warming::Warmed;
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
    /// The end of a replay is not in the log any more.
    #[error(transparent)]
    EndGone(Box<EndGone>),
}

/// What a store was to have is not in the log any more, and its replay would never end.
#[derive(Debug, thiserror::Error)]
#[error(
    "store `{store}`: its changelog `{}`, partition {}, ended at {end} when the replay began and ends at {high} now; the \
     replay stands at {position} for {waited_s} s. Records were lost there (was a broker's disk put back, or an election \
     unclean?): mend that first if you can, and start again; the next start takes what is left",
    changelog.topic,
    changelog.partition
)]
pub struct EndGone {
    /// The store.
    pub store: &'static str,
    /// Its changelog.
    pub changelog: TopicPartition,
    /// How far the replay is.
    pub position: i64,
    /// Where it was to end.
    pub end: i64,
    /// Where the log ends.
    pub high: i64,
    /// For how long nothing came, in seconds.
    pub waited_s: i64,
}

/// What bringing a store up to its changelog took; see [`Worker::restored`](crate::worker::Worker::restored).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredStore {
    /// The task.
    pub task: TaskId,
    /// The store.
    pub store: &'static str,
    /// The records that were replayed. A store that was up to date has none.
    pub records: u64,
    /// The offset at which the replay began. If the store was rebuilt, that is where its changelog begins.
    pub from: i64,
    /// The offset at which it ended: the high watermark.
    pub to: i64,
    /// Set if rows on disk were not used.
    pub rebuilt: Option<Rebuilt>,
}

/// Why the rows on disk were not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rebuilt {
    /// They could not be used, and were moved aside: why, and where to.
    #[error("{0}")]
    Unreadable(String),
    /// Deletions that it has not seen may be gone from the changelog: deleted keys would rise again.
    #[error(
        "it was last complete {} h ago, and its changelog keeps deletions for {} h (`delete.retention.ms`)",
        age_ms / 3_600_000,
        kept_ms / 3_600_000
    )]
    Old {
        /// How long ago it was last complete, in ms of the wall clock.
        age_ms: i64,
        /// How long the changelog keeps deletions, in ms.
        kept_ms: i64,
    },
    /// What comes next is no longer in the changelog.
    #[error("it ends at offset {offset}, and its changelog begins at {start}")]
    BehindStart {
        /// How far it was.
        offset: i64,
        /// Where its changelog begins.
        start: i64,
    },
    /// It followed another topic of the same name.
    #[error("its changelog was deleted and made anew")]
    OtherTopic,
}

/// A changelog as it is when its replay begins.
#[derive(Clone, Debug)]
pub(crate) struct Changelog {
    /// Which store of the task.
    pub(crate) store: usize,
    pub(crate) partition: TopicPartition,
    pub(crate) ends: Watermarks,
    pub(crate) topic_id: u128,
    /// How long it keeps deletions (`delete.retention.ms`).
    pub(crate) delete_retention_ms: i64,
    /// How long it keeps records at least (`retention.ms`), if it deletes by age and the log tells.
    pub(crate) retention_ms: Option<i64>,
    /// The wall clock before `ends` were asked for: a store that gets there is complete as of then.
    pub(crate) asked_ms: i64,
    /// The wall clock when the replay begins: so old is what the store has.
    pub(crate) now_ms: i64,
}

impl Changelog {
    /// About how many offsets a store with this mark has to go: all of them, if it has to begin anew.
    pub(crate) fn left(&self, mark: Option<&Mark>) -> i64 {
        let (start, high) = (self.ends.start, self.ends.high);
        let Some(mark) = mark else { return high - start };
        let (offset, kept_ms) = (mark.changelog_offset, self.delete_retention_ms);
        let is_other = mark.topic_id != 0 && self.topic_id != 0 && mark.topic_id != self.topic_id;
        let is_old = self.now_ms.saturating_sub(mark.wall_ms) > kept_ms.saturating_sub(margin_ms(kept_ms));
        match offset < start || is_other || is_old && offset < high {
            true => high - start,
            false => (high - offset).max(0),
        }
    }
}

/// Clocks of brokers and ours differ, and a replay takes time. No more than a part of short times.
fn margin_ms(of: i64) -> i64 {
    (of / 24).min(3_600_000)
}

/// How many records of a replay are tried whether they are rows: a changelog of another format is known by the first of
/// them, and decoding all would be most of the work. What is rebuilt because nobody could read it is tried as a whole.
const TRIED: u64 = 100;

/// What a changelog had lost when the replay of a window store began.
struct Missing {
    /// No window that is missing begins after this.
    until_ms: i64,
    /// Where the store ended.
    offset: i64,
}

/// One store on its way to the end of its changelog.
pub(crate) struct Replay {
    /// The name of its store.
    pub(crate) store: &'static str,
    log: Changelog,
    state: Rc<RefCell<dyn Remembered>>,
    survived: bool,
    slot: u32,
    from: i64,
    position: i64,
    records: u64,
    bytes: u64,
    /// The wall clock as of which nothing before `position` can have been missed.
    complete_ms: i64,
    /// The wall clock as of which its rows were complete, when the replay began: deletions from then on must be read before
    /// they may be gone.
    since_ms: i64,
    rebuilt: Option<Rebuilt>,
    /// In which form its rows are; and how many more records are tried before they are taken for such.
    form: Option<StoreForm>,
    untried: u64,
    /// What was done before, by who went ahead.
    earlier: Option<Warmed>,
    /// Set if the replay does not begin where the store ends: the windows that may be missing begin at this or
    /// before. Whether they are all expired is known at the end; until then the store must look as if it still ended
    /// where it did, or a crash would answer the question.
    missing: Option<Missing>,
    /// True if the store had rows before it was opened, or got some.
    pub(crate) found: bool,
}

impl Replay {
    /// Begins where the store is. `survived_ms`: the store is one that ran before in this process, and knows how far
    /// it is better than its engine does; until then it has certainly followed its changelog. After that this machine may
    /// have been suspended for days. `earlier`: somebody brought it to where it is just now.
    ///
    /// # Errors
    /// If the store cannot be read, or is ahead of its changelog.
    pub(crate) fn begin<C: Consumer>(
        reader: &mut C,
        remembering: &Remembering,
        log: Changelog,
        survived_ms: Option<i64>,
        earlier: Option<Warmed>,
    ) -> Result<Replay, RestoreError> {
        let state = remembering.state.clone();
        let survived = survived_ms.is_some();
        let known = match survived_ms {
            Some(owned_ms) => Some((remembering.reached, remembering.topic_id, owned_ms)),
            None => state.borrow().mark()?.map(|mark| (mark.changelog_offset, mark.topic_id, mark.wall_ms)),
        };
        let (start, now_ms) = (log.ends.start, log.now_ms);
        let unreadable = state.borrow().damage();
        let went_on = earlier.as_ref().is_some_and(|it| matches!(it.rebuilt, Some(Rebuilt::Unreadable(_))));
        let untried = if unreadable.is_some() || went_on { u64::MAX } else { TRIED };
        let mut replay = Replay {
            store: remembering.store.map_or("", |store| store.name),
            state,
            survived,
            slot: u32::MAX,
            from: start,
            position: start,
            records: 0,
            bytes: 0,
            complete_ms: log.asked_ms,
            since_ms: log.asked_ms,
            rebuilt: None,
            form: remembering.store.map(|store| store.form),
            untried,
            earlier,
            missing: None,
            // An engine is only marked together with rows. A store that survived was asked when it was opened first.
            found: !survived && known.is_some(),
            log,
        };
        let log = &replay.log;
        let Some((offset, topic_id, complete_ms)) = known else {
            replay.rebuilt = unreadable.map(Rebuilt::Unreadable);
            replay.read(reader, start)?;
            return Ok(replay);
        };
        let age_ms = now_ms.saturating_sub(complete_ms);
        let kept_ms = log.delete_retention_ms;
        let keeps_windows = replay.state.borrow().first_visible().is_some();
        if topic_id != 0 && log.topic_id != 0 && topic_id != log.topic_id && !mutant!(OtherTopicReplayed) {
            replay.rebuild(reader, Rebuilt::OtherTopic)?;
        } else if offset > log.ends.high {
            let ahead = RestoreError::Ahead { store: replay.store, offset, end: log.ends.high };
            replay.state.borrow().keep(&ahead.to_string());
            return Err(ahead);
        } else if offset < log.ends.high
            && !mutant!(TombstoneAgeIgnored)
            && age_ms > kept_ms.saturating_sub(margin_ms(kept_ms))
        {
            replay.rebuild(reader, Rebuilt::Old { age_ms, kept_ms })?;
        } else if offset >= start {
            (replay.complete_ms, replay.since_ms) = (complete_ms, complete_ms);
            replay.read(reader, offset)?;
        } else if let (Some(kept_ms), true) = (log.retention_ms, keeps_windows) {
            // Deleted by age: a window begins before or at the time of its last record.
            let until_ms = now_ms - kept_ms + margin_ms(kept_ms);
            replay.missing = Some(Missing { until_ms, offset });
            (replay.complete_ms, replay.since_ms) = (complete_ms, complete_ms);
            replay.read(reader, start)?;
        } else {
            replay.rebuild(reader, Rebuilt::BehindStart { offset, start })?;
        }
        Ok(replay)
    }

    fn read<C: Consumer>(&mut self, reader: &mut C, from: i64) -> Result<(), RestoreError> {
        (self.from, self.position) = (from, from);
        if from < self.log.ends.high {
            self.slot = reader.assign(&self.log.partition, from)?;
        }
        Ok(())
    }

    /// Begins anew, without rows.
    fn rebuild<C: Consumer>(&mut self, reader: &mut C, why: Rebuilt) -> Result<(), RestoreError> {
        self.state.borrow_mut().clear()?;
        self.rebuilt = Some(why);
        self.earlier = None;
        self.found = false;
        self.complete_ms = self.log.asked_ms;
        self.read(reader, self.log.ends.start)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.position >= self.log.ends.high
    }

    /// The partition it reads.
    pub(crate) fn partition(&self) -> &TopicPartition {
        &self.log.partition
    }

    /// Where it began, where it is, and where it ends.
    pub(crate) fn way(&self) -> (i64, i64, i64) {
        let earlier = self.earlier.as_ref().map_or(i64::MAX, |earlier| earlier.told.from);
        (self.from.min(earlier), self.position, self.log.ends.high)
    }

    /// How many records were replayed, and how many bytes of keys and values.
    pub(crate) fn amount(&self) -> (u64, u64) {
        let earlier =
            self.earlier.as_ref().map_or((0, 0), |earlier| (earlier.told.records, earlier.told.bytes));
        (self.records + earlier.0, self.bytes + earlier.1)
    }

    /// True if somebody went ahead, and told of it.
    pub(crate) fn goes_on(&self) -> bool {
        self.earlier.is_some()
    }

    /// Set if rows on disk were not used.
    pub(crate) fn rebuilt(&self) -> Option<Rebuilt> {
        self.rebuilt.clone()
    }

    /// A lie, for a wrong variant.
    #[cfg(feature = "mutants")]
    pub(crate) fn mark_too_far(&self) -> Result<(), RestoreError> {
        let mark = Mark { changelog_offset: self.log.ends.high, ..self.mark(self.log.asked_ms, Vec::new()) };
        Ok(self.state.borrow_mut().apply(&mark)?)
    }

    /// Notes in the store that it is at the end, as of when that was read. Its task's times are still unknown.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) fn rest_at_end(&self) -> Result<(), RestoreError> {
        // One without rows must look as if it had never been opened.
        if self.found {
            self.state.borrow_mut().apply(&self.mark(self.log.asked_ms, Vec::new()))?;
        }
        Ok(())
    }

    /// Once it is done: whether it was fast enough to see every deletion, and what the changelog had lost is really expired.
    /// If not, it begins anew.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) fn settle<C: Consumer>(&mut self, reader: &mut C, now_ms: i64) -> Result<(), RestoreError> {
        let (age_ms, kept_ms) = (now_ms.saturating_sub(self.since_ms), self.log.delete_retention_ms);
        if self.position > self.from
            && !mutant!(TombstoneAgeIgnored)
            && age_ms > kept_ms.saturating_sub(margin_ms(kept_ms))
        {
            self.missing = None;
            self.since_ms = now_ms;
            return self.rebuild(reader, Rebuilt::Old { age_ms, kept_ms });
        }
        let Some(Missing { until_ms, offset }) = self.missing.take() else { return Ok(()) };
        if self.state.borrow().first_visible().is_some_and(|visible| until_ms < visible) {
            return Ok(());
        }
        self.rebuild(reader, Rebuilt::BehindStart { offset, start: self.log.ends.start })
    }

    /// Replays events of its partition. Returns how many records.
    fn take<M: Message>(&mut self, events: &[Event<M>]) -> Result<usize, StateError> {
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            match event {
                Event::Record { message, .. } => {
                    self.try_row(message)?;
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
        self.records += records.len() as u64;
        let bytes = |restored: &Restored<'_>| restored.key.len() + restored.value.map_or(0, <[u8]>::len);
        self.bytes += records.iter().map(bytes).sum::<usize>() as u64;
        if !records.is_empty() {
            // The task's times belong to the end; until then they are unknown.
            let mark = self.mark(self.complete_ms, Vec::new());
            self.state.borrow_mut().restore(&records, &mark)?;
        }
        Ok(records.len())
    }

    /// Whether a record is a row: one that is not would fail much later, where nobody knows any more whence it came, or
    /// stay for ever under a key that nobody finds.
    fn try_row<M: Message>(&mut self, message: &M) -> Result<(), StateError> {
        let (Some(form), Some(key), 1..) = (self.form, message.key(), self.untried) else { return Ok(()) };
        self.untried -= 1;
        form.try_row(key, message.value()).map_err(|(what, cause)| {
            let TopicPartition { topic, partition } = self.log.partition.clone();
            let (store, offset) = (self.store, message.offset());
            StateError::Foreign(ForeignRow { store, topic, partition, offset, what, cause }.into())
        })
    }

    fn mark(&self, wall_ms: i64, task_times: Vec<u8>) -> Mark {
        let changelog_offset = self.missing.as_ref().map_or(self.position, |missing| missing.offset);
        let form = self.form.map_or_else(String::new, |form| form.text());
        Mark { changelog_offset, topic_id: self.log.topic_id, task_times, wall_ms, form }
    }

    /// Notes how far the store is now, in the store as well: it is complete as of when the end was read, with these
    /// times. `marked`: false if it must look as if it had never been opened.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) fn finish(
        &self,
        remembering: &mut [Remembering],
        task_times: Vec<u8>,
        marked: bool,
    ) -> Result<(), RestoreError> {
        let Some(remembering) = remembering.get_mut(self.log.store) else { return Ok(()) };
        remembering.reached = self.position;
        remembering.topic_id = self.log.topic_id;
        remembering.open = None;
        // What survived has rows that wait for their engine, and gets its mark with them.
        if marked && !self.survived && self.position > 0 {
            self.state.borrow_mut().apply(&self.mark(self.log.asked_ms, task_times))?;
            remembering.applied_ms = self.log.asked_ms;
        }
        Ok(())
    }

    /// What it took, for whoever asks.
    pub(crate) fn report(&self, task: TaskId) -> RestoredStore {
        let ((from, to, _), (records, _)) = (self.way(), self.amount());
        let (store, partition) = (self.store, task.partition);
        let rebuilt =
            self.rebuilt.as_ref().or(self.earlier.as_ref().and_then(|earlier| earlier.rebuilt.as_ref()));
        if let Some(why) = rebuilt {
            tracing::warn!(store, partition, %why, "store rebuilt from its changelog");
        }
        tracing::info!(store, partition, records, from, to, "restored");
        RestoredStore { task, store, records, from, to, rebuilt: rebuilt.cloned() }
    }

    /// Stops reading.
    pub(crate) fn close<C: Consumer>(&self, reader: &mut C) {
        if self.slot != u32::MAX {
            reader.unassign(&self.log.partition);
        }
    }
}

/// Why a step of the replay failed.
pub(crate) enum StepError {
    /// A store did; whose.
    Store(usize, StateError),
    /// Records were deleted while they were read; whose.
    Deleted(usize, TransportError),
    /// The log did.
    Log(TransportError),
}

/// Replays that are not done, each with its owner, by the slots of their partitions.
#[derive(Default)]
pub(crate) struct BySlot<'a>(Vec<Option<(usize, &'a mut Replay)>>);

impl<'a> BySlot<'a> {
    pub(crate) fn add(&mut self, owner: usize, replay: &'a mut Replay) {
        let slot = replay.slot as usize;
        if slot >= self.0.len() {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some((owner, replay));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose records are gone, if that is what it says.
    fn whose(&self, cause: &TransportError) -> Option<usize> {
        let TransportError::OffsetOutOfRange { topic, partition, .. } = cause else { return None };
        let reads = |of: &TopicPartition| of.topic == *topic && of.partition == *partition;
        let found = self.0.iter().flatten().find(|(_, replay)| reads(replay.partition()));
        found.map(|&(owner, _)| owner)
    }
}

/// Fetches up to `max` records and hands them to whoever replays their partition. Returns how many were replayed.
///
/// # Errors
/// The first failure, of a store together with the owner that stands beside it in `replays`.
pub(crate) fn step<C: Consumer>(
    reader: &mut C,
    events: &mut Vec<Event<C::Message>>,
    max: usize,
    replays: &mut BySlot<'_>,
) -> Result<usize, StepError> {
    let fetched = reader.poll(events, max);
    let (mut restored, mut failed) = (0, None);
    for run in events.chunk_by(|a, b| slot(a) == slot(b)) {
        let of_slot = slot(&run[0]).and_then(|slot| replays.0.get_mut(slot as usize)?.as_mut());
        // Others get what came for them, whoever fails: it does not come again.
        if let Some((owner, replay)) = of_slot
            && !replay.is_done()
            && failed.as_ref().is_none_or(|(other, _)| other != owner)
        {
            match replay.take(run) {
                Ok(records) => restored += records,
                Err(cause) => failed = failed.or(Some((*owner, cause))),
            }
            if replay.is_done() {
                replay.close(reader);
            }
        }
    }
    events.clear();
    if let Some((owner, cause)) = failed {
        return Err(StepError::Store(owner, cause));
    }
    match fetched {
        Ok(_) => Ok(restored),
        Err(cause) => Err(match replays.whose(&cause) {
            Some(owner) => StepError::Deleted(owner, cause),
            None => StepError::Log(cause),
        }),
    }
}

fn slot<M>(event: &Event<M>) -> Option<u32> {
    match event {
        Event::Record { slot, .. } | Event::End { slot, .. } => Some(*slot),
        Event::Assigned(_) | Event::Revoked(_) | Event::Lost(_) => None,
    }
}
