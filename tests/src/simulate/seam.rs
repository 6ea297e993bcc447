//! The seam between one worker and everything around it: every call across it is counted, noted, and may be where a
//! fault strikes.
//!
//! ```text
//! worker ──call──→ before: crash, time-out, somebody else's step ──→ log or disk ──→ after: crash, lost answer ──→ worker
//! ```
//!
//! A crash unwinds out of the call with a payload of its own. The runtime catches panics of steps, so one crash may
//! not be the end: from then on every call across the seam unwinds again, and nothing the worker does reaches
//! anything. The world drops it as soon as it has come back.
//!
//! The functions of the application are such calls too: what strikes there strikes in the middle of a record.
//!
//! What is noted: which records the open transaction has processed, and what the worker was told about its membership
//! (`membership`). Knows one incarnation of one worker. Does not know schedules, nor what must hold at the end.

use super::disk::{Disk, Fate};
use super::journal::Attempt;
use super::membership::Membership;
use super::world::{Act, World};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};
use streams_runtime::Source;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::mutants::Mutant;
use streams_runtime::task::TaskId;
use streams_runtime::transport::{TopicPartition, TransportError};

/// A call across the seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Subscribe,
    Poll,
    Revoked,
    Membership,
    Members,
    Leave,
    Assign,
    Committed,
    Ends,
    ReplayAssign,
    ReplayPoll,
    Init,
    Begin,
    Send,
    /// A changed row goes to its changelog, which is also a [`Call::Send`]: what prepares a commit is a series of these.
    Change,
    Flush,
    Offsets,
    Commit,
    Abort,
    /// Rows go to an engine.
    Apply,
    /// A row is read from an engine.
    Get,
    /// A function of the application is at work.
    Step,
}

/// Before the call is done, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// What strikes at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// The machine is gone; its disk meets this fate.
    Crash(Fate),
    /// Only this worker is gone; its process goes on.
    Panic,
    /// The function panics, as one with a defect does: what it worked at fails, and the worker goes on.
    Defect,
    /// No answer: the call was not done, or it was and nobody knows.
    TimeOut,
    /// An engine has no room.
    Full,
    /// Another worker does something in the meantime.
    Meanwhile(usize, Act),
    /// The group throws this worker out, and another one opens its tasks in the meantime.
    TakenOver(usize),
    /// The same, and then its client joins anew by itself and the other one gives back what it is asked for.
    Forgotten(usize),
    /// The machine of this slot is started, and joins.
    Comes(usize),
    /// The machine of this slot ends as it should.
    Goes(usize),
}

/// A strike that waits for its call.
#[derive(Clone, Debug)]
pub(super) struct Armed {
    pub(super) call: Call,
    pub(super) when: When,
    /// So many calls of this kind are let through.
    pub(super) after: usize,
    pub(super) strike: Strike,
}

/// Unwinds out of a worker that has crashed.
pub(super) struct Crash;

/// A worker: which instance, and which of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Who {
    pub(super) instance: usize,
    pub(super) thread: usize,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", (b'A' + self.instance as u8) as char, self.thread)
    }
}

/// A record that was processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) partition: TopicPartition,
    pub(super) offset: i64,
}

/// What is known of one incarnation of a worker.
pub(super) struct Seam {
    pub(super) who: Who,
    pub(super) incarnation: usize,
    pub(super) mutant: Option<Mutant>,
    world: Weak<World>,
    dead: Cell<bool>,
    armed: RefCell<Vec<Armed>>,
    /// True once something that is nobody's fault was injected: the worker may complain about it.
    pub(super) timed_out: Cell<bool>,
    pub(super) full: Cell<bool>,
    pub(super) hidden: Cell<bool>,
    /// True once a function had a defect: the worker goes on with everything else until its thread is replaced.
    pub(super) failed: Cell<bool>,
    /// The task that it has just set aside for that.
    pub(super) aside: Cell<Option<TaskId>>,
    /// What was processed since the last transaction ended.
    notes: RefCell<Vec<Note>>,
    /// The number of the open transaction.
    pub(super) transaction: Cell<Option<u64>>,
    pub(super) membership: RefCell<Membership>,
    /// Where its stores rest.
    pub(super) disk: Disk,
    /// Which topic of its name each partition is of that is read.
    lives: RefCell<BTreeMap<TopicPartition, u64>>,
    /// What is noted where there are no transactions.
    pub(super) attempt: Attempt,
    pub(super) at_least_once: bool,
    /// True once a second process has its identity.
    pub(super) doubled: Cell<bool>,
    /// True once it was told so.
    pub(super) replaced: Cell<bool>,
}

impl Seam {
    pub(super) fn new(world: &Rc<World>, who: Who, incarnation: usize, disk: Disk) -> Rc<Seam> {
        Rc::new(Seam {
            who,
            incarnation,
            mutant: world.script.mutant,
            world: Rc::downgrade(world),
            dead: Cell::new(false),
            armed: RefCell::default(),
            timed_out: Cell::new(false),
            full: Cell::new(false),
            hidden: Cell::new(false),
            failed: Cell::new(false),
            aside: Cell::new(None),
            notes: RefCell::default(),
            transaction: Cell::new(None),
            membership: RefCell::default(),
            disk,
            lives: RefCell::default(),
            attempt: Attempt::default(),
            at_least_once: world.script.guarantee == Guarantee::AtLeastOnce,
            doubled: Cell::new(false),
            replaced: Cell::new(false),
        })
    }

    pub(super) fn world(&self) -> Rc<World> {
        match self.world.upgrade() {
            Some(world) => world,
            // It outlived its world: there is nothing left to reach.
            None => self.crash(),
        }
    }

    pub(super) fn arm(&self, armed: Armed) {
        self.armed.borrow_mut().push(armed);
    }

    pub(super) fn disarm(&self) {
        self.armed.borrow_mut().clear();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.get()
    }

    pub(super) fn die(&self) {
        self.dead.set(true);
    }

    /// Unwinds, past the panic hook: a crash is no message.
    fn crash(&self) -> ! {
        self.dead.set(true);
        std::panic::resume_unwind(Box::new(Crash))
    }

    pub(super) fn before(&self, call: Call) -> Result<(), TransportError> {
        self.pass(call, When::Before)
    }

    pub(super) fn after(&self, call: Call) -> Result<(), TransportError> {
        self.pass(call, When::After)
    }

    fn pass(&self, call: Call, when: When) -> Result<(), TransportError> {
        if self.dead.get() {
            self.crash();
        }
        let strike = {
            let mut armed = self.armed.borrow_mut();
            if armed.is_empty() {
                return Ok(());
            }
            let mut struck = None;
            for (at, waiting) in
                armed.iter_mut().enumerate().filter(|(_, a)| (a.call, a.when) == (call, when))
            {
                match waiting.after.checked_sub(1) {
                    Some(left) => waiting.after = left,
                    None => struck = struck.or(Some(at)),
                }
            }
            match struck {
                Some(at) => armed.swap_remove(at).strike,
                None => return Ok(()),
            }
        };
        self.strike(strike, call, when)
    }

    fn strike(&self, strike: Strike, call: Call, when: When) -> Result<(), TransportError> {
        let world = self.world();
        world.trace.say(|| format!("{} ⚡ {strike:?} {when:?} {call:?}", self.who));
        world.struck();
        match strike {
            Strike::Crash(fate) => {
                world.power_off(self.who.instance, fate);
                self.crash()
            }
            Strike::Panic => self.crash(),
            Strike::Defect => {
                self.failed.set(true);
                // Past the panic hook: it is no message.
                std::panic::resume_unwind(Box::new("a defect of the application"))
            }
            Strike::TimeOut => {
                self.timed_out.set(true);
                Err(TransportError::TimedOut("an injected time-out"))
            }
            Strike::Full => {
                self.full.set(true);
                Err(TransportError::TimedOut("a full disk"))
            }
            Strike::Meanwhile(other, act) => {
                world.act(other, act);
                // It may have died of it, if both are one machine.
                if self.dead.get() { self.crash() } else { Ok(()) }
            }
            Strike::TakenOver(other) => {
                world.expel_worker(self);
                // Gives back what it was asked for, is given more, opens it.
                for _ in 0..3 {
                    world.act(other, Act::Step(usize::MAX));
                }
                // It may have died of it, if both are one machine.
                if self.dead.get() { self.crash() } else { Ok(()) }
            }
            Strike::Forgotten(other) => {
                let member = self.membership.borrow().member();
                world.expel_worker(self);
                for _ in 0..3 {
                    world.act(other, Act::Step(usize::MAX));
                }
                world.act(other, Act::Commit);
                member.iter().for_each(|member| world.rejoin(member));
                for _ in 0..2 {
                    world.act(other, Act::Step(usize::MAX));
                }
                if self.dead.get() { self.crash() } else { Ok(()) }
            }
            Strike::Comes(other) => {
                world.comes(other);
                if self.dead.get() { self.crash() } else { Ok(()) }
            }
            Strike::Goes(other) => {
                world.goes(other);
                if self.dead.get() { self.crash() } else { Ok(()) }
            }
        }
    }

    /// A function of a step is in the middle of its work.
    pub(super) fn working(&self) {
        // Its only answer is to unwind.
        let _ = self.before(Call::Step);
    }

    /// It waits in the middle of a step. Time passes meanwhile, also for the transaction that it has open.
    pub(super) fn waits(&self, ms: u64) {
        let world = self.world();
        if let Some(number) = self.transaction.get() {
            world.violated(|| format!("{} waits while its transaction {number} is open", self.who));
        }
        world.log.set_time_ms(world.log.time_ms() + ms as i64);
    }

    /// A step sees a record.
    pub(super) fn processed(&self, source: Source<'_>) {
        self.working();
        let partition = TopicPartition { topic: source.topic.to_owned(), partition: source.partition };
        let world = self.world();
        world.trace.say(|| {
            format!("{} processes {}-{}@{}", self.who, source.topic, source.partition, source.offset)
        });
        self.membership.borrow().processes(&world, self, &partition);
        world.may_process(self, &partition);
        let note = Note { partition, offset: source.offset };
        match self.at_least_once {
            true => self.did_process(note),
            false => self.notes.borrow_mut().push(note),
        }
        let _ = self.after(Call::Step);
    }

    /// A record of this task failed: everything that was processed since the last commit never happened.
    pub(super) fn taken_back(&self, task: TaskId) {
        match self.at_least_once {
            // Of the others it is known by their being read anew.
            true => self.reads_anew(task),
            false => drop(self.take_notes()),
        }
    }

    pub(super) fn take_notes(&self) -> Vec<Note> {
        self.notes.take()
    }

    /// The tasks of these leaders are somebody else's: what was processed of them never happened.
    pub(super) fn lost(&self, world: &World, leaders: &[TopicPartition]) {
        let is_lost =
            |note: &Note| world.task_of(&note.partition).is_some_and(|(_, leader)| leaders.contains(&leader));
        self.notes.borrow_mut().retain(|note| !is_lost(note));
    }

    /// A partition is read, of the topic that has its name now.
    pub(super) fn reads_life(&self, world: &World, place: &TopicPartition) {
        self.lives.borrow_mut().insert(place.clone(), world.life(&place.topic));
    }

    /// True if it reads the topic that is there now, and not the one before it.
    pub(super) fn reads_another(&self, place: &TopicPartition) -> bool {
        self.lives.borrow().get(place) == Some(&self.world().life(&place.topic))
    }

    /// Reading begins anew there: what was processed from there on without a transaction never happened.
    pub(super) fn rewound(&self, partition: &TopicPartition, offset: i64) {
        self.notes.borrow_mut().retain(|note| note.partition != *partition || note.offset < offset);
    }
}
