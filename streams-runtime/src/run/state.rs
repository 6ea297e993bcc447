//! What an instance is doing, as Kafka Streams calls it (`KafkaStreams.State`), and who hears of it.
//!
//! ```text
//!   Created ──→ Rebalancing ⇄ Running           from each of the two on the right:
//!      │         tasks move    every thread runs
//!      │ what is wrong                          ├─ asked to stop ──→ PendingShutdown ──→ NotRunning
//!      ↓ is told by `start`                     └─ a thread failed → PendingError ─────→ Error
//!    Error                                                            once every thread has ended
//! ```
//!
//! It is `Running` while every thread is: a thread runs if it is a member of the group and every task it was given is open.
//! A pause changes nothing of that.
//!
//! Knows which state may follow which. Does not know why one does.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What an instance of an application is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Settings, topics and rights are looked at.
    Created,
    /// Threads join the group, or tasks are being opened.
    Rebalancing,
    /// Every task that it was given is open.
    Running,
    /// It was asked to stop: what was processed is committed.
    PendingShutdown,
    /// It has stopped, because it was asked to.
    NotRunning,
    /// Something failed: what does not depend on it is committed.
    PendingError,
    /// It has stopped, because something failed.
    Error,
}

impl State {
    /// True while threads may still be running.
    pub fn is_alive(self) -> bool {
        !matches!(self, State::NotRunning | State::Error)
    }

    /// True once it is on its way to its end, or there.
    pub fn is_ending(self) -> bool {
        !matches!(self, State::Created | State::Rebalancing | State::Running)
    }

    /// True if the drawing has an arrow.
    fn may_become(self, to: State) -> bool {
        use State::*;
        match self {
            Created => matches!(to, Rebalancing | Error),
            Rebalancing => matches!(to, Running | PendingShutdown | PendingError),
            Running => matches!(to, Rebalancing | PendingShutdown | PendingError),
            PendingShutdown => to == NotRunning,
            PendingError => to == Error,
            NotRunning | Error => false,
        }
    }
}

impl fmt::Display for State {
    /// Kafka Streams' spelling: `PENDING_SHUTDOWN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Created => "CREATED",
            State::Rebalancing => "REBALANCING",
            State::Running => "RUNNING",
            State::PendingShutdown => "PENDING_SHUTDOWN",
            State::NotRunning => "NOT_RUNNING",
            State::PendingError => "PENDING_ERROR",
            State::Error => "ERROR",
        })
    }
}

/// One step in the life of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// What it was.
    pub from: State,
    /// What it is.
    pub to: State,
}

impl fmt::Display for StateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

/// What a thread is doing (`StreamThread.State`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThreadState {
    /// It makes its clients and joins the group.
    Starting,
    /// It was given partitions, and opens their tasks; those that are open run.
    PartitionsAssigned,
    /// It is a member, and everything it was given runs. That may be nothing.
    Running,
    /// It was asked to end, or failed: what can be committed is.
    PendingShutdown,
    /// It has ended.
    Dead,
}

impl fmt::Display for ThreadState {
    /// Kafka Streams' spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ThreadState::Starting => "STARTING",
            ThreadState::PartitionsAssigned => "PARTITIONS_ASSIGNED",
            ThreadState::Running => "RUNNING",
            ThreadState::PendingShutdown => "PENDING_SHUTDOWN",
            ThreadState::Dead => "DEAD",
        })
    }
}

/// What an instance's threads make it.
pub(super) fn of_threads(threads: impl IntoIterator<Item = ThreadState>) -> State {
    // One that ends counts no more, as in Kafka Streams: its tasks are the others' soon, who say so themselves.
    let mut alive =
        threads.into_iter().filter(|s| !matches!(s, ThreadState::PendingShutdown | ThreadState::Dead));
    match alive.all(|state| state == ThreadState::Running) {
        true => State::Running,
        false => State::Rebalancing,
    }
}

/// Hears of changes, in their order; false: no more.
pub(super) type Listener = Box<dyn FnMut(StateChange) -> bool + Send>;

/// The state of an instance, and who wants to know.
pub(super) struct Board {
    state: State,
    listeners: Vec<Listener>,
}

impl Board {
    pub(super) fn new() -> Self {
        Board { state: State::Created, listeners: Vec::new() }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// From now on this one hears of every change. What has changed since it saw `since`, it hears at once.
    pub(super) fn listen(&mut self, mut listener: Listener, since: State) {
        let missed = StateChange { from: since, to: self.state };
        if since == self.state || tell(&mut listener, missed) {
            self.listeners.push(listener);
        }
    }

    /// What it is now. Where no arrow leads there, it stays what it was: a thread that opens a task tells nothing of an
    /// instance that is stopping.
    pub(super) fn enter(&mut self, to: State) {
        if !self.state.may_become(to) {
            return;
        }
        let change = StateChange { from: std::mem::replace(&mut self.state, to), to };
        tracing::info!("state changed from {change}");
        self.listeners.retain_mut(|listener| tell(listener, change));
    }
}

/// A listener that panics hears of nothing more, and nobody else is held up by it.
fn tell(listener: &mut Listener, change: StateChange) -> bool {
    catch_unwind(AssertUnwindSafe(|| listener(change))).unwrap_or_else(|_| {
        tracing::error!(%change, "whoever listens to states panicked, and hears of no more of them");
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    const ALL: [State; 7] = [
        State::Created,
        State::Rebalancing,
        State::Running,
        State::PendingShutdown,
        State::NotRunning,
        State::PendingError,
        State::Error,
    ];

    #[test]
    fn states_follow_one_another_as_drawn() {
        let mut arrows = String::new();
        for from in ALL {
            let to: Vec<String> =
                ALL.into_iter().filter(|to| from.may_become(*to)).map(|to| to.to_string()).collect();
            arrows += &format!("{from}: {}\n", to.join(", "));
        }
        expect_test::expect![[r#"
            CREATED: REBALANCING, ERROR
            REBALANCING: RUNNING, PENDING_SHUTDOWN, PENDING_ERROR
            RUNNING: REBALANCING, PENDING_SHUTDOWN, PENDING_ERROR
            PENDING_SHUTDOWN: NOT_RUNNING
            NOT_RUNNING: 
            PENDING_ERROR: ERROR
            ERROR: 
        "#]]
        .assert_eq(&arrows);
    }

    #[test]
    fn whoever_listens_hears_of_every_change_and_of_no_other() {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut board = Board::new();
        let hears = heard.clone();
        board.listen(Box::new(|_| panic!("this one does not listen well")), State::Created);
        let hear = move |change: StateChange| {
            hears.lock().unwrap().push(change.to_string());
            change.to != State::PendingShutdown
        };
        board.listen(Box::new(hear), State::Created);
        use State::*;
        [Rebalancing, Rebalancing, Running, PendingShutdown, Rebalancing, PendingError, NotRunning, Running]
            .into_iter()
            .for_each(|state| board.enter(state));
        assert_eq!(board.state(), NotRunning);
        // It had said that it had heard enough.
        let heard = heard.lock().unwrap();
        assert_eq!(
            *heard,
            ["CREATED to REBALANCING", "REBALANCING to RUNNING", "RUNNING to PENDING_SHUTDOWN"]
        );
    }

    #[test]
    fn what_changed_before_it_was_heard_that_somebody_listens_is_told_at_once() {
        let mut board = Board::new();
        board.enter(State::Rebalancing);
        board.enter(State::Running);
        let (tell, told) = std::sync::mpsc::channel();
        board.listen(Box::new(move |change| tell.send(change.to_string()).is_ok()), State::Rebalancing);
        board.enter(State::PendingError);
        drop(board);
        assert_eq!(
            told.into_iter().collect::<Vec<_>>(),
            ["REBALANCING to RUNNING", "RUNNING to PENDING_ERROR"]
        );
    }

    #[test]
    fn it_runs_while_all_of_its_threads_do() {
        use ThreadState::*;
        assert_eq!(of_threads([Running, Running]), State::Running);
        assert_eq!(of_threads([Running, PartitionsAssigned]), State::Rebalancing);
        assert_eq!(of_threads([Running, Starting]), State::Rebalancing);
        assert_eq!(of_threads([Running, PendingShutdown, Dead]), State::Running);
        assert_eq!(of_threads([]), State::Running);
    }
}
