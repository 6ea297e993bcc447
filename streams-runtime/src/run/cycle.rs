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
}

impl Rhythm {
    /// With a commit every so many ms; 0: after each step that processed something.
    pub(crate) fn new(commit_interval_ms: u64) -> Self {
        Rhythm {
            commit: Duration::from_millis(commit_interval_ms),
            // Offsets of topics that nobody subscribes to expire after `offsets.retention.minutes`, a week if nobody
            // said otherwise.
            renew: Duration::from_secs(3_600),
            // `repartition.purge.interval.ms` of Kafka Streams.
            consumed: Duration::from_secs(30),
            // As long as it may take to see that it is asked to stop.
            rest: Duration::from_millis(100),
            finish: Duration::from_secs(5),
        }
    }
}

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
    // Who gives way is not waited for.
    let gives_way = matches!(&failed, Some((WorkerError::Strangers { .. }, _)));
    let closed = if around.leave || gives_way { worker.leave() } else { worker.close() };
    match failed {
        Some((error, _)) => Err(error),
        None => closed,
    }
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
    use crate::instance::InProcess;
    use crate::prelude::*;
    use crate::transport::memory::MemoryLog;
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
        let rhythm = Rhythm::new(commit_ms);
        cycle(worker, &Surroundings { rhythm, leave: false, stop, consumed: &|_| {} })
    }

    #[test]
    fn commits_what_is_not_due_when_it_is_asked_to_stop() {
        let (log, worker) = start([&[1, 2, 3], &[4]]);
        run(worker, 3_600_000, &stop_after(200)).unwrap();
        assert_eq!(written(&log), 4);
        assert_eq!(log.committed("checks", "numbers", 0).unwrap().map(|c| c.offset), Some(3));
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
