//! What can be made to go wrong, and when.
//!
//! Knows which accident waits for whom. It deliberately does not know how a call then ends: each call asks for
//! its own accident at the place where the network would be.

use super::txn::Claim;

/// An accident that befalls one call of one producer, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `init` times out and has not happened; it may be called again.
    InitLost,
    /// The next record is written, its answer is lost, and the producer sends it again.
    AckLost,
    /// Records for this partition are on their way until one `flush` (or `commit`) gave up on them. Those of
    /// other partitions arrive.
    Undelivered {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// Records are on their way until the next `flush` (or `commit`), and arrive then.
    Slow,
    /// `send_offsets` times out and has not happened.
    OffsetsLost,
    /// The commit request never arrives: the transaction stays open until `init` or its time-out.
    CommitLost,
    /// The commit is done, the answer is lost.
    CommitAnswerLost,
    /// The commit request is on its way until [`deliver_late`](super::MemoryLog::deliver_late).
    CommitLate,
    /// Another instance takes the id over just before the commit arrives: nothing of it is visible.
    FencedBeforeCommit,
    /// The commit is done, the answer is lost, another instance takes over, and the retry is told "fenced".
    FencedAfterCommit,
    /// The abort request never arrives.
    AbortLost,
    /// The abort is done, the answer is lost.
    AbortAnswerLost,
}

/// The accidents that wait, and the requests that are late.
#[derive(Default)]
pub(super) struct Faults {
    waiting: Vec<(String, Fault)>,
    late: Vec<Claim>,
}

impl Faults {
    pub(super) fn add(&mut self, producer: &str, fault: Fault) {
        self.waiting.push((producer.to_owned(), fault));
    }

    pub(super) fn calm(&mut self) {
        self.waiting.clear();
    }

    #[inline]
    pub(super) fn none(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the first accident of `producer` that `fits`.
    pub(super) fn take(&mut self, producer: &str, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.waiting.iter().position(|(who, fault)| who == producer && fits(fault))?;
        Some(self.waiting.remove(at).1)
    }

    pub(super) fn is_slow(&self, producer: &str) -> bool {
        self.waiting.iter().any(|(who, fault)| who == producer && *fault == Fault::Slow)
    }

    pub(super) fn is_undelivered(&self, producer: &str, topic: &str, partition: u32) -> bool {
        self.waiting.iter().any(|(who, fault)| {
            who == producer
                && matches!(fault, Fault::Undelivered { topic: t, partition: p } if t == topic && *p == partition)
        })
    }

    pub(super) fn delay(&mut self, commit: Claim) {
        self.late.push(commit);
    }

    pub(super) fn arrive(&mut self) -> Vec<Claim> {
        std::mem::take(&mut self.late)
    }
}
