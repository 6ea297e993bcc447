//! The thread of a process that brings stores near the ends of their changelogs, so that workers go on processing meanwhile.
//!
//! One for all workers: it waits for a disk most of the time, and so do the others then. It begins when it is first needed.
//!
//! Knows who asked for what. Does not know what is done (`warming`).

use crate::task::TaskId;
use crate::transport::{Consumer, TransportError};
use crate::warming::{Order, Warmed, Warming};
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

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

/// What was asked for and is not taken yet; `None`: not done yet.
type Answers = Arc<Mutex<HashMap<Whose, Option<Vec<Warmed>>>>>;

/// Makes what the thread works with, on that thread.
pub(super) type Make<C> = Box<dyn FnOnce() -> Result<Warming<C>, TransportError> + Send>;

/// A handle to the thread. Dropped, it ends the thread and waits for that.
pub(super) struct Restorer<C: Consumer> {
    make: Mutex<Option<(String, Make<C>)>>,
    thread: OnceLock<Option<(Mutex<Sender<Ask>>, JoinHandle<()>)>>,
    answers: Answers,
}

impl<C: Consumer + 'static> Restorer<C> {
    /// One that is called `name` and does what `make` makes.
    pub(super) fn new(name: String, make: Make<C>) -> Self {
        Restorer {
            make: Mutex::new(Some((name, make))),
            thread: OnceLock::new(),
            answers: Answers::default(),
        }
    }

    /// As [`Connect::warm`](crate::worker::Connect::warm).
    pub(super) fn warm(&self, order: impl FnOnce() -> Order, whose: Whose) -> Option<Vec<Warmed>> {
        let mut answers = lock(&self.answers);
        match answers.get(&whose) {
            Some(None) => return None,
            Some(Some(_)) => return answers.remove(&whose).flatten(),
            None => {}
        }
        answers.insert(whose, None);
        drop(answers);
        if self.tell(Ask::Warm(order())) {
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
        thread.as_ref().is_some_and(|(tell, _)| lock(tell).send(ask).is_ok())
    }

    fn begin(&self) -> Option<(Mutex<Sender<Ask>>, JoinHandle<()>)> {
        let (name, make) = lock(&self.make).take()?;
        let ((tell, told), answers) = (channel(), self.answers.clone());
        let main = move || {
            match make() {
                Ok(warming) => turn(warming, &told, &answers),
                Err(error) => tracing::warn!(%error, "stores are restored by the threads that process"),
            }
            // Whoever waits goes on by itself.
            drop(told);
            lock(&answers).clear();
        };
        match std::thread::Builder::new().name(name).spawn(main) {
            Ok(thread) => Some((Mutex::new(tell), thread)),
            Err(error) => {
                tracing::warn!(%error, "stores are restored by the threads that process");
                None
            }
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
            if let Some(answer) = lock(answers).get_mut(&(order.worker, order.task)) {
                *answer = Some(warmed);
            }
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Changed in one go, so a panic elsewhere leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
