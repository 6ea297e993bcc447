//! What some wrong variants do, where it is more than a line.

use super::{BATCH, Connect, Worker, WorkerError};
use crate::commit::{Commit, Trouble};
use crate::guarantee::Guarantee;
use crate::mutants::{Mutant, is};
use crate::task::TaskId;
use crate::transport::{
    CommitOutcome, Consumer, Event, GroupMetadata, Producer, TopicPartition, TransportError, Watermarks,
};
use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    /// Which ends of changelogs were read first since a task began to be opened.
    static FIRST_ENDS: RefCell<HashMap<(TaskId, String), Watermarks>> = RefCell::default();
}

impl<C: Connect> Worker<C> {
    /// An outcome that is unknown is taken for one that is known.
    pub(crate) fn believe(&mut self, now_ms: i64) -> Result<Commit, WorkerError> {
        (self.in_transaction, self.ready, self.renew) = (false, false, true);
        match is(Mutant::UnknownIsCommitted) {
            true => self.committed(true, now_ms).map(|()| Commit::Done),
            false => self.take_back().map(|()| Commit::TakenBack),
        }
    }

    /// What they stand for has not arrived.
    pub(crate) fn send_offsets_ahead(&mut self) -> Result<(), TransportError> {
        self.gather_offsets();
        match self.guarantee {
            Guarantee::AtLeastOnce => self.consumer.commit(&self.offsets),
            Guarantee::ExactlyOnce => Ok(()),
        }
    }

    /// Offsets outside of the transaction. Or without generation and member: brokers accept them, whoever sends them. Or
    /// before everything has arrived.
    pub(crate) fn end_wrongly(&mut self) -> Result<CommitOutcome, Trouble> {
        self.gather_offsets();
        let Some(group) = self.consumer.group_metadata() else { return Err(self.thrown_out()) };
        if is(Mutant::OffsetsOutside) {
            self.consumer.commit(&self.offsets)?;
        } else if is(Mutant::EpochMinusOne) {
            let nobody = GroupMetadata { generation: -1, member: "".into(), ..group };
            self.producer.send_offsets(&self.offsets, &nobody)?;
        } else {
            self.producer.send_offsets(&self.offsets, &group)?;
            self.flush()?;
        }
        Ok(self.producer.commit())
    }

    /// Tasks are opened then and there, however long that takes: up to ten seconds.
    pub(crate) fn wait_until_open(&mut self) -> Result<(), WorkerError> {
        for _ in 0..100 {
            if self.opening.is_empty() {
                break;
            }
            self.consumer.wait(100);
            self.open_step(BATCH)?;
        }
        Ok(())
    }

    /// The ends of a task's changelogs, before anything else is asked.
    pub(crate) fn read_ends_first(&mut self, task: TaskId) {
        for (_, topic) in &self.plan.subs[task.sub].stores {
            let changelog = TopicPartition { topic: topic.clone(), partition: task.partition };
            if let Ok(ends) = self.reader.watermarks(&changelog) {
                FIRST_ENDS
                    .with_borrow_mut(|first| first.entry((task, topic.clone())).or_insert(ends).to_owned());
            }
        }
    }
}

/// What is given again is not lost.
pub(super) fn forget_losses<M>(events: &mut Vec<Event<M>>) {
    let mut again = Vec::new();
    for event in events.iter() {
        if let Event::Assigned(given) = event {
            again.extend_from_slice(given);
        }
    }
    let mut kept = Vec::new();
    for event in events.iter_mut() {
        if let Event::Lost(lost) = event {
            kept.extend(lost.extract_if(.., |place| again.contains(place)));
        }
    }
    for event in events {
        if let Event::Assigned(given) = event {
            given.retain(|place| !kept.contains(place));
        }
    }
}

/// What [`read_ends_first`](Worker::read_ends_first) read.
pub(crate) fn first_end(task: TaskId, topic: &str) -> Option<Watermarks> {
    FIRST_ENDS.with_borrow_mut(|first| first.remove(&(task, topic.to_owned())))
}
