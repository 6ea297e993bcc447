//! How a worker ends: cleanly, for a while or for good, or after a panic.
//!
//! | | what was processed | membership |
//! |---|---|---|
//! | `leave` | committed, and handed to the engines | given up: others take over at once |
//! | `close` | the same | as this kind of member ends: a static one finds its tasks again |
//! | `abandon` | taken back; at least once: processed again | either |
//!
//! Knows the order of commit, engines and group. Does not know why it ends.

use crate::guarantee::Guarantee;
use crate::mutants::mutant;
use crate::transport::{Consumer, Producer, TopicPartition};
use crate::worker::{Connect, Worker, WorkerError};

impl<C: Connect> Worker<C> {
    /// Ends cleanly: commits, hands everything to the engines, and gives the membership up, so that others take
    /// over at once.
    ///
    /// # Errors
    /// If one of these fails; the membership is given up all the same.
    pub fn leave(mut self) -> Result<(), WorkerError> {
        let finished = self.finish_tasks();
        finished.and(self.consumer.leave().map_err(WorkerError::from))
    }

    /// As [`leave`](Worker::leave), but a static member stays one: its tasks wait for it until its session times out.
    ///
    /// # Errors
    /// If one of these fails; the consumer is closed all the same.
    pub fn close(mut self) -> Result<(), WorkerError> {
        let finished = self.finish_tasks();
        mutant!(LeavesOnClose => return finished.and(self.consumer.leave().map_err(WorkerError::from)));
        finished.and(self.consumer.close().map_err(WorkerError::from))
    }

    /// Ends after a panic: takes back what is not committed and gives the membership up, or keeps it as
    /// [`close`](Worker::close) does. Its tasks are not asked for anything any more.
    ///
    /// # Errors
    /// If the group does not hear of it.
    pub fn abandon(mut self, leave: bool) -> Result<(), WorkerError> {
        if self.in_transaction && self.guarantee == Guarantee::ExactlyOnce {
            // Otherwise whoever takes over waits until it has timed out.
            let _ = self.producer.abort();
        }
        self.close_opening(|_| true);
        let Worker { mut consumer, producer, .. } = self;
        // At least once it may still be sending rows, and none may come after others have the tasks.
        drop(producer);
        let ended = if leave { consumer.leave() } else { consumer.close() };
        ended.map_err(WorkerError::from)
    }

    fn finish_tasks(&mut self) -> Result<(), WorkerError> {
        let committed = self.commit().map(drop);
        let all: Vec<TopicPartition> = self
            .plan
            .subs
            .iter()
            .map(|sub| &sub.sources[sub.leader])
            .flat_map(|leader| {
                (0..leader.partitions)
                    .map(|partition| TopicPartition { topic: leader.name.clone(), partition })
            })
            .collect();
        committed.and(self.close_tasks(&all, true))
    }
}
