//! What runs between an instance and one of its threads: what the thread is told, and what it says of itself.
//!
//! Knows flags and messages. Does not know what a thread does, nor what is made of what it says.

use super::on_failure::FailureCause;
use super::state::{Listener, State, ThreadState};
use crate::app::Error;
use crate::task::TaskId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

/// What all threads of an instance look at.
#[derive(Debug, Default)]
pub(crate) struct Common {
    paused: AtomicBool,
    threads: AtomicUsize,
    ended: AtomicBool,
    regrouped: AtomicBool,
}

impl Common {
    /// Whether nothing is to be processed.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    pub(super) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    /// How many threads share the memory.
    pub(crate) fn threads(&self) -> usize {
        self.threads.load(Ordering::Acquire)
    }

    /// Somebody came into the group, or left it.
    pub(crate) fn regroup(&self) {
        self.regrouped.store(true, Ordering::Release);
    }

    /// Whether anybody did since this was asked last.
    pub(super) fn is_regrouped(&self) -> bool {
        self.regrouped.swap(false, Ordering::AcqRel)
    }

    /// Every thread shall end, whether anybody is left to tell it or not.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(super) fn count(&self, threads: usize) {
        self.threads.store(threads, Ordering::Release);
    }
}

/// What whoever supervises the threads is told.
pub(super) enum Message {
    /// A thread does something else than before.
    Standing { serial: u64, state: ThreadState, tasks: Vec<TaskId> },
    /// A thread has ended, for a reason if it was not asked to.
    Ended { serial: u64, cause: Option<FailureCause> },
    /// One thread more; its name, or why not.
    Add(Reply<Result<String, Error>>),
    /// One thread less; its name once it has ended, if there was one.
    Remove(Reply<Option<String>>),
    /// Everything ends; true: and leaves the group for good.
    Stop { leave: bool },
    /// Everything ends, because of this.
    Fail(Error),
    /// Somebody who saw this state wants to hear of others.
    Listen { listener: Listener, since: State },
}

/// Takes an answer.
pub(super) type Reply<T> = Box<dyn FnOnce(T) + Send>;

/// One thread's end of it.
pub(crate) struct Line {
    number: usize,
    pub(super) serial: u64,
    common: Arc<Common>,
    stop: AtomicBool,
    leave: AtomicBool,
    tell: Sender<Message>,
}

impl Line {
    pub(super) fn new(
        number: usize,
        serial: u64,
        common: &Arc<Common>,
        leave: bool,
        tell: Sender<Message>,
    ) -> Line {
        let (stop, leave) = (AtomicBool::new(false), AtomicBool::new(leave));
        Line { number, serial, common: common.clone(), stop, leave, tell }
    }

    /// Which of the threads it is, from 0. One that takes another's place has its number.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    /// True once it shall end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire) || self.common.ended.load(Ordering::Acquire)
    }

    /// True if it leaves the group for good when it ends, also where a static member would stay one.
    pub(crate) fn leaves(&self) -> bool {
        self.leave.load(Ordering::Acquire)
    }

    /// It shall end.
    pub(super) fn stop(&self, leave: bool) {
        if leave {
            self.leave.store(true, Ordering::Release);
        }
        self.stop.store(true, Ordering::Release);
    }

    /// What it is doing now, with the tasks it has.
    pub(crate) fn tell(&self, state: ThreadState, tasks: Vec<TaskId>) {
        // Nobody hears it any more when everything ends.
        let _ = self.tell.send(Message::Standing { serial: self.serial, state, tasks });
    }

    pub(super) fn ended(&self, cause: Option<FailureCause>) {
        let _ = self.tell.send(Message::Ended { serial: self.serial, cause });
    }
}
