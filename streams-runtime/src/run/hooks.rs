//! What the code of an application wants to be asked and told while it runs, and how it says so.
//!
//! Knows functions. Does not know when they are called.

use super::on_failure::{OnFailure, Policy, ThreadFailure};
use super::state::{Listener, StateChange};
use crate::app::Builder;
use crate::open::Restoring;
use std::sync::Arc;

/// Hears how far stores are.
pub(crate) type RestoreListener = Arc<dyn Fn(&Restoring) + Send + Sync>;

/// What is asked and told.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(super) policy: Option<Policy>,
    pub(super) restoring: Option<RestoreListener>,
    pub(super) listeners: Vec<Listener>,
}

/// What is asked and told while it runs on Kafka.
impl Builder {
    /// Decides what is done about a thread that failed (`KafkaStreams.setUncaughtExceptionHandler`), and is the place to tell
    /// somebody. Without one the instance ends: [`OnFailure::ShutdownClient`].
    ///
    /// A thread fails when one of its tasks did, or the log did. The other tasks are brought to a commit before it is asked, which takes
    /// up to 5 s; it is told the first failure. It is not asked
    /// where a new thread could not help: inputs that have grown, a group in which others read other topics together, or another process on
    /// a copy of the state directory that has taken the place of this one. Called on a
    /// thread of the runtime; nothing is supervised until it returns. If it panics, the instance ends.
    ///
    /// ```no_run
    /// # use streams_runtime::prelude::*;
    /// # #[topic(name = "in", key = String, value = String)] struct In;
    /// # #[topic(name = "out", key = String, value = String)] struct Out;
    /// # #[processor(from = In, map_values, to = Out)] fn shout(text: &str) -> String { text.to_uppercase() }
    /// # topology!(Shouting = [shout]);
    /// use streams_runtime::{FailureCause, OnFailure, WorkerError};
    ///
    /// # async fn example() -> streams_runtime::Result<()> {
    /// Shouting::builder("shouting")
    ///     .on_failure(|failure| match &failure.cause {
    ///         // A record, or a store: it would fail again.
    ///         FailureCause::Failed(WorkerError::Process { .. } | WorkerError::Open { .. }) => OnFailure::ShutdownClient,
    ///         _ => OnFailure::ReplaceThread,
    ///     })
    ///     .run()
    ///     .await
    /// # }
    /// ```
    pub fn on_failure(mut self, decide: impl FnMut(&ThreadFailure) -> OnFailure + Send + 'static) -> Self {
        self.hooks.policy = Some(Box::new(decide));
        self
    }

    /// Hears of every [`State`](crate::State) that follows another one (`KafkaStreams.setStateListener`), in their order. Called on a
    /// thread of the runtime; nothing is supervised until it returns. May be said several times.
    pub fn on_state_change(mut self, mut hear: impl FnMut(StateChange) + Send + 'static) -> Self {
        self.hooks.listeners.push(Box::new(move |change| {
            hear(change);
            true
        }));
        self
    }

    /// Hears how far stores are that are being restored (`KafkaStreams.setGlobalStateRestoreListener`). Called on the thread that
    /// restores, after each batch: keep it short.
    pub fn on_restore(mut self, hear: impl Fn(&Restoring) + Send + Sync + 'static) -> Self {
        self.hooks.restoring = Some(Arc::new(hear));
        self
    }
}
