//! How far a store is that is being restored, for whoever wants to know.
//!
//! ```text
//! Begun ──→ Batch ──→ Batch … ──→ Ended
//!   └─────────┴──→ Suspended: its task went elsewhere, or failed, or begins anew
//! ```
//!
//! Knows counts and times. Does not know who listens.

use super::patience::Lasting;
use crate::restore::Replay;
use crate::task::TaskId;
use crate::transport::TopicPartition;
use std::time::Duration;

/// Where a restoration stands: which of its calls `StateRestoreListener` of Kafka Streams would get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestoreStage {
    /// The store is open, and it is known from where to where its changelog is to be read. There may be nothing to read.
    Begun,
    /// Records were applied.
    Batch,
    /// The store is at the end of its changelog.
    Ended,
    /// It goes no further here.
    Suspended,
}

/// How far a store is that is being restored from its changelog; see [`Builder::on_restore`](crate::Builder::on_restore).
///
/// ```
/// use streams_runtime::{RestoreStage, Restoring};
///
/// fn show(restoring: &Restoring) {
///     if restoring.stage == RestoreStage::Batch {
///         println!("{} {:.0} %, {:?} left", restoring.store, 100.0 * restoring.share(), restoring.remaining());
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoring {
    /// The task.
    pub task: TaskId,
    /// The store.
    pub store: &'static str,
    /// The changelog, and its partition.
    pub changelog: TopicPartition,
    /// Where it stands.
    pub stage: RestoreStage,
    /// The offset at which it began.
    pub from: i64,
    /// The offset up to which it is.
    pub position: i64,
    /// The offset at which it will end.
    pub to: i64,
    /// How many records were applied; offsets have gaps.
    pub records: u64,
    /// How many bytes their keys and values have.
    pub bytes: u64,
    /// For how long it has been going on, by the wall clock.
    pub elapsed: Duration,
}

impl Restoring {
    pub(crate) fn of(
        task: TaskId,
        replay: &Replay,
        lasting: &Lasting,
        stage: RestoreStage,
        now_ms: i64,
    ) -> Self {
        let (from, position, to) = replay.way();
        let (records, bytes) = replay.amount();
        Restoring {
            task,
            store: replay.store,
            changelog: replay.partition().clone(),
            stage,
            from,
            position,
            to,
            records,
            bytes,
            elapsed: lasting.elapsed(now_ms),
        }
    }

    /// Which part of the way is done, from 0 to 1. By offsets, so it may jump.
    pub fn share(&self) -> f64 {
        match self.to - self.from {
            way if way > 0 => ((self.position - self.from) as f64 / way as f64).clamp(0.0, 1.0),
            _ => 1.0,
        }
    }

    /// How long the rest will take if it goes on like this; `None` before anything was read.
    pub fn remaining(&self) -> Option<Duration> {
        let share = self.share();
        (share > 0.0).then(|| self.elapsed.mul_f64((1.0 - share) / share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(from: i64, position: i64, to: i64) -> Restoring {
        Restoring {
            task: TaskId { sub: 0, partition: 1 },
            store: "rows",
            changelog: TopicPartition { topic: "app-rows-changelog".to_owned(), partition: 1 },
            stage: RestoreStage::Batch,
            from,
            position,
            to,
            records: 0,
            bytes: 0,
            elapsed: Duration::from_secs(3),
        }
    }

    #[test]
    fn the_rest_takes_as_long_as_its_share_says() {
        assert_eq!(
            (at(100, 150, 300).share(), at(100, 150, 300).remaining()),
            (0.25, Some(Duration::from_secs(9)))
        );
        assert_eq!((at(100, 100, 300).share(), at(100, 100, 300).remaining()), (0.0, None));
        // Nothing to read, and what was written beyond the end meanwhile.
        assert_eq!((at(7, 7, 7).share(), at(7, 7, 7).remaining()), (1.0, Some(Duration::ZERO)));
        assert_eq!(at(100, 302, 300).share(), 1.0);
    }
}
