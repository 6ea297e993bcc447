//! Who is processed, and for how long.
//!
//! Each task has its turn, up to a batch of records. Between records nobody looks at a clock or at the memory, so a turn
//! goes in slices: few records at first and where they take much of either, more where they do not. After each slice its results are handed over,
//! its rows are weighed, and once the turns have taken long enough the others have theirs in the next round: a commit
//! that is due, and the group, do not wait for a step that takes a second for each record.
//!
//! It knows tasks and the clock. It does not know what a step does, nor when a commit is due.

use crate::commit::Trouble;
use crate::task::{Processed, WHOLE};
use crate::worker::{BATCH, Connect, Worker, WorkerError};

/// A round of turns ends when it has taken so long, in ms.
const ROUND_MS: i64 = 50;

/// What a slice should take, in ms.
const SLOW_MS: usize = 20;

/// So few records are processed without a look at the clock.
const FEW: usize = 8;

/// The clock of a round.
struct Round {
    began_ms: i64,
    /// When it was last looked at.
    at_ms: i64,
}

impl<C: Connect> Worker<C> {
    /// Processes up to `max` of the records that are buffered, `fetched` of which came just now, and hands the results
    /// to the producer.
    pub(crate) fn process(&mut self, max: usize, fetched: usize) -> Result<usize, WorkerError> {
        let (mut processed, tasks) = (0, self.tasks.len());
        let mut round = (fetched > FEW || self.pressure.behind).then(|| {
            let now_ms = self.connect.now_ms();
            Round { began_ms: now_ms, at_ms: now_ms }
        });
        self.pressure.behind = false;
        // Some may have gone since.
        let mut next = if self.turn < tasks { self.turn } else { 0 };
        for _ in 0..tasks {
            let at = next;
            next = if at + 1 < tasks { at + 1 } else { 0 };
            if processed >= max {
                self.turn = at;
                self.pressure.behind = true;
                return Ok(processed);
            }
            match self.turn_of(at, BATCH.min(max - processed), &mut round) {
                Ok(records) => processed += records,
                Err(trouble) => {
                    self.mend(trouble)?;
                    return Ok(processed);
                }
            }
            if self.tasks[at].is_set_aside() && self.tasks[at].is_done() {
                self.stop_reading(at);
            }
            let late = round.as_ref().is_some_and(|round| round.at_ms - round.began_ms >= ROUND_MS);
            if late || self.pressure.full {
                self.turn = next;
                self.pressure.behind = true;
                return Ok(processed);
            }
        }
        // All had their turn: the same order again, so that equal input makes equal output.
        self.turn = 0;
        Ok(processed)
    }

    /// The turn of one task. Returns how many records it processed.
    fn turn_of(&mut self, at: usize, max: usize, round: &mut Option<Round>) -> Result<usize, Trouble> {
        let mut processed = 0;
        while processed < max {
            let slice = self.tasks[at].pace().min(max - processed);
            let Processed { records, is_full } = self.slice(at, slice)?;
            processed += records;
            if records > 0 {
                let grown = self.weigh(at);
                if let Some(round) = round {
                    let now_ms = self.connect.now_ms();
                    let ms = usize::try_from(now_ms - round.at_ms).unwrap_or(0);
                    self.tasks[at].took(records, grown.max(ms.saturating_mul(WHOLE) / SLOW_MS));
                    round.at_ms = now_ms;
                    if now_ms - round.began_ms >= ROUND_MS {
                        return Ok(processed);
                    }
                }
            }
            if self.pressure.full || records < slice && !is_full {
                return Ok(processed);
            }
        }
        self.pressure.behind = true;
        Ok(processed)
    }

    /// Processes up to `max` records and hands over what they wrote.
    #[inline]
    fn slice(&mut self, at: usize, max: usize) -> Result<Processed, Trouble> {
        let task = &mut self.tasks[at];
        if task.is_careful() {
            let records = self.process_carefully(at, max)?;
            return Ok(Processed { records, is_full: false });
        }
        let processed = match task.process(max) {
            Ok(processed) => processed,
            Err(failure) => return Err(Trouble::Record(at, failure)),
        };
        if task.has_written() {
            self.send_outbox(at)?;
        }
        Ok(processed)
    }
}
