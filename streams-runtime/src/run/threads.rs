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

#[cfg(test)]
mod tests {
    use super::super::line::Reply;
    use super::*;
    use crate::worker::WorkerError;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    /// Threads that do what a test says, and what became of them.
    struct Crew {
        tell: Sender<Message>,
        seen: Arc<Mutex<Seen>>,
        common: Arc<Common>,
        states: Receiver<State>,
        main: JoinHandle<()>,
    }

    fn failure() -> FailureCause {
        WorkerError::Endless { rounds: 7 }.into()
    }

    /// Runs, and says so, until it is told to stop.
    fn obey(line: &Line) -> Result<(), FailureCause> {
        line.tell(ThreadState::Running, vec![TaskId { sub: 0, partition: line.number() as u32 }]);
        while !line.is_stopped() {
            std::thread::sleep(Duration::from_millis(1));
        }
        line.tell(ThreadState::PendingShutdown, Vec::new());
        Ok(())
    }

    impl Crew {
        fn start(
            threads: usize,
            body: impl Fn(&Line) -> Result<(), FailureCause> + Send + Sync + 'static,
            policy: impl FnMut(&ThreadFailure) -> OnFailure + Send + 'static,
            call: impl FnOnce(String) + Send + 'static,
        ) -> Crew {
            let ((tell, inbox), (state, states)) = (channel(), channel());
            let seen = Seen { state: State::Created, threads: Vec::new(), outcome: None };
            let (seen, common) = (Arc::new(Mutex::new(seen)), Arc::<Common>::default());
            let around = Surroundings {
                name: Box::new(|number| format!("app-{number}")),
                body: Arc::new(body),
                policy: Box::new(policy),
                call: Box::new(call),
                quiet: Box::new(|| {}),
                leave: false,
            };
            let hears: Listener = Box::new(move |change| state.send(change.to).is_ok());
            let crew = Threads::new(around, common.clone(), (tell.clone(), inbox), seen.clone(), vec![hears]);
            let main = std::thread::spawn(move || crew.run(threads, || true));
            Crew { tell, seen, common, states, main }
        }

        fn until(&self, wanted: State) {
            let mut met = Vec::new();
            while met.last() != Some(&wanted) {
                met.push(
                    self.states.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("{met:?}")),
                );
            }
        }

        fn ask<T: Send + 'static>(&self, question: impl FnOnce(Reply<T>) -> Message) -> T {
            let (reply, answer) = channel();
            self.tell.send(question(Box::new(move |said| drop(reply.send(said))))).unwrap();
            answer.recv_timeout(Duration::from_secs(10)).unwrap()
        }

        fn add(&self) -> Result<String, Error> {
            self.ask(Message::Add)
        }

        fn remove(&self) -> Option<String> {
            self.ask(Message::Remove)
        }

        fn names(&self) -> Vec<String> {
            lock(&self.seen).threads.iter().map(|thread| thread.name.clone()).collect()
        }

        /// The states that were not heard yet, and how it ended.
        fn end(self) -> (Vec<State>, Option<String>) {
            self.main.join().unwrap();
            let outcome = lock(&self.seen).outcome.take();
            (self.states.into_iter().collect(), outcome.map(|error| error.to_string()))
        }
    }

    #[test]
    fn it_runs_once_all_run_and_ends_once_all_have_ended() {
        let crew = Crew::start(2, obey, |_| unreachable!(), |_| unreachable!());
        crew.until(State::Running);
        assert_eq!((crew.names(), crew.common.threads()), (vec!["app-0".to_owned(), "app-1".to_owned()], 2));
        let tasks: Vec<_> =
            lock(&crew.seen).threads.iter().map(|thread| thread.tasks[0].to_string()).collect();
        assert_eq!(tasks, ["0_0", "0_1"]);
        crew.tell.send(Message::Stop { leave: false }).unwrap();
        assert_eq!(crew.end(), (vec![State::PendingShutdown, State::NotRunning], None));
    }

    #[test]
    fn threads_come_and_go_while_it_runs() {
        let crew = Crew::start(1, obey, |_| unreachable!(), |_| unreachable!());
        crew.until(State::Running);
        assert_eq!([crew.add().unwrap(), crew.add().unwrap()], ["app-1", "app-2"]);
        crew.until(State::Running);
        assert_eq!(crew.common.threads(), 3);
        assert_eq!(crew.remove().as_deref(), Some("app-2"));
        assert_eq!(crew.remove().as_deref(), Some("app-1"));
        assert_eq!(crew.remove().as_deref(), Some("app-0"));
        // Nobody is there, and it stays.
        assert_eq!((crew.remove(), crew.names()), (None, vec![]));
        assert_eq!(lock(&crew.seen).state, State::Running);
        assert_eq!(crew.add().unwrap(), "app-0");
        crew.tell.send(Message::Stop { leave: false }).unwrap();
        let stopping = crew.add().unwrap_err().to_string();
        assert_eq!(stopping, "the instance has ended, or is about to");
        assert_eq!(crew.end().1, None);
    }

    #[test]
    fn who_is_removed_leaves_for_good_and_who_is_stopped_need_not() {
        let (heard, hears) = channel();
        let heard = Mutex::new(heard);
        let body = move |line: &Line| {
            obey(line)?;
            heard.lock().unwrap().send((line.number(), line.leaves())).unwrap();
            Ok(())
        };
        let crew = Crew::start(2, body, |_| unreachable!(), |_| unreachable!());
        crew.until(State::Running);
        crew.remove();
        crew.tell.send(Message::Stop { leave: false }).unwrap();
        crew.end();
        assert_eq!(hears.into_iter().collect::<Vec<_>>(), [(1, true), (0, false)]);
    }

    #[test]
    fn who_failed_is_replaced_under_the_same_number_if_the_policy_says_so() {
        let attempts = Arc::new(AtomicUsize::new(0));
        let counts = attempts.clone();
        let body = move |line: &Line| match line.number() == 1 && counts.fetch_add(1, Ordering::AcqRel) < 2 {
            true if counts.load(Ordering::Acquire) == 1 => Err(failure()),
            true => panic!("no luck"),
            false => obey(line),
        };
        let (heard, hears) = channel();
        let policy = move |failure: &ThreadFailure| {
            heard.send(failure.to_string()).unwrap();
            OnFailure::ReplaceThread
        };
        let crew = Crew::start(2, body, policy, |_| unreachable!());
        crew.until(State::Running);
        assert_eq!(
            (crew.names(), attempts.load(Ordering::Acquire)),
            (vec!["app-0".to_owned(), "app-1".to_owned()], 3)
        );
        crew.tell.send(Message::Stop { leave: false }).unwrap();
        let (states, outcome) = crew.end();
        assert_eq!((states.last(), outcome), (Some(&State::NotRunning), None));
        let heard: Vec<String> = hears.into_iter().collect();
        assert!(heard[0].starts_with("thread `app-1`: records go round in circles"), "{heard:?}");
        assert_eq!(heard[1], "thread `app-1`: panicked: no luck");
    }

    #[test]
    fn one_failure_ends_the_instance_unless_said_otherwise() {
        let body = |line: &Line| if line.number() == 1 { Err(failure()) } else { obey(line) };
        let crew = Crew::start(3, body, |_| OnFailure::default(), |_| unreachable!());
        let (states, outcome) = crew.end();
        assert_eq!(states[states.len() - 2..], [State::PendingError, State::Error]);
        assert!(outcome.unwrap().contains("7 rounds"));
    }

    #[test]
    fn a_policy_that_panics_ends_the_instance() {
        let crew = Crew::start(1, |_| Err(failure()), |_| panic!("undecided"), |_| unreachable!());
        assert!(crew.end().1.unwrap().contains("7 rounds"));
    }

    #[test]
    fn all_instances_are_called_on_before_this_one_has_ended() {
        let (call, called) = channel();
        let policy = |_: &ThreadFailure| OnFailure::ShutdownApplication;
        let body = |line: &Line| if line.number() == 0 { Err(failure()) } else { obey(line) };
        let crew = Crew::start(2, body, policy, move |reason| call.send(reason).unwrap());
        let (states, _) = crew.end();
        assert_eq!(states.last(), Some(&State::Error));
        assert!(called.try_recv().unwrap().contains("thread `app-0`"));
    }

    #[test]
    fn nobody_is_asked_where_a_new_thread_could_not_help() {
        let strangers = || WorkerError::Strangers { application: "app".to_owned(), strangers: Vec::new() };
        let crew = Crew::start(1, move |_| Err(strangers().into()), |_| unreachable!(), |_| unreachable!());
        assert!(crew.end().1.unwrap().contains("reads other topics together"));
    }

    #[test]
    fn who_waits_for_a_replacement_and_is_removed_is_not_waited_for() {
        let body = |line: &Line| if line.number() == 1 { Err(failure()) } else { obey(line) };
        // The first replacement comes at once, the second one after a second.
        let crew = Crew::start(2, body, |_| OnFailure::ReplaceThread, |_| unreachable!());
        let removed = loop {
            if crew.names() == ["app-0"] {
                break crew.remove();
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(removed.as_deref(), Some("app-1"));
        crew.until(State::Running);
        assert_eq!(crew.common.threads(), 1);
        crew.tell.send(Message::Stop { leave: false }).unwrap();
        assert_eq!(crew.end().1, None);
    }

    #[test]
    fn who_fails_while_it_is_removed_is_removed_and_nothing_else() {
        let body = |line: &Line| if line.number() == 1 { obey(line).and(Err(failure())) } else { obey(line) };
        let crew = Crew::start(2, body, |_| unreachable!(), |_| unreachable!());
        crew.until(State::Running);
        assert_eq!(crew.remove().as_deref(), Some("app-1"));
        // What comes while it stops is no reason for it.
        crew.tell.send(Message::Stop { leave: false }).unwrap();
        crew.tell.send(Message::Fail(Error::Stopping)).unwrap();
        assert_eq!(crew.end(), (vec![State::PendingShutdown, State::NotRunning], None));
    }

    #[test]
    fn without_anybody_who_could_stop_them_no_thread_goes_on() {
        let ((tell, inbox), common) = (channel(), Arc::<Common>::default());
        let seen = Arc::new(Mutex::new(Seen { state: State::Created, threads: Vec::new(), outcome: None }));
        let around = Surroundings {
            name: Box::new(|number| format!("app-{number}")),
            body: Arc::new(obey),
            policy: Box::new(|_| unreachable!()),
            call: Box::new(|_| unreachable!()),
            quiet: Box::new(|| {}),
            leave: false,
        };
        Threads::new(around, common, (tell, inbox), seen.clone(), Vec::new()).run(2, || false);
        assert_eq!(lock(&seen).state, State::NotRunning);
    }

    #[test]
    fn a_failure_on_the_way_to_the_end_is_told_and_nobody_is_asked() {
        let body = |line: &Line| obey(line).and(Err(failure()));
        let crew = Crew::start(1, body, |_| unreachable!(), |_| unreachable!());
        crew.until(State::Running);
        crew.tell.send(Message::Stop { leave: true }).unwrap();
        let (states, outcome) = crew.end();
        assert_eq!(states, [State::PendingShutdown, State::NotRunning]);
        assert!(outcome.is_some());
    }
}
