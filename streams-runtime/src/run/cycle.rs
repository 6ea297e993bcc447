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

use crate::counters::Dropped;
use crate::transport::TopicPartition;
use crate::worker::{Connect, Worker, WorkerError};
use std::sync::atomic::{AtomicBool, Ordering};
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
        }
    }
}

/// How often offsets are renewed at least.
const RENEW: Duration = Duration::from_secs(3_600);

/// What a thread is told, and whom it tells.
pub(crate) struct Surroundings<'a> {
    pub(crate) rhythm: Rhythm,
    /// True if it leaves the group for good when it ends.
    pub(crate) leave: bool,
    pub(crate) stop: &'a AtomicBool,
    /// Takes what nobody will read again.
    pub(crate) consumed: &'a dyn Fn(Vec<(TopicPartition, i64)>),
}

/// Turns a worker until it is asked to stop or something fails; closes it, or lets it leave for good.
///
/// # Errors
/// The first failure. What does not depend on it is committed before this returns.
pub(crate) fn cycle<C: Connect>(mut worker: Worker<C>, around: &Surroundings<'_>) -> Result<(), WorkerError> {
    let rhythm = around.rhythm;
    let (mut committed, mut renewed, mut told) = (Instant::now(), Instant::now(), Instant::now());
    let (mut counted, mut dropped) = (Instant::now(), Vec::new());
    let mut failed: Option<(WorkerError, Instant)> = None;
    while !around.stop.load(Ordering::Acquire) {
        let now = Instant::now();
        if now - renewed >= rhythm.renew {
            worker.renew_offsets();
            renewed = now;
        }
        if now - told >= rhythm.consumed {
            (around.consumed)(worker.consumed());
            told = now;
        }
        if now - counted >= rhythm.dropped {
            tell_dropped(&worker, &mut dropped);
            counted = now;
        }
        let turned = turn(&mut worker, rhythm, now, &mut committed);
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
    tell_dropped(&worker, &mut dropped);
    // Who gives way is not waited for.
    let gives_way = matches!(&failed, Some((WorkerError::Strangers { .. }, _)));
    let closed = if around.leave || gives_way { worker.leave() } else { worker.close() };
    match failed {
        Some((error, _)) => Err(error),
        None => closed,
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
    worker.rest(due.min(rhythm.rest).as_millis().max(1) as u64);
    Ok(worker.is_at_ends() && !worker.is_changed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{InProcess, run_until_idle};
    use crate::prelude::*;
    use crate::transport::memory::MemoryLog;
    use crate::transport::{CommittedOffset, Consumer as _, Isolation};
    use std::sync::Arc;

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

    fn stop_after(ms: u64) -> Arc<AtomicBool> {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(ms));
            flag.store(true, Ordering::Release);
        });
        stop
    }

    fn run(worker: Worker<InProcess>, commit_ms: u64, stop: &AtomicBool) -> Result<(), WorkerError> {
        let rhythm = Rhythm::new(commit_ms, None);
        cycle(worker, &Surroundings { rhythm, leave: false, stop, consumed: &|_| {} })
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
        let stop = stop_after(150);
        cycle(worker, &Surroundings { rhythm, leave: false, stop: &stop, consumed: &|_| {} }).unwrap();
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
        let never = AtomicBool::new(false);
        let error = run(worker, 100, &never).unwrap_err().to_string();
        assert!(error.contains("-3 is negative") && error.contains("offset 2"), "{error}");
        assert_eq!(written(&log), 5);
        assert_eq!(log.committed("checks", "numbers", 0).unwrap().map(|c| c.offset), Some(2));
    }
}
