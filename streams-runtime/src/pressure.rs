//! What a worker does as its memory fills up.
//!
//! ```text
//! rows of its tasks     over 1/2    clean ones go; at the next commit all that is committed goes to the engines
//!                       over 3/4    the round ends, and a commit is asked for between two records
//! waiting records       over all    no more are taken from the log until those that can be processed are, and an
//!                                   input that is far ahead of another one of its task is not fetched for a while
//! ```
//!
//! A commit is asked for under at least once too: rows that went to their changelogs without the offsets would be
//! counted twice after a crash, all of them, and an offset costs nothing beside them.
//!
//! An input is never paused, but unassigned: a pause throws away what was fetched for the partition just the same, and
//! what is assigned is told to the log in one place. Half of what it had is left when it is fetched again, so that the
//! task need not wait for it.
//!
//! Everything here follows from what came in and is the same every time. It knows sizes; it does not know what is in a
//! row, nor how memory is shared out (`memory`).

use crate::memory::Share;
use crate::task::{Due, WHOLE, Waiting};
use crate::transport::{Consumer, TopicPartition};
use crate::worker::{BATCH, Connect, Worker, WorkerError};

/// How full a worker is.
#[derive(Debug)]
pub(crate) struct Pressure {
    share: Share,
    /// What the rows of all its tasks take, as far as they were weighed.
    rows: usize,
    /// At which weight clean rows are given up next.
    shed_at: usize,
    /// True if nothing may be processed before a commit.
    pub(crate) full: bool,
    /// True if the last round left records that can be processed.
    pub(crate) behind: bool,
}

impl Pressure {
    pub(crate) fn within(share: Share) -> Self {
        Pressure { share, rows: 0, shed_at: share.rows / 2, full: false, behind: false }
    }

    /// There is more or less of it now. What is too much goes when it is weighed next.
    pub(crate) fn share_anew(&mut self, share: Share) {
        (self.share, self.shed_at) = (share, share.rows / 2);
    }

    fn is_bounded(&self) -> bool {
        self.share.rows != usize::MAX
    }

    /// True if what is committed should go to the engines whether it is due or not.
    fn is_half_full(&self) -> bool {
        self.rows > self.share.rows / 2
    }
}

impl<C: Connect> Worker<C> {
    /// About how much memory the rows of its tasks take beside their engines, in bytes.
    pub fn rows_bytes(&mut self) -> usize {
        self.weigh_all();
        self.pressure.rows
    }

    /// About how much memory the records take that were fetched and wait to be processed.
    pub fn waiting_bytes(&self) -> usize {
        self.tasks.iter().map(|task| task.waiting().bytes).sum()
    }

    /// A task has processed something: whether its rows are too many. Returns how much they have become more, in parts
    /// of what they may between two looks.
    #[inline(always)]
    pub(crate) fn weigh(&mut self, at: usize) -> usize {
        match self.pressure.is_bounded() && self.tasks[at].remembers() {
            true => self.weigh_task(at),
            false => 0,
        }
    }

    #[inline(never)]
    fn weigh_task(&mut self, at: usize) -> usize {
        let task = &mut self.tasks[at];
        let before = task.weight();
        let after = task.weigh();
        self.pressure.rows = (self.pressure.rows + after).saturating_sub(before);
        if self.pressure.rows > self.pressure.shed_at {
            self.shed();
        }
        if self.pressure.rows > self.pressure.share.rows / 4 * 3 {
            tracing::debug!(rows_bytes = self.pressure.rows, "commits early: its rows take three quarters");
            self.pressure.full = true;
            self.commit_now = true;
        }
        let may = (self.pressure.share.rows / 32).max(1);
        after.saturating_sub(before).saturating_mul(WHOLE) / may
    }

    fn weigh_all(&mut self) {
        self.pressure.rows = self.tasks.iter_mut().map(|task| task.weigh()).sum();
    }

    /// Gives up clean rows, until three eighths are left.
    #[cold]
    fn shed(&mut self) {
        let (all, rows) = (self.pressure.share.rows, self.pressure.rows);
        self.tasks.iter_mut().for_each(|task| task.shed(all / 8 * 3, rows));
        self.weigh_all();
        // What is left may all be changed: it is not looked through again for each record.
        self.pressure.shed_at = (all / 2).max(self.pressure.rows + all / 16);
    }

    /// When what is committed goes to the engines, if it is at `due` otherwise.
    pub(crate) fn due(&self, due: Due) -> Due {
        if self.pressure.is_bounded() && self.pressure.is_half_full() { Due::NOW } else { due }
    }

    /// After a commit, and after what was due went to the engines: what is left is clean.
    pub(crate) fn relieve(&mut self) {
        if !self.pressure.is_bounded() {
            return;
        }
        self.weigh_all();
        self.pressure.full = false;
        self.pressure.shed_at = self.pressure.share.rows / 2;
        if self.pressure.is_half_full() {
            self.shed();
        }
    }

    /// How many records may be taken from the log now.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        if self.pressure.behind || self.paused { self.room_left() } else { BATCH }
    }

    #[cold]
    fn room_left(&self) -> usize {
        let (mut left, mut all) = (Waiting::default(), 0);
        for task in &self.tasks {
            let waiting = task.waiting();
            all += waiting.bytes;
            if !task.lacks_an_input() {
                left.records += waiting.records;
                left.bytes += waiting.bytes;
            }
        }
        // Who lacks an input must get it: that others wait for theirs is no reason to stop.
        if left.bytes > 0 && all > self.pressure.share.records {
            0
        } else {
            BATCH.saturating_sub(left.records)
        }
    }

    /// Holds the inputs that are far ahead of others while there is too much, and fetches again for those that are not
    /// any more.
    pub(crate) fn balance(&mut self) -> Result<(), WorkerError> {
        if self.pressure.share.records == usize::MAX || self.tasks.iter().all(|task| task.inputs() < 2) {
            return Ok(());
        }
        let inputs: usize = self.tasks.iter().map(|task| task.inputs()).sum();
        let (all, part) = (self.pressure.share.records, self.pressure.share.records / inputs.max(1));
        let waiting = self.waiting_bytes();
        for at in 0..self.tasks.len() {
            if self.tasks[at].is_held() {
                for input in 0..self.tasks[at].inputs() {
                    if let Some((place, position)) = self.tasks[at].release(input, part / 4) {
                        let TopicPartition { topic, partition } = &place;
                        tracing::debug!(topic, partition, position, "fetched again");
                        self.consumer.assign(&place, position)?;
                    }
                }
            }
            if waiting <= all || !self.tasks[at].lacks_an_input() {
                continue;
            }
            for input in 0..self.tasks[at].inputs() {
                if let Some(place) = self.tasks[at].hold(input, part / 2) {
                    let TopicPartition { topic, partition } = &place;
                    tracing::debug!(topic, partition, "far ahead of another input: not fetched for a while");
                    self.consumer.unassign(&place);
                }
            }
        }
        Ok(())
    }
}
