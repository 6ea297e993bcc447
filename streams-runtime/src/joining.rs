//! From partitions that the group gave to a member that has nothing, to tasks that may be opened: who else is there?
//!
//! ```text
//! nothing ──given partitions──→ joining ──everybody has the same map──→ opening (`open`)
//!                                  ↑ │
//!                                  └─┴── no answer, or strangers who will give way ──→ given up: the worker ends
//! ```
//!
//! Nothing is held yet, so no transaction is open that would have to wait for the answer.
//!
//! Knows the worker and its group. Does not know how maps are compared (`members`), nor how a task is opened.

use crate::members::{give_way, strangers};
use crate::open::led_by;
use crate::task::TaskId;
use crate::topology::Plan;
use crate::transport::{Consumer, TopicPartition};
use crate::worker::{Connect, Worker, WorkerError};

/// How often is asked again.
const RETRY_MS: i64 = 200;

/// How long is waited for strangers who will give way if they are new. They are not if they are there longer.
const PATIENCE_MS: i64 = 10_000;

/// What was given and is not opened before the group was asked.
#[derive(Debug, Default)]
pub(crate) struct Joining {
    partitions: Vec<TopicPartition>,
    /// The wall clock when strangers were seen first.
    since_ms: Option<i64>,
    /// The wall clock before which it is not asked again.
    not_before_ms: Option<i64>,
}

impl Joining {
    pub(crate) fn is_done(&self) -> bool {
        self.partitions.is_empty()
    }

    /// The tasks that wait for an answer.
    pub(crate) fn tasks<'j>(&'j self, plan: &'j Plan) -> impl Iterator<Item = TaskId> + 'j {
        self.partitions.iter().flat_map(|leader| led_by(plan, leader))
    }

    /// These were taken away again.
    pub(crate) fn forget(&mut self, partitions: &[TopicPartition]) {
        self.partitions.retain(|place| !partitions.contains(place));
        if self.is_done() {
            *self = Joining::default();
        }
    }
}

impl<C: Connect> Worker<C> {
    /// The group gave these.
    pub(crate) fn given(&mut self, partitions: &[TopicPartition]) -> Result<(), WorkerError> {
        // Whoever has something was in the group when it asked, and has been since: who came later found it there.
        if !self.tasks.is_empty() || !self.opening.is_empty() || !self.aside.is_empty() {
            return self.open(partitions);
        }
        // Asked from now on: who was there before may not be everybody.
        self.consumer.forget(partitions);
        self.joining.partitions.extend_from_slice(partitions);
        Ok(())
    }

    /// Asks who else is in the group, and begins to open what was given if nobody reads other topics together.
    ///
    /// # Errors
    /// If this one has to give way.
    pub(crate) fn agree(&mut self) -> Result<(), WorkerError> {
        let now_ms = self.connect.now_ms();
        if self.joining.not_before_ms.is_some_and(|not_before_ms| now_ms < not_before_ms) {
            return Ok(());
        }
        let members = match self.consumer.members() {
            // Not yet: brokers are asked, and the answer wakes whoever rests.
            Err(error) if error.timed_out().is_some() => return Ok(()),
            members => members,
        };
        self.joining.not_before_ms = Some(now_ms.saturating_add(RETRY_MS));
        let members = members?;
        let leaders = self.plan.leaders_hash();
        let strangers = strangers(members, leaders, |name| self.connect.is_own(name));
        if strangers.is_empty() {
            let joined = std::mem::take(&mut self.joining);
            return self.open(&joined.partitions);
        }
        let since_ms = *self.joining.since_ms.get_or_insert(now_ms);
        if give_way(&strangers, leaders) && now_ms.saturating_sub(since_ms) < PATIENCE_MS {
            tracing::warn!(stranger = %strangers[0], "reads other topics together: waits for it to give way");
            return Ok(());
        }
        self.joining = Joining::default();
        Err(WorkerError::Strangers { application: self.plan.application.clone(), strangers })
    }
}
