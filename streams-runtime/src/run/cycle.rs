//! What one thread does all day: step, commit when it is due, rest while there is nothing.
//!
//! ```text
//!          ┌──────────────────────────── not due, or committed ─────────────┐
//!          ↓                                                                │
//!   step: follow the group, open, fetch, process ─→ due? commit ─→ idle? rest until news or the next commit
//!          │ failed                                                         │ asked to stop
//!          ↓                                                                ↓
//!   finish: what can be committed without it is, at most for so long ─→ commit, hand over to the engines, close
//! ```
//!
//! The only place of the runtime that reads a monotonic clock and waits; the worker it turns does neither.
//!
//! Knows when. Does not know what a step does, nor who asks it to stop.

use super::line::Line;
use super::state::ThreadState;
use crate::counters::Dropped;
use crate::task::{Task, TaskId};
use crate::transport::TopicPartition;
use crate::worker::{Connect, Worker, WorkerError};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// How often what is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    commit: Duration,
    renew: Duration,
    consumed: Duration,
    rest: Duration,
    finish: Duration,
    dropped: Duration,
    grouped: Duration,
}

impl Rhythm {
    /// With a commit every so many ms; 0: after each step that processed something. Offsets of topics that nobody
    /// subscribes to are forgotten if they are not committed again within `offsets_retention_ms`.
    pub(crate) fn new(commit_interval_ms: u64, offsets_retention_ms: Option<u64>) -> Self {
        // Three of four may be lost on the way. Kafka keeps them for a week if nobody said otherwise.
        let renew = offsets_retention_ms.map(|retention| Duration::from_millis(retention / 4));
        Rhythm {
            commit: Duration::from_millis(commit_interval_ms),
            renew: renew.map_or(RENEW, |renew| renew.min(RENEW)),
            // `repartition.purge.interval.ms` of Kafka Streams.
            consumed: Duration::from_secs(30),
            // As long as it may take to see that it is asked to stop.
            rest: Duration::from_millis(100),
            finish: Duration::from_secs(5),
            dropped: Duration::from_secs(10),
            grouped: Duration::from_secs(1),
        }
    }
}

/// How often offsets are renewed at least.
const RENEW: Duration = Duration::from_secs(3_600);

/// What a thread is told, and whom it tells.
pub(crate) struct Surroundings<'a> {
    pub(crate) rhythm: Rhythm,
    pub(crate) line: &'a Line,
    /// Takes what nobody will read again.
    pub(crate) consumed: &'a dyn Fn(Vec<(TopicPartition, i64)>),
}

/// Turns a worker until it is asked to stop or something fails; closes it, or lets it leave for good.
///
/// # Errors
/// The first failure. What does not depend on it is committed before this returns.
///
/// # Panics
/// As the worker does. Before this unwinds its transaction is taken back, and its membership ends as it ends otherwise, so that
/// nobody has to wait until the group notices that nobody is there.
pub(crate) fn cycle<C: Connect>(mut worker: Worker<C>, around: &Surroundings<'_>) -> Result<(), WorkerError> {
    match catch_unwind(AssertUnwindSafe(|| turn_until_stopped(&mut worker, around))) {
        Ok(failed) => {
            around.line.tell(ThreadState::PendingShutdown, Vec::new());
            // Who gives way is not waited for.
            let gives_way = matches!(&failed, Err(WorkerError::Strangers { .. }));
            let closed = if around.line.leaves() || gives_way { worker.leave() } else { worker.close() };
            failed.and(closed)
        }
        Err(panic) => {
            around.line.tell(ThreadState::PendingShutdown, Vec::new());
            // What unwound may have left anything half done.
            let _ = catch_unwind(AssertUnwindSafe(|| worker.abandon(around.line.leaves())));
            resume_unwind(panic)
        }
    }
}

/// Returns the first failure, once everything else is done.
fn turn_until_stopped<C: Connect>(
    worker: &mut Worker<C>,
    Surroundings { rhythm, line, consumed }: &Surroundings<'_>,
) -> Result<(), WorkerError> {
    let (mut committed, mut renewed, mut told) = (Instant::now(), Instant::now(), Instant::now());
    let (mut counted, mut dropped) = (Instant::now(), Vec::new());
    let (mut standing, mut threads) = (Standing::default(), 0);
    let (mut grouped, mut generation) = (Instant::now(), None);
    let mut failed: Option<(WorkerError, Instant)> = None;
    while !line.is_stopped() {
        let now = Instant::now();
        if now - renewed >= rhythm.renew {
            worker.renew_offsets();
            renewed = now;
        }
        if now - told >= rhythm.consumed {
            consumed(worker.consumed());
            told = now;
        }
        if now - counted >= rhythm.dropped {
            tell_dropped(worker, &mut dropped);
            counted = now;
        }
        if std::mem::replace(&mut threads, line.common().threads()) != threads {
            worker.share_memory();
        }
        worker.pause(line.common().is_paused());
        let turned = turn(worker, *rhythm, now, &mut committed);
        standing.look(worker, line, failed.is_some());
        if now - grouped >= rhythm.grouped {
            grouped = now;
            if std::mem::replace(&mut generation, worker.generation()) != generation {
                line.common().regroup();
            }
        }
        match (turned, &failed) {
            (Ok(idle), Some((_, since))) if idle || now - *since > rhythm.finish => break,
            (Ok(_), _) => {}
            (Err(error), None) => {
                tracing::error!(%error, "cannot go on; others are brought to an end");
                let hopeless = matches!(error, WorkerError::Transport(_));
                failed = Some((error, now));
                if hopeless {
                    break;
                }
            }
            (Err(error), Some((_, since))) => {
                tracing::error!(%error, "another failure");
                if matches!(error, WorkerError::Transport(_)) || now - *since > rhythm.finish {
                    break;
                }
            }
        }
    }
    tell_dropped(worker, &mut dropped);
    failed.map_or(Ok(()), |(error, _)| Err(error))
}

/// What was last said of a thread.
#[derive(Default)]
struct Standing {
    said: Option<ThreadState>,
    tasks: usize,
}

impl Standing {
    /// Says what the thread does and has, if that is something else now. Tasks come and go in other states than running.
    fn look<C: Connect>(&mut self, worker: &mut Worker<C>, line: &Line, has_failed: bool) {
        // A task that is set aside is not open.
        let state = match (worker.has_joined(), has_failed || worker.is_waiting()) {
            (false, _) => ThreadState::Starting,
            (true, true) => ThreadState::PartitionsAssigned,
            (true, false) => ThreadState::Running,
        };
        if self.said.replace(state) != Some(state)
            || std::mem::replace(&mut self.tasks, worker.tasks().len()) != self.tasks
        {
            self.tasks = worker.tasks().len();
            let mut tasks: Vec<TaskId> = worker.tasks().iter().map(Task::id).collect();
            tasks.sort_unstable();
            line.tell(state, tasks);
        }
    }
}

/// Says what was left out since the last time: a policy that skips says nothing of each record.
fn tell_dropped<C: Connect>(worker: &Worker<C>, told: &mut Vec<Dropped>) {
    let now = Dropped::sum(worker.tasks().iter().flat_map(|task| &task.wired().drops));
    for (dropped, records) in Dropped::since(&now, told) {
        let Dropped { at, reason, last, .. } = dropped;
        tracing::warn!(at, records, last, "records left out: {reason}");
    }
    *told = now;
}

/// One turn; true if there is nothing left to do.
fn turn<C: Connect>(
    worker: &mut Worker<C>,
    rhythm: Rhythm,
    now: Instant,
    committed: &mut Instant,
) -> Result<bool, WorkerError> {
    let step = worker.step(usize::MAX)?;
    let since = now - *committed;
    if worker.wants_commit() || since >= rhythm.commit {
        // Before it is tried: what fails is not tried again at once.
        *committed = now;
        worker.commit()?;
    }
    if !step.is_idle() {
        return Ok(false);
    }
    let due = match worker.is_changed() {
        true => rhythm.commit.saturating_sub(now - *committed),
        false => rhythm.rest,
    };
    let rest = due.min(rhythm.rest);
    match worker.is_full() {
        true => std::thread::sleep(rest),
        false => worker.rest(rest.as_millis().max(1) as u64),
    }
    Ok(worker.is_at_ends() && !worker.is_changed())
}

#[cfg(test)]
mod tests {
    use super::super::line::{Common, Message};
    use super::*;
    use crate::instance::{InProcess, run_until_idle};
    use crate::prelude::*;
    use crate::transport::memory::MemoryLog;
    use crate::transport::{CommittedOffset, Consumer as _, Isolation, Outgoing, Producer as _};
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};

    #[topic(name = "numbers", partitions = 2, key = i64, value = i64)]
    struct Numbers;
    #[topic(name = "checked", partitions = 2, key = i64, value = i64)]
    struct Checked;
    #[processor(from = Numbers, map_values, to = Checked)]
    fn checked(n: &i64) -> Result<i64, String> {
        if *n < 0 { Err(format!("{n} is negative")) } else { Ok(*n) }
    }
    topology!(Checks = [checked]);

    /// The log with these numbers in each partition, and a worker on it.
    fn start(numbers: [&[i64]; 2]) -> (MemoryLog, Worker<InProcess>) {
        let log = MemoryLog::new();
        log.create_topic("numbers", 2).unwrap();
        for (partition, numbers) in numbers.into_iter().enumerate() {
            for n in numbers {
                let bytes = n.to_be_bytes();
                let none = Headers::new();
                log.append("numbers", partition as u32, Some(&bytes), Some(&bytes), 0, &none).unwrap();
            }
        }
        let worker = InProcess::new(&log, "checks", "one").start(Checks::graph()).unwrap();
        (log, worker)
    }

    fn written(log: &MemoryLog) -> usize {
        (0..2).map(|partition| log.read_committed("checked", partition, 0).unwrap().count()).sum()
    }

    /// The line of a thread, and what it says on it.
    fn line() -> (Arc<Line>, Receiver<Message>) {
        let (tell, inbox) = channel();
        (Arc::new(Line::new(0, 1, &Arc::default(), false, tell)), inbox)
    }

    fn stop_after(ms: u64) -> Arc<Line> {
        let (line, _) = line();
        let other = line.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(ms));
            other.stop(false);
        });
        line
    }

    fn run(worker: Worker<InProcess>, commit_ms: u64, line: &Line) -> Result<(), WorkerError> {
        let rhythm = Rhythm::new(commit_ms, None);
        cycle(worker, &Surroundings { rhythm, line, consumed: &|_| {} })
    }

    #[test]
    fn commits_what_is_not_due_when_it_is_asked_to_stop() {
        let (log, worker) = start([&[1, 2, 3], &[4]]);
        run(worker, 3_600_000, &stop_after(200)).unwrap();
        assert_eq!(written(&log), 4);
        assert_eq!(log.committed("checks", "numbers", 0).unwrap().map(|c| c.offset), Some(3));
    }

    #[topic(name = "a", partitions = 1, key = String, value = String)]
    struct A;
    #[topic(name = "b", partitions = 1, key = String, value = String)]
    struct B;
    #[processor(from = [A, B])]
    struct Either;
    #[ktable(store = "seconds", from = Either, count)]
    #[window(tumbling = "1s", grace = "0s")]
    struct Seconds;
    topology!(Idle = [Either, Seconds]);

    /// What is committed of both inputs, one of which follows the other, after both were silent for longer than offsets
    /// are kept. A worker turned for a moment before that, in this rhythm.
    fn after_silence(renew: Duration) -> [Option<CommittedOffset>; 2] {
        let log = MemoryLog::new();
        let mut worker = InProcess::new(&log, "idle", "one").start(Idle::graph()).unwrap();
        for topic in ["a", "b"] {
            log.append(topic, 0, Some(b"k"), Some(b"v"), 5_000, &Headers::new()).unwrap();
        }
        run_until_idle(&mut worker).unwrap();
        // Somebody stays, so that the group lives.
        let mut other = log.consumer("idle", "other", Isolation::ReadCommitted);
        other.subscribe(&["a".to_owned()]).unwrap();
        log.set_offsets_retention_ms(1_000);
        log.set_time_ms(900);
        let rhythm = Rhythm { renew, ..Rhythm::new(3_600_000, None) };
        let line = stop_after(150);
        cycle(worker, &Surroundings { rhythm, line: &line, consumed: &|_| {} }).unwrap();
        other.poll(&mut Vec::new(), 1).unwrap();
        log.set_time_ms(1_500);
        ["a", "b"].map(|topic| log.committed("idle", topic, 0).unwrap())
    }

    #[test]
    fn offsets_of_idle_inputs_are_committed_again_with_their_metadata() {
        let [a, b] = after_silence(Duration::from_millis(20));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!((a.offset, b.offset), (1, 1));
        // The stream time of the windows stands beside one of them.
        let times = |committed: CommittedOffset| committed.metadata.split(" of:").next().unwrap().to_owned();
        assert_eq!([a, b].map(times).concat(), "v1v1 Seconds=5000");
    }

    #[test]
    fn offsets_of_idle_inputs_are_forgotten_otherwise() {
        let [a, b] = after_silence(Duration::from_secs(60));
        assert_eq!((a.map(|a| a.offset), b), (Some(1), None), "somebody subscribes to one of them");
    }

    #[test]
    fn offsets_are_renewed_four_times_in_the_span_they_are_kept_and_hourly_at_least() {
        let renew = |minutes: Option<u64>| Rhythm::new(100, minutes.map(|m| m * 60_000)).renew.as_secs();
        assert_eq!([Some(1), Some(60), Some(10_080), None].map(renew), [15, 900, 3_600, 3_600]);
    }

    #[test]
    fn a_failure_ends_it_after_everything_else_is_done() {
        let (log, worker) = start([&[1, 2, -3, 4], &[5, 6, 7]]);
        let (never, _) = line();
        let error = run(worker, 100, &never).unwrap_err().to_string();
        assert!(error.contains("-3 is negative") && error.contains("offset 2"), "{error}");
        assert_eq!(written(&log), 5);
        assert_eq!(log.committed("checks", "numbers", 0).unwrap().map(|c| c.offset), Some(2));
    }

    #[test]
    fn it_says_what_it_does_and_which_tasks_it_has() {
        let (_, worker) = start([&[1], &[2]]);
        let (line, inbox) = line();
        let other = line.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            other.stop(false);
        });
        run(worker, 100, &line).unwrap();
        drop(line);
        let said: Vec<_> = inbox
            .into_iter()
            .map(|message| match message {
                Message::Standing { state, tasks, .. } => (state, tasks.len()),
                _ => unreachable!(),
            })
            .collect();
        use ThreadState::*;
        let ends =
            |s: &[(ThreadState, usize)]| s.last() == Some(&(PendingShutdown, 0)) && s.contains(&(Running, 2));
        assert!(ends(&said), "{said:?}");
    }

    #[test]
    fn nothing_is_processed_while_it_is_paused() {
        let (log, worker) = start([&[1, 2, 3], &[4]]);
        let common = Arc::<Common>::default();
        common.pause(true);
        let (tell, _inbox) = channel();
        let line = Arc::new(Line::new(0, 1, &common, false, tell));
        let (other, left) = (line.clone(), log.committed("checks", "numbers", 0).unwrap());
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            other.stop(false);
        });
        run(worker, 10, &line).unwrap();
        assert_eq!((written(&log), left), (0, None));
        // Another one goes on where it stood.
        common.pause(false);
        let worker = InProcess::new(&log, "checks", "two").start(Checks::graph()).unwrap();
        run(worker, 10, &stop_after(150)).unwrap();
        assert_eq!(written(&log), 4);
    }

    #[test]
    fn while_it_is_paused_it_fetches_as_much_as_there_is_memory_for_and_rests() {
        let numbers: Vec<i64> = (0..20_000).collect();
        let log = MemoryLog::new();
        log.create_topic("numbers", 2).unwrap();
        for n in &numbers {
            let bytes = n.to_be_bytes();
            log.append("numbers", 0, Some(&bytes), Some(&bytes), 0, &Headers::new()).unwrap();
        }
        let share = crate::memory::Share { rows: 1 << 20, records: 100_000 };
        let mut worker = InProcess::new(&log, "checks", "one").memory(share).start(Checks::graph()).unwrap();
        worker.pause(true);
        let mut committed = Instant::now();
        for _ in 0..40 {
            turn(
                &mut worker,
                Rhythm { rest: Duration::from_millis(1), ..Rhythm::new(10, None) },
                Instant::now(),
                &mut committed,
            )
            .unwrap();
        }
        assert!(
            worker.is_full() && worker.waiting_bytes() < 400_000,
            "{} bytes wait",
            worker.waiting_bytes()
        );
        worker.pause(false);
        run_until_idle(&mut worker).unwrap();
        assert_eq!(written(&log), numbers.len());
    }

    /// A format that panics, where no step is to blame.
    struct Cursed;

    impl Serde for Cursed {
        type Type = i64;
        fn encode(value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
            assert!(*value != 13, "{value} cannot be written");
            out.extend_from_slice(&value.to_be_bytes());
            Ok(())
        }
        fn decode(bytes: &[u8]) -> Result<i64, SerdeError> {
            <i64 as Serde>::decode(bytes)
        }
    }

    #[ktable(store = "last", from = Numbers, aggregate, value = Cursed)]
    fn last(last: &mut i64, n: &i64) {
        *last = *n;
    }
    topology!(Cursing = [last]);

    #[test]
    fn a_panic_takes_back_what_was_open_and_leaves_the_group_at_once() {
        let log = MemoryLog::new();
        log.create_topic("numbers", 2).unwrap();
        let worker = InProcess::new(&log, "cursing", "one").start(Cursing::graph()).unwrap();
        for n in [12_i64, 13] {
            log.append("numbers", 0, Some(&n.to_be_bytes()), Some(&n.to_be_bytes()), 0, &Headers::new())
                .unwrap();
        }
        let (never, _) = line();
        let panic = catch_unwind(AssertUnwindSafe(|| run(worker, 0, &never))).unwrap_err();
        assert_eq!(crate::failure::panic_text(&*panic), "13 cannot be written");
        // Nobody has to wait for a session or a transaction that must time out: time stands still here.
        let changelog = log.watermarks("cursing-last-changelog", 0).unwrap();
        assert_eq!(changelog.last_stable, changelog.high);
        assert_eq!(crate::transport::topics::Topics::members(&mut log.clone(), "cursing").unwrap(), []);
        assert_eq!(log.committed("cursing", "numbers", 0).unwrap().map(|c| c.offset), Some(0));
    }

    #[test]
    fn what_comes_behind_a_record_that_failed_is_not_taken_for_processed() {
        let (log, mut worker) = start([&[-3, 1, 2], &[5, 6, 7]]);
        while worker.step(usize::MAX).is_ok() {}
        // Somebody wrote to its input in vain: there is a new end, and no record before it.
        let mut somebody = log.producer(Some("somebody"));
        somebody.init().unwrap();
        somebody.begin().unwrap();
        let (n, headers) = (9_i64.to_be_bytes(), Headers::new());
        let record = Outgoing {
            topic: "numbers",
            partition: 0,
            key: Some(&n),
            value: Some(&n),
            timestamp: 0,
            headers: &headers,
            origin: 0,
            is_followed: false,
        };
        somebody.send(record).unwrap();
        somebody.abort().unwrap();
        for _ in 0..5 {
            worker.step(usize::MAX).unwrap();
            worker.renew_offsets();
            worker.commit().unwrap();
        }
        assert_eq!(worker.set_aside().len(), 1);
        worker.close().unwrap();
        assert_eq!(log.committed("checks", "numbers", 0).unwrap().map_or(0, |c| c.offset), 0);
        assert_eq!(written(&log), 3);
    }
}
