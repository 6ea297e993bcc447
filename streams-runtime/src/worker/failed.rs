//! Why a worker cannot go on with something, in words that name it.
//!
//! Knows words. Does not know what follows.

use crate::failure::Failure;
use crate::members::{All, Stranger};
use crate::open::OpenError;
use crate::state::StateError;
use crate::task::TaskId;
use crate::topology::Growth;
use crate::transport::TransportError;

/// Why a worker cannot go on with something.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A record could not be processed, and its policy is `fail`. The transaction was taken back; the task is set
    /// aside and goes no further than to that record, the others go on.
    #[error("task {task}: {failure}")]
    Process {
        /// The task.
        task: TaskId,
        /// Which record, at which step, why.
        failure: Failure,
    },
    /// A task cannot be opened. It is set aside, the others go on.
    #[error("task {task} cannot be opened: {cause}")]
    Open {
        /// The task.
        task: TaskId,
        /// Why.
        cause: OpenError,
    },
    /// An input cannot be read any more. The task is set aside, the others go on.
    #[error("task {task} cannot read its input: {cause}")]
    Input {
        /// The task.
        task: TaskId,
        /// What the log said.
        cause: TransportError,
    },
    /// A store failed.
    #[error("task {task}: {cause}")]
    Store {
        /// The task.
        task: TaskId,
        /// What it said.
        cause: StateError,
    },
    /// What is written is read again, without an end.
    #[error(
        "records go round in circles: no end after {rounds} rounds; does a step write to a topic that it reads, directly or through others?"
    )]
    Endless {
        /// How often everything there was has been processed.
        rounds: u64,
    },
    /// Others in the group do not read together what this one does: two tasks would read one partition. Those that were
    /// there before go on.
    #[error(
        "application `{application}` reads other topics together than others in its group: {}\n  help: stop all \
         instances of the old topology before the first of the new one is started, or give this one another \
         application id; whoever is no instance needs another `group.id`",
        All(strangers)
    )]
    Strangers {
        /// The application.
        application: String,
        /// The others.
        strangers: Vec<Stranger>,
    },
    /// An input has more partitions than when the application started, and cannot be read on.
    #[error(transparent)]
    Grown(Box<Growth>),
    /// The log failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
}
