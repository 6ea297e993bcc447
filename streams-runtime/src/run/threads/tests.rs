//! Threads that do what a test says, and what becomes of them.

use super::*;
use crate::run::line::Reply;
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
            met.push(self.states.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("{met:?}")));
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
    let tasks: Vec<_> = lock(&crew.seen).threads.iter().map(|thread| thread.tasks[0].to_string()).collect();
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
