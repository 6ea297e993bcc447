//! The thread of a process that brings stores near the ends of their changelogs, so that workers go on processing meanwhile.
//!
//! One for all workers: it waits for a disk most of the time, and so do the others then. It begins when it is first needed.
//!
//! Knows who asked for what. Does not know what is done (`warming`).

use super::now_ms;
use crate::stream::StoreSpec;
use crate::task::TaskId;
use crate::transport::{Consumer, TransportError};
use crate::warming::{Order, Warmed, Warming};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// How many records are replayed before it looks who asks for what.
const BATCH: usize = 4_096;

/// How long it rests while brokers have not answered, in ms.
const REST_MS: u64 = 5;

/// Which worker, and which of its tasks.
type Whose = (usize, TaskId);

enum Ask {
    Warm(Order),
    Cool(Whose),
}

/// What was asked for and is not taken yet: the serial of the order, and what was done; `None`: not done yet.
type Answers = Arc<Mutex<HashMap<Whose, (u64, Option<Vec<Warmed>>)>>>;

/// Makes what the thread works with, on that thread.
pub(super) type Make<C> = Box<dyn FnOnce() -> Result<Warming<C>, TransportError> + Send>;

/// A handle to the thread. Dropped, it ends the thread and waits for that.
pub(super) struct Restorer<C: Consumer> {
    make: Mutex<Option<(String, Make<C>)>>,
    thread: OnceLock<Option<(Sender<Ask>, JoinHandle<()>)>>,
    answers: Answers,
    serial: AtomicU64,
}

impl<C: Consumer + 'static> Restorer<C> {
    /// One that is called `name` and does what `make` makes.
    pub(super) fn new(name: String, make: Make<C>) -> Self {
        Restorer {
            make: Mutex::new(Some((name, make))),
            thread: OnceLock::new(),
            answers: Answers::default(),
            serial: AtomicU64::new(0),
        }
    }

    /// As [`Connect::warm`](crate::worker::Connect::warm), for a worker and its task.
    pub(super) fn warm(&self, whose: Whose, stores: &[(StoreSpec, String)]) -> Option<Vec<Warmed>> {
        let mut answers = lock(&self.answers);
        match answers.get(&whose) {
            Some((_, None)) => return None,
            Some((_, Some(_))) => return answers.remove(&whose).and_then(|(_, warmed)| warmed),
            None => {}
        }
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        answers.insert(whose, (serial, None));
        drop(answers);
        let (worker, task) = whose;
        if self.tell(Ask::Warm(Order { worker, serial, task, stores: stores.to_vec() })) {
            return None;
        }
        // Nobody is there: whoever opens the task does all of it.
        lock(&self.answers).remove(&whose);
        Some(Vec::new())
    }

    /// As [`Connect::cool`](crate::worker::Connect::cool).
    pub(super) fn cool(&self, whose: Whose) {
        if lock(&self.answers).remove(&whose).is_some() {
            self.tell(Ask::Cool(whose));
        }
    }

    fn tell(&self, ask: Ask) -> bool {
        let thread = self.thread.get_or_init(|| self.begin());
        thread.as_ref().is_some_and(|(tell, _)| tell.send(ask).is_ok())
    }

    fn begin(&self) -> Option<(Sender<Ask>, JoinHandle<()>)> {
        let (name, make) = lock(&self.make).take()?;
        let (tell, told) = channel();
        let over = Over { told: Some(told), answers: self.answers.clone() };
        let main = move || {
            let Some(told) = &over.told else { return };
            match make() {
                Ok(warming) => turn(warming, told, &over.answers),
                Err(error) => tracing::warn!(%error, "stores are restored by the threads that process"),
            }
        };
        match std::thread::Builder::new().name(name).spawn(main) {
            Ok(thread) => Some((tell, thread)),
            Err(error) => {
                tracing::warn!(%error, "stores are restored by the threads that process");
                None
            }
        }
    }
}

/// Whatever ends the thread, a listener that panics too: whoever waits goes on by itself, and nobody waits from then on.
struct Over {
    told: Option<Receiver<Ask>>,
    answers: Answers,
}

impl Drop for Over {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("restoring ahead panicked; stores are restored by the threads that process");
        }
        // In this order: who asks afterwards is refused, who asked before is answered.
        drop(self.told.take());
        for (_, answer) in lock(&self.answers).values_mut() {
            answer.get_or_insert_default();
        }
    }
}

impl<C: Consumer> Drop for Restorer<C> {
    fn drop(&mut self) {
        if let Some(Some((tell, thread))) = self.thread.take() {
            drop(tell);
            // What it had open is closed then.
            let _ = thread.join();
        }
    }
}

/// Works until nobody can ask any more.
fn turn<C: Consumer>(mut warming: Warming<C>, told: &Receiver<Ask>, answers: &Answers) {
    let mut finished = Vec::new();
    loop {
        loop {
            // With nothing to do it waits for somebody to ask.
            let ask = match warming.is_idle() {
                true => told.recv().map_err(|_| TryRecvError::Disconnected),
                false => told.try_recv(),
            };
            match ask {
                Ok(Ask::Warm(order)) => warming.begin(order, now_ms()),
                Ok(Ask::Cool((worker, task))) => warming.stop(worker, task, now_ms()),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let replayed = warming.step(BATCH, now_ms(), &mut finished);
        if replayed == 0 && finished.is_empty() {
            warming.rest(REST_MS);
        }
        for (order, warmed) in finished.drain(..) {
            // Not if it was given up meanwhile.
            if let Some((serial, answer)) = lock(answers).get_mut(&(order.worker, order.task))
                && *serial == order.serial
            {
                *answer = Some(warmed);
            }
        }
    }
}

/// Changed in one go, so a panic elsewhere leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Restoring;
    use crate::instance::{InProcess, MemoryDisk};
    use crate::prelude::*;
    use crate::topology::Plan;
    use crate::transport::Isolation;
    use crate::transport::memory::{MemoryConsumer, MemoryLog};
    use crate::worker::Connect as _;
    use std::time::{Duration, Instant};

    #[topic(name = "votes", partitions = 1, key = String, value = i64)]
    struct Votes;
    #[ktable(store = "sums", from = Votes, aggregate)]
    fn sum(sum: &mut i64, vote: &i64) {
        *sum += vote;
    }
    topology!(Summing = [sum]);

    const TASK: Whose = (3, TaskId { sub: 0, partition: 0 });

    /// One over a changelog of so many records, on a log that only its thread has.
    fn restorer(records: i64, hear: impl Fn(&Restoring) + Send + 'static) -> Restorer<MemoryConsumer> {
        let make = move || {
            let log = MemoryLog::new();
            log.create_topic("app-sums-changelog", 1)?;
            for n in 0..records {
                let key = n.to_string();
                log.append("app-sums-changelog", 0, Some(key.as_bytes()), Some(&[0; 8]), n, &Headers::new())?;
            }
            let (reader, disk) =
                (log.consumer("app", "restore", Isolation::ReadCommitted), MemoryDisk::new());
            let machine = InProcess::new(&log, "app", "restore").disk(&disk);
            Ok(Warming::new(reader, move |task| machine.engines(task), hear, 10_000).near(1))
        };
        Restorer::new("restore".to_owned(), Box::new(make))
    }

    fn stores() -> Vec<(StoreSpec, String)> {
        Plan::of(&Summing::topology(), "app", |_, declared| declared).unwrap().subs[0].stores.clone()
    }

    /// Asks until it is answered.
    fn warm(restorer: &Restorer<MemoryConsumer>) -> Vec<Warmed> {
        let (stores, until) = (stores(), Instant::now() + Duration::from_secs(20));
        loop {
            if let Some(warmed) = restorer.warm(TASK, &stores) {
                return warmed;
            }
            assert!(Instant::now() < until, "it is not answered");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn who_asks_is_answered_each_time_anew() {
        let restorer = restorer(20_000, |_| {});
        assert_eq!(warm(&restorer)[0].told.records, 20_000);
        // Nothing is left to do.
        assert_eq!(warm(&restorer), []);
    }

    #[test]
    fn what_was_given_up_is_not_the_answer_to_what_is_asked_next() {
        let restorer = restorer(50_000, |_| {});
        assert_eq!(restorer.warm(TASK, &stores()), None);
        restorer.cool(TASK);
        let again = warm(&restorer);
        // Of what was done in between nothing is told: it is neither lost nor done twice.
        assert!(again.first().is_none_or(|warmed| warmed.told.to == 50_000), "{again:?}");
        assert_eq!(warm(&restorer), []);
    }

    #[test]
    fn a_listener_that_panics_leaves_nobody_waiting() {
        let restorer = restorer(20_000, |_| panic!("it does not listen well"));
        assert_eq!(warm(&restorer), []);
        assert_eq!(warm(&restorer), []);
        // It has its thread no more; whoever asks for something else is told at once.
        assert_eq!(restorer.warm((4, TASK.1), &stores()), Some(Vec::new()));
    }
}
