//! The threads of an instance: how many there are, what each is doing, and what follows when one has ended.
//!
//! ```text
//! start, add ──→ thread ──ended, as it was asked to──→ gone
//!                  ↑  └──failed──→ asked what to do ──→ everything ends (this instance, or all)
//!                  └──────────────────┘ replaced, at once or after a while
//! ```
//!
//! One loop owns all of it and works off one message after the other, so nothing here is locked; what others may look at
//! is written to [`Seen`].
//!
//! Knows threads as functions that run until they are told to stop. Does not know what they do.

#[cfg(test)]
mod tests;

use super::line::{Common, Line, Message, Reply};
use super::on_failure::{Backoff, FailureCause, OnFailure, Policy, ThreadFailure};
use super::state::{Board, Listener, State, ThreadState, of_threads};
use crate::app::Error;
use crate::failure::panic_text;
use crate::task::TaskId;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a thread is, as far as others may know (`ThreadMetadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadInfo {
    /// `<application>-<process>-<number>`.
    pub name: String,
    /// What it is doing.
    pub state: ThreadState,
    /// The tasks that are open here, as `<sub-topology>_<partition>`.
    pub tasks: Vec<TaskId>,
}

/// What others look at while the threads run.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) state: State,
    pub(super) threads: Vec<ThreadInfo>,
    /// How it ended, until somebody asks.
    pub(super) outcome: Option<Error>,
}

/// How threads are made, and what is done on their behalf.
pub(super) struct Surroundings {
    /// What a thread is called.
    pub(super) name: Box<dyn Fn(usize) -> String + Send>,
    /// What a thread does.
    pub(super) body: Arc<dyn Fn(&Line) -> Result<(), FailureCause> + Send + Sync>,
    /// What is to be done about one that failed.
    pub(super) policy: Policy,
    /// Calls on all other instances to end, for this reason; returns when they have, or after a while.
    pub(super) call: Box<dyn FnOnce(String) + Send>,
    /// Returns once nobody else looks after the directory any more.
    pub(super) quiet: Box<dyn FnOnce() + Send>,
    /// True if threads leave the group for good whenever they end.
    pub(super) leave: bool,
}

/// One thread.
struct Thread {
    number: usize,
    line: Arc<Line>,
    state: ThreadState,
    tasks: Vec<TaskId>,
    began: Instant,
    handle: JoinHandle<()>,
    /// Whoever waits for its end.
    removed: Option<Reply<Option<String>>>,
}

/// The threads of an instance.
pub(super) struct Threads {
    around: Surroundings,
    common: Arc<Common>,
    tell: Sender<Message>,
    inbox: Receiver<Message>,
    seen: Arc<Mutex<Seen>>,
    board: Board,
    serial: u64,
    threads: Vec<Thread>,
    /// By number: when the thread that failed is replaced.
    due: BTreeMap<usize, Instant>,
    backoffs: BTreeMap<usize, Backoff>,
    /// The first failure that ends it.
    failed: Option<Error>,
    calling: Option<JoinHandle<()>>,
}

impl Threads {
    pub(super) fn new(
        around: Surroundings,
        common: Arc<Common>,
        (tell, inbox): (Sender<Message>, Receiver<Message>),
        seen: Arc<Mutex<Seen>>,
        listeners: Vec<Listener>,
    ) -> Threads {
        let mut board = Board::new();
        let shown = seen.clone();
        // Before those are told who may look.
        board.listen(
            Box::new(move |change| {
                lock(&shown).state = change.to;
                true
            }),
            State::Created,
        );
        listeners.into_iter().for_each(|listener| board.listen(listener, State::Created));
        Threads {
            around,
            common,
            tell,
            inbox,
            seen,
            board,
            serial: 0,
            threads: Vec::new(),
            due: BTreeMap::new(),
            backoffs: BTreeMap::new(),
            failed: None,
            calling: None,
        }
    }

    /// Starts so many threads, says so, and returns when all of them have ended. Nobody is left to stop them if `started` says
    /// false: then they are not started.
    pub(super) fn run(mut self, threads: usize, started: impl FnOnce() -> bool) {
        self.board.enter(State::Rebalancing);
        // Whoever asked it to stop while it got ready; everything else is for threads that are there.
        let waiting: Vec<Message> = self.inbox.try_iter().collect();
        let is_stopped = waiting.iter().any(|message| matches!(message, Message::Stop { .. }));
        // Known before the first one asks for its share.
        self.common.count(threads);
        for _ in 0..if is_stopped { 0 } else { threads } {
            if let Err(error) = self.add() {
                self.fail(error);
                break;
            }
        }
        self.weigh_up();
        if !started() {
            self.hear(Message::Stop { leave: false });
        }
        waiting.into_iter().for_each(|message| self.hear(message));
        while !(self.board.state().is_ending() && self.threads.is_empty()) {
            let next = self.due.values().min().map(|due| due.saturating_duration_since(Instant::now()));
            match next.map_or_else(|| self.inbox.recv().map_err(Into::into), |ms| self.inbox.recv_timeout(ms))
            {
                Ok(message) => self.hear(message),
                Err(RecvTimeoutError::Timeout) => self.replace(),
                // Never: `tell` is here.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(calling) = self.calling.take() {
            let _ = calling.join();
        }
        let end = match self.board.state() {
            State::PendingError => State::Error,
            _ => State::NotRunning,
        };
        let Threads { around, seen, mut board, failed, .. } = self;
        // What the threads worked with: whoever hears of the end may start again on the same directory.
        let Surroundings { body, name, call, quiet, .. } = around;
        drop((body, name, call));
        quiet();
        // Before those are told who ask for it.
        lock(&seen).outcome = failed;
        board.enter(end);
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Standing { serial, state, tasks } => {
                if let Some(thread) = self.threads.iter_mut().find(|thread| thread.line.serial == serial) {
                    (thread.state, thread.tasks) = (state, tasks);
                    self.weigh_up();
                }
            }
            Message::Ended { serial, cause } => self.ended(serial, cause),
            Message::Add(reply) => {
                let added = match self.board.state().is_ending() {
                    true => Err(Error::Stopping),
                    false => self.add(),
                };
                self.weigh_up();
                reply(added);
            }
            Message::Remove(reply) => self.remove(reply),
            Message::Stop { leave } => {
                self.board.enter(State::PendingShutdown);
                self.stop(leave);
            }
            Message::Fail(error) => self.fail(error),
            Message::Listen { listener, since } => self.board.listen(listener, since),
        }
    }

    /// One thread more, under the lowest number that is free. Returns its name.
    fn add(&mut self) -> Result<String, Error> {
        let taken =
            |n: &usize| self.due.contains_key(n) || self.threads.iter().any(|thread| thread.number == *n);
        let number = (0..).find(|n| !taken(n)).unwrap_or_default();
        self.spawn(number)
    }

    fn spawn(&mut self, number: usize) -> Result<String, Error> {
        self.serial += 1;
        let name = (self.around.name)(number);
        let line = Line::new(number, self.serial, &self.common, self.around.leave, self.tell.clone());
        let (line, body) = (Arc::new(line), self.around.body.clone());
        let (its, began) = (line.clone(), Instant::now());
        let main = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| body(&its)));
            its.ended(match ended {
                Ok(ended) => ended.err(),
                Err(panic) => Some(FailureCause::Panicked(panic_text(&*panic))),
            });
        };
        let handle = std::thread::Builder::new().name(name.clone()).spawn(main);
        let handle = handle.map_err(|cause| Error::Io { what: format!("thread `{name}`"), cause })?;
        let (state, tasks) = (ThreadState::Starting, Vec::new());
        self.threads.push(Thread { number, line, state, tasks, began, handle, removed: None });
        Ok(name)
    }

    /// One thread less: the youngest number that is not on its way out already.
    fn remove(&mut self, reply: Reply<Option<String>>) {
        // One that waits for its replacement is none yet.
        let waiting = self.due.keys().next_back().copied();
        let stays = self.threads.iter_mut().filter(|thread| !thread.line.is_stopped());
        match stays.max_by_key(|thread| thread.number) {
            _ if self.board.state().is_ending() => reply(None),
            Some(thread) if waiting.is_none_or(|number| thread.number > number) => {
                // Its tasks are others' from now on.
                thread.line.stop(true);
                thread.removed = Some(reply);
            }
            _ => {
                if let Some(number) = waiting {
                    self.due.remove(&number);
                    self.backoffs.remove(&number);
                    self.weigh_up();
                }
                reply(waiting.map(|number| (self.around.name)(number)));
            }
        }
    }

    fn ended(&mut self, serial: u64, cause: Option<FailureCause>) {
        let Some(at) = self.threads.iter().position(|thread| thread.line.serial == serial) else { return };
        let thread = self.threads.remove(at);
        // It sent its last word, and is as good as gone.
        let _ = thread.handle.join();
        let name = (self.around.name)(thread.number);
        if let Some(cause) = cause {
            let failure = ThreadFailure { thread: name.clone(), cause };
            // Who was asked to end, does.
            match thread.line.is_stopped() {
                true if thread.removed.is_some() => {
                    tracing::error!(%failure, "a thread that was to be removed failed; what it had not committed is processed again");
                }
                true => self.failed_at_the_end(failure),
                false => self.failed(thread.number, thread.began.elapsed(), failure),
            }
        }
        self.weigh_up();
        if let Some(removed) = thread.removed {
            self.backoffs.remove(&thread.number);
            removed(Some(name));
        }
    }

    /// A thread failed by itself.
    fn failed(&mut self, number: usize, lived: Duration, failure: ThreadFailure) {
        if self.board.state().is_ending() {
            return self.failed_at_the_end(failure);
        }
        let answer = match failure.cause.is_final() {
            true => OnFailure::ShutdownClient,
            // Whoever cannot decide has not asked for anything but an end.
            false => catch_unwind(AssertUnwindSafe(|| (self.around.policy)(&failure))).unwrap_or_default(),
        };
        if answer == OnFailure::ReplaceThread {
            let wait = self.backoffs.entry(number).or_default().failed(lived);
            tracing::error!(%failure, after_s = wait.as_secs(), "a thread failed, and is replaced");
            self.due.insert(number, Instant::now() + wait);
            return self.replace();
        }
        tracing::error!(%failure, "a thread failed: {}", match answer {
            OnFailure::ShutdownApplication => "all instances end",
            _ => "this instance ends",
        });
        if answer == OnFailure::ShutdownApplication {
            let call = std::mem::replace(&mut self.around.call, Box::new(|_| {}));
            let reason = failure.to_string();
            let calling = std::thread::Builder::new().name("shutdown".to_owned()).spawn(move || call(reason));
            match calling {
                Ok(calling) => self.calling = Some(calling),
                Err(error) => tracing::error!(%error, "other instances are not called on to end"),
            }
        }
        self.fail(failure.into());
    }

    fn failed_at_the_end(&mut self, failure: ThreadFailure) {
        tracing::error!(%failure, "a thread failed while it ended");
        self.failed.get_or_insert(failure.into());
    }

    /// Everything ends, because of this. If it ends already, that is no reason any more.
    fn fail(&mut self, error: Error) {
        if self.board.state().is_ending() {
            tracing::error!(%error, "on the way to the end");
            return;
        }
        self.failed.get_or_insert(error);
        self.board.enter(State::PendingError);
        self.stop(false);
    }

    fn stop(&mut self, leave: bool) {
        self.due.clear();
        self.threads.iter().for_each(|thread| thread.line.stop(leave));
    }

    /// Starts the threads whose time has come.
    fn replace(&mut self) {
        let now = Instant::now();
        for number in
            self.due.extract_if(.., |_, due| *due <= now).map(|(number, _)| number).collect::<Vec<_>>()
        {
            if let Err(error) = self.spawn(number) {
                return self.fail(error);
            }
        }
        self.weigh_up();
    }

    /// What the threads make of the instance. Whoever hears of it may look at them.
    fn weigh_up(&mut self) {
        self.show();
        self.common.count(self.threads.len() + self.due.len());
        let waiting = self.due.keys().map(|_| ThreadState::Starting);
        let state = of_threads(self.threads.iter().map(|thread| thread.state).chain(waiting));
        // Says it only where nothing else was said meanwhile.
        if self.board.state() != state && !self.board.state().is_ending() {
            self.board.enter(state);
        }
    }

    /// What others see of the threads.
    fn show(&mut self) {
        let name = &self.around.name;
        let info = |thread: &Thread| ThreadInfo {
            name: name(thread.number),
            state: thread.state,
            tasks: thread.tasks.clone(),
        };
        self.threads.sort_by_key(|thread| thread.number);
        lock(&self.seen).threads = self.threads.iter().map(info).collect();
    }
}

/// Each change is made in one go, so a panic elsewhere leaves it whole.
pub(super) fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
