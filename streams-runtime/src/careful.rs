//! Going carefully: finding the one record that the log or a format refuses, and leaving it out if its policy says so.
//!
//! A refusal comes back long after the record that caused it was processed, when nobody can say any more which one
//! that was. So the transaction is taken back and the task is processed again, one record at a time, each taken to the
//! log and waited for alone, until the one that is refused has a name.
//!
//! ```text
//! refused, by whom is unknown ──→ careful ──→ refused again, by record r ──┬─ fail: the task stops in front of r
//!                                    ↑                                     └─ skip: what r wrote there is noted
//!                                    └── taken back once more, and r goes without it; committed at once
//! ```
//!
//! What was left out is committed at once, so each refused record costs its neighbours one more attempt and never two.
//!
//! It knows tasks and refusals. It does not know why a log refuses, nor when a commit is due.

use crate::commit::{Sender, Trouble};
use crate::failure::{Failure, What};
use crate::transport::TransportError;
use crate::worker::{Connect, Worker};

impl<C: Connect> Worker<C> {
    /// As `process`, but each record is taken to the log alone.
    pub(crate) fn process_carefully(&mut self, at: usize, max: usize) -> Result<usize, Trouble> {
        let mut processed = 0;
        while processed < max {
            let records = self.tasks[at].process(1).map_err(|failure| Trouble::Record(at, failure))?.records;
            if records == 0 {
                break;
            }
            processed += records;
            let left_out = self.tasks[at].is_left_out();
            self.may_write_rows()?;
            let sent = self.hand_over(at).and_then(|()| self.encode(at));
            match sent.and_then(|()| Ok(self.flush()?)) {
                // Another task's records are flushed with it; those are not what is looked for.
                Err(Trouble::Log(TransportError::Refused { topic, origin, reason }))
                    if Sender::unpack(origin).task() == at =>
                {
                    return Err(self.refused(Sender::unpack(origin), topic, reason));
                }
                sent => sent?,
            }
            if left_out {
                self.commit_now = true;
                break;
            }
        }
        Ok(processed)
    }

    /// The record that the task processed last wrote something that the log refuses.
    #[cold]
    fn refused(&mut self, sender: Sender, topic: String, reason: String) -> Trouble {
        let at = sender.task();
        let Sender::Output { nth, .. } = sender else {
            let failure = self.refused_by(sender, topic, reason, false);
            return Trouble::Record(at, self.tasks[at].failed_late(failure));
        };
        let counter = self.tasks[at].outbox().borrow().skips(&topic);
        let failure = self.refused_by(sender, topic, reason, true);
        let failure = self.tasks[at].late(failure);
        match counter {
            Some(counter) => {
                tracing::warn!(failure = %failure.happened(), "record skipped");
                self.tasks[at].leave_out(nth, counter, failure);
                Trouble::SomeRecord(at)
            }
            None => Trouble::Record(at, self.tasks[at].failed_late(failure)),
        }
    }

    fn refused_by(&self, sender: Sender, topic: String, reason: String, output: bool) -> Failure {
        let task = &self.tasks[sender.task()];
        let store = match sender {
            Sender::Store { store, .. } => task.wired().remembering.get(store).and_then(|r| r.store),
            Sender::Output { .. } => None,
        };
        let mut declared = false;
        let by = match store {
            Some(store) => format!("store `{}`", store.name),
            None => {
                let steps = self.plan.subs[task.id().sub].steps.iter().filter_map(|&step| {
                    let spec = &self.topology.entries()[step].spec;
                    let names = &self.plan.names;
                    let internal = spec.repartition.map(|repartition| names.internal(repartition.name));
                    let to = spec.to.is_some_and(|to| names.external(to.name) == topic);
                    declared |= to && output;
                    (to || internal.as_ref() == Some(&topic)).then(|| format!("`{}`", spec.id.name))
                });
                format!("step {}", steps.collect::<Vec<_>>().join(" or "))
            }
        };
        Failure::new(What::Refused { topic, declared }, Some(format!("{reason} (written by {by})").into()))
    }
}
