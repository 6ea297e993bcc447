//! Deliberately wrong variants of the runtime: what a simulator must be able to catch.
//!
//! `mutant!(Name)` and `mutant!(Name => what it does instead)` stand where the variant differs. Without the feature
//! `mutants` they are `false` and nothing; with it, they are for a thread that was infected with that variant. No production
//! build switches the feature on.
//!
//! Knows names. What each one does stands where it is asked for.

#[cfg(not(feature = "mutants"))]
macro_rules! mutant {
    ($($name:ident)|+) => {
        false
    };
    ($($name:ident)|+ => $instead:expr) => {};
}

#[cfg(feature = "mutants")]
macro_rules! mutant {
    ($($name:ident)|+) => {
        matches!($crate::mutants::infection(), Some($($crate::mutants::Mutant::$name)|+))
    };
    ($($name:ident)|+ => $instead:expr) => {
        if mutant!($($name)|+) {
            $instead
        }
    };
}

pub(crate) use mutant;

#[cfg(feature = "mutants")]
mod catalogue {
    use std::cell::Cell;

    macro_rules! catalogue {
        ($($name:ident: $what:literal,)*) => {
            /// A wrong variant of the runtime.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum Mutant {
                $(#[doc = $what] $name,)*
            }

            impl Mutant {
                /// All of them.
                pub const ALL: &[Mutant] = &[$(Mutant::$name,)*];

                /// What it does.
                pub fn what(self) -> &'static str {
                    match self {
                        $(Mutant::$name => $what,)*
                    }
                }
            }
        };
    }

    catalogue! {
        OffsetsOutside: "offsets are committed outside of the transaction",
        StateBeforeCommit: "stores take their changes for committed before the commit",
        RestoreUncommitted: "stores are restored from records of transactions that are not committed",
        InputUncommitted: "inputs are read beyond the last stable offset, offsets while they are pending",
        NoFencing: "a new producer has another transactional id",
        MissedPrepare: "changes of stores are not written to their changelogs",
        EncodedAfterFlush: "changelogs are written behind the flush",
        MissedFlush: "nothing is flushed before the offsets go",
        NoRewind: "an abort does not begin to read anew",
        BufferKept: "an abort keeps what was fetched",
        PositionKept: "an abort keeps the positions",
        RevokedKept: "a task that is given back stays in the map of commits",
        RevokedUncommitted: "a task is given back in the middle of a transaction",
        EpochMinusOne: "offsets are sent without generation and member",
        CheckpointAhead: "a store is marked ahead of what it has",
        DuplicateOnRetry: "a record whose answer was lost is written again",
        EndIsLastStable: "a restore ends at the last stable offset",
        EndBeforeOffsets: "the end of a restore is read before the committed offsets, and offsets are sent before records have arrived",
        RestoreUnfinished: "a task is opened before its stores are at the end",
        WaitsToOpen: "a step waits until its tasks are open, whatever transaction is open meanwhile",
        NoOffsetsIsStart: "rows without committed offsets begin at the start",
        UnknownIsAborted: "a commit without an answer is taken for aborted",
        UnknownIsCommitted: "a commit without an answer is taken for committed",
        TimeKept: "an abort keeps the stream time of operators",
        RowsKept: "an abort keeps the changes of stores",
        DeliveryKept: "an abort keeps how far the changelog was written",
        UndoToEngine: "an abort goes back to the engine instead of the committed bytes",
        CacheKept: "a replay leaves what the store had in memory above it",
        MetadataDropped: "offsets that are committed once more lose the times beside them",
        ExpiryByLiveTime: "windows expire by a time that an abort took back",
        KeptAfterSkip: "a function that fails leaves its half change in the row",
        FailureKept: "what a record did before it failed is not taken back",
        FlushInHashOrder: "changes reach the changelog in another order than they were made",
        TombstoneAgeIgnored: "a store is replayed though deletions behind it may be gone",
        AgeByOwnClock: "a store is marked with the time of waking up, though others may have had its task meanwhile",
        EndIgnored: "nobody is told that a partition has nothing more",
        LeaderByLiveCount: "the leader is the topic that has most partitions right now",
        LostKept: "what was lost is not closed",
        AheadMarked: "a head start marks stores with ends that they have not reached",
        RejoinedKept: "what was lost and is given again in the same moment is kept",
        ProofOfAnother: "offsets are sent as the member that its client has become meanwhile",
        LeavesOnClose: "a static member that closes gives its place up",
        ReplacedGoesOn: "who learns that somebody else has its name goes on",
        JoiningKept: "what is taken away while the group is asked who is in it is opened all the same",
        OffsetsAhead: "at least once, offsets are committed before what they stand for is written",
        OnItsWayKept: "at least once, what is on its way when something fails arrives later",
        BeginsUncommitted: "at least once, rows are written before it is committed where their task begins",
        RowsOfNobody: "at least once, rows are written by who could know that it is no member",
        InputsByName: "offsets are good for whatever topic has the name, and one that is gone is the beginning",
        WrittenIsStart: "an application that has written to topics of its own, and has no offsets, begins at the start",
        NeverRenewed: "offsets of idle inputs are not committed again",
        OtherTopicReplayed: "a store follows whatever topic has the name of its changelog",
        UnknownIsNone: "a partition that a broker does not know of yet is one that does not exist",
        GrowthMissed: "nobody opens the task of a new partition",
    }

    thread_local! {
        static INFECTED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// From now on this thread runs that variant, or the right one.
    pub fn infect(mutant: Option<Mutant>) {
        INFECTED.set(mutant);
    }

    /// Which variant this thread runs.
    pub fn infection() -> Option<Mutant> {
        INFECTED.get()
    }

    /// True if this thread runs that variant.
    #[inline]
    pub fn is(mutant: Mutant) -> bool {
        INFECTED.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub use catalogue::{Mutant, infect, infection, is};
