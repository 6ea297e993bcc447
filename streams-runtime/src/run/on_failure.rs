//! What happens when a thread has failed: the question, and the answers there are.
//!
//! | answer | the other threads | the other instances |
//! |---|---|---|
//! | [`ReplaceThread`](OnFailure::ReplaceThread) | go on | go on |
//! | [`ShutdownClient`](OnFailure::ShutdownClient) | commit and end | take over its tasks |
//! | [`ShutdownApplication`](OnFailure::ShutdownApplication) | commit and end | commit and end |
//!
//! Knows failures and when a thread is replaced. Does not know how any of it is done.

use crate::transport::TransportError;
use crate::worker::WorkerError;
use std::fmt;
use std::time::Duration;

/// What to do about a thread that failed: `StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse` of Kafka Streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// Another thread takes its place and its tasks, and reads on from what is committed: for what passes. What comes back
    /// with each attempt (a record that no step can process) fails again: such a thread is replaced after 1 s, 2 s, 4 s and
    /// so on up to 30 s, until one has lasted for a minute.
    ReplaceThread,
    /// This instance ends, and others take over.
    #[default]
    ShutdownClient,
    /// Every instance of the application ends. They hear of it within some seconds, by a member that joins the group for
    /// that. The one that calls ends last: with stores on disks up to 30 s later, while the group remembers static members that
    /// have ended. One that is started meanwhile ends as well.
    ShutdownApplication,
}

/// A thread that failed.
#[derive(Debug)]
pub struct ThreadFailure {
    /// `<application>-<process>-<number>`, as its clients are called.
    pub thread: String,
    /// What happened.
    pub cause: FailureCause,
}

/// Why a thread ended.
#[derive(Debug, thiserror::Error)]
pub enum FailureCause {
    /// A task or the log failed. What does not depend on it was committed.
    #[error(transparent)]
    Failed(#[from] WorkerError),
    /// It panicked outside of any step: what it had not committed is processed again. (A step that panics fails its record,
    /// which has a name.)
    #[error("panicked: {0}")]
    Panicked(String),
}

impl FailureCause {
    /// True if a new thread would only fail in the same way, or throw out who has its name: nobody is asked.
    pub(super) fn is_final(&self) -> bool {
        use FailureCause::Failed;
        use TransportError::Replaced;
        matches!(
            self,
            Failed(
                WorkerError::Strangers { .. } | WorkerError::Grown(_) | WorkerError::Transport(Replaced(_))
            )
        )
    }
}

impl fmt::Display for ThreadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread `{}`: {}", self.thread, self.cause)
    }
}

impl std::error::Error for ThreadFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl From<ThreadFailure> for crate::Error {
    fn from(failure: ThreadFailure) -> Self {
        match failure.cause {
            FailureCause::Failed(error) => error.into(),
            FailureCause::Panicked(_) => crate::Error::Thread(failure),
        }
    }
}

/// Who decides; see [`Builder::on_failure`](crate::Builder::on_failure).
pub(crate) type Policy = Box<dyn FnMut(&ThreadFailure) -> OnFailure + Send>;

/// After how long a thread is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff(u32);

/// Who lasted for so long did not fail at once.
const LASTED: Duration = Duration::from_secs(60);

const LONGEST: Duration = Duration::from_secs(30);

impl Backoff {
    /// A thread failed after it had lived for `lived`. Returns how long the next one is waited with: not at all the first
    /// time.
    pub(super) fn failed(&mut self, lived: Duration) -> Duration {
        if lived >= LASTED {
            self.0 = 0;
        }
        let before = self.0;
        self.0 += 1;
        match before {
            0 => Duration::ZERO,
            n => LONGEST.min(Duration::from_secs(1 << (n - 1).min(5))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_fails_again_and_again_is_waited_with() {
        let mut backoff = Backoff::default();
        let short = Duration::from_secs(2);
        let waited = [short; 8].map(|lived| backoff.failed(lived).as_secs());
        assert_eq!(waited, [0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.failed(LASTED), Duration::ZERO);
        assert_eq!(backoff.failed(short).as_secs(), 1);
    }
}
