//! What a worker is made of: clients and engines that belong to one thread or one task.
//!
//! Knows the seam between a worker and where it runs. Does not know how either of them works.

use crate::guarantee::Guarantee;
use crate::memory::Share;
use crate::open::Restoring;
use crate::state::OverlayLimit;
use crate::stream::StoreSpec;
use crate::task::TaskId;
use crate::transport::{Consumer, Producer, TransportError};
use crate::warming::Warmed;
use crate::wiring::Engines;

/// How a worker makes the parts that belong to one thread or one task.
pub trait Connect {
    /// The consumer.
    type Consumer: Consumer;
    /// The producer.
    type Producer: Producer;

    /// The member of the group. Its client id tells the others a hash of which topic leads which: it is
    /// [`member_id`]`(name, leaders)` for some name.
    fn consumer(&self, leaders: u64) -> Result<Self::Consumer, TransportError>;
    /// True if a client of this name can only be what is left of an earlier run of this instance, or is of this one.
    fn is_own(&self, name: &str) -> bool;
    /// A reader outside of the group, for changelogs.
    fn restore_consumer(&self) -> Result<Self::Consumer, TransportError>;
    /// The producer: transactional under [`Guarantee::ExactlyOnce`]. Asked for again when the outcome of a
    /// transaction is unknown. Its id must be this worker's alone.
    fn producer(&self) -> Result<Self::Producer, TransportError>;
    /// What is promised about records that were processed when something failed.
    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }
    /// How long a transaction may be open, in milliseconds; who waits for one longer than that has something to say.
    fn transaction_timeout_ms(&self) -> i64 {
        10_000
    }
    /// Where the stores of a task rest.
    fn engines(&self, task: TaskId) -> Engines;
    /// How many rows a store keeps typed.
    fn overlay(&self) -> OverlayLimit;
    /// How much memory this worker may take. Asked at its start, and by [`Worker::share_memory`](super::Worker::share_memory).
    fn memory(&self) -> Share {
        Share::UNBOUNDED
    }
    /// Lets somebody else bring these stores of a task near the ends of their changelogs, if there is somebody and they have far
    /// to go. Asked again and again until it says what was done; `None`: not yet.
    fn warm(&self, _task: TaskId, _stores: &[(StoreSpec, String)]) -> Option<Vec<Warmed>> {
        Some(Vec::new())
    }
    /// That is not wanted any more.
    fn cool(&self, _task: TaskId) {}
    /// Hears how far a store is that is being restored.
    fn restoring(&self, _store: &Restoring) {}
    /// The wall clock, in milliseconds since the epoch. Asked once a commit, while tasks are opened, and after some
    /// records if there are many.
    fn now_ms(&self) -> i64;
}

/// What the client of a member calls itself: its name, and the hash of its map of leading topics.
pub fn member_id(name: &str, leaders: u64) -> String {
    crate::members::client_id(name, leaders)
}

/// How fetched records are held.
pub(crate) type MessageOf<C> = <<C as Connect>::Consumer as Consumer>::Message;
