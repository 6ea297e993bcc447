//! What happens when a step's function returns `Err`.
//!
//! Knows the policy of one step; what a record did before its error is not taken back here.

use crate::context::Context;
use crate::counters::{DropCounter, Reason};
use crate::failure::{Failure, UserError, What};
use crate::policy::Policy;
use crate::stream::Step;
use crate::wiring::Wiring;
use std::rc::Rc;

/// The `error` policy of one step.
pub struct ErrorPolicy {
    step: &'static str,
    skipped: Option<Rc<DropCounter>>,
}

impl ErrorPolicy {
    /// As step `S` declared it.
    pub fn of<S: Step>(wiring: &mut Wiring) -> Self {
        let skipped = match S::POLICY.error {
            Policy::Fail => None,
            Policy::Skip => Some(wiring.drops(S::ID.name, Reason::Error)),
        };
        ErrorPolicy { step: S::ID.name, skipped }
    }

    /// Decides one error. What the record has caused before it stays (as in Kafka Streams).
    #[cold]
    pub fn decide(&self, cause: UserError, cx: &Context<'_>) -> Result<(), Failure> {
        match &self.skipped {
            Some(counter) => {
                tracing::warn!(step = self.step, record = %cx.source, %cause, "record skipped");
                counter.add_because(Some(cause));
                Ok(())
            }
            None => Err(Failure::new(What::Step(self.step), Some(cause)).on(&cx.source)),
        }
    }
}
