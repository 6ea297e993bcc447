//! What a seed says: which application, how large everything is, and which faults strike when.
//!
//! A script is drawn before anything runs. Faults stand in a list of their own, so that the same run can be had with
//! fewer of them.
//!
//! Knows chance. Does not know how a fault is made to happen.

use super::applications::{ALL, Application};
use super::disk::Fate;
use super::seam::{Armed, Call, Strike, When};
use super::world::Act;
use crate::random::Random;
use streams_runtime::guarantee::Guarantee;
use streams_runtime::mutants::Mutant;
use streams_runtime::state::OverlayLimit;
use streams_runtime::transport::memory::Fault as Accident;

/// Threads of one instance, at most.
pub(super) const THREADS: usize = 2;

/// What strikes.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// Something at a call of a worker.
    At(Armed),
    /// An accident of the log that befalls the worker's producer.
    Accident(Accident),
    /// The machine is gone, between two steps; with `true` its group has noticed already.
    Kill(Fate, bool),
    /// The machine is away for so many ticks, and as the last of them pass, for longer than deletions are kept. It sleeps, or
    /// with `false` it is off.
    Away(usize, bool),
    /// The instance ends as it should; with `true` it gives its membership up, whatever kind it is.
    Stop(bool),
    /// The machine stands still for so many ticks; with `true` the group goes on without it.
    Pause(usize, bool),
    /// The group throws a worker out.
    Expel,
    /// The group throws a worker out, and after so many ticks its client joins anew by itself. It does nothing meanwhile.
    Forgotten(usize),
    /// A second process with the identity of the instance and a copy of its disk.
    Twin,
    /// Answers about memberships come late.
    Lag(u32),
    /// Answers about who is in the group do not come.
    LoseMembers(u32),
    /// Markers are written one by one for so many ticks; with `true` those of offsets at once and all others only then.
    HoldMarkers(usize, bool),
    /// Answers about committed offsets say "none".
    HideOffsets(u32),
    /// Answers about ends do not come.
    LoseEnds(u32),
    /// The brokers' clock jumps.
    Jump(i64),
    /// The clock of a machine is wrong from now on.
    Skew(i64),
    /// Weeks pass, and everybody runs.
    Weeks,
    /// Weeks pass, and nobody runs.
    NobodyForWeeks(u64),
    /// An input is deleted and made anew, with other records; whether somebody runs then says the number.
    InputAnew(u64),
    /// Everybody ends, and changelogs are made anew with what was in them.
    ChangelogsAnew(u64),
    /// Changelogs are compacted.
    Compact,
    /// Consumed records are deleted.
    Purge,
    /// A topic gets more partitions.
    Grow,
}

/// A fault: when, whom, what.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) tick: usize,
    pub(super) slot: usize,
    pub(super) what: What,
}

/// One seed, spelt out.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) seed: u64,
    /// The variant of the runtime that the workers are.
    pub(super) mutant: Option<Mutant>,
    pub(super) application: &'static Application,
    pub(super) guarantee: Guarantee,
    pub(super) partitions: u32,
    /// How many threads each instance has.
    pub(super) threads: Vec<usize>,
    pub(super) overlays: Vec<OverlayLimit>,
    /// Whether a machine keeps its disk when it is started again.
    pub(super) disks: Vec<bool>,
    /// So many answers about inputs come from a broker that has not heard of them.
    pub(super) unheard: u32,
    /// When each is started first.
    pub(super) starts: Vec<usize>,
    /// Those that keep their disks are static members.
    pub(super) statics: bool,
    /// Stores are given a head start. What is judged of rows at least once begins where a task is opened, and not before.
    pub(super) ahead: bool,
    pub(super) ticks: usize,
    /// Some records come in transactions.
    pub(super) transactional: bool,
    /// Partitions that get nothing until the end: every third.
    pub(super) idle: bool,
    pub(super) faults: Vec<Fault>,
}

impl Script {
    pub(super) fn of(seed: u64, mutant: Option<Mutant>) -> Script {
        let mut random = Random::of(seed, 1);
        // What may be deleted is the hardest to get right.
        let mut deleting = ALL.iter().filter(|application| application.deletes);
        let application = if random.once_in(8) { deleting.next() } else { None };
        let application = application.unwrap_or(random.pick(ALL));
        let partitions = random.weigh(&[(3, 1), (4, 2), (3, 3), (2, 4), (1, 5), (1, 8)]);
        let instances = random.weigh(&[(2, 1), (4, 2), (3, 3)]);
        let threads: Vec<usize> = (0..instances).map(|_| random.weigh(&[(2, 1), (1, THREADS)])).collect();
        let overlays = [OverlayLimit::NONE, OverlayLimit::values(2), OverlayLimit::UNBOUNDED];
        let overlays = (0..instances).map(|_| *random.pick(&overlays)).collect();
        let disks = (0..instances).map(|_| !random.once_in(3)).collect();
        let ticks = 60 + random.below(80);
        let transactional = random.once_in(2);
        let idle = random.once_in(4);
        let slots = instances * THREADS;
        let count = random.weigh(&[(1, 0), (2, 2), (4, 5), (3, 9), (1, 14)]);
        let mut faults = Vec::new();
        for _ in 0..count {
            let (tick, slot) = (random.below(ticks), random.below(slots));
            let what = fault(&mut random, application, partitions, slots);
            faults.extend(companion(&mut random, tick, slot, &what));
            faults.push(Fault { tick, slot, what });
        }
        // Drawn apart: what was drawn before stays as it was.
        let mut random = Random::of(seed, 4);
        let statics = random.once_in(3);
        let late = |n: usize| if n > 0 && random.once_in(3) { random.below(ticks / 2) } else { 0 };
        let starts = (0..instances).map(late).collect();
        for _ in 0..random.weigh(&[(4, 0), (3, 1), (2, 3)]) {
            let (tick, slot) = (random.below(ticks), random.below(slots));
            let what = of_membership(&mut random, slots, statics);
            if let What::LoseMembers(_) = what {
                // For who has nothing and asks.
                faults.push(Fault { tick, slot, what: What::Kill(Fate::Kept, true) });
            }
            faults.push(Fault { tick, slot, what });
        }
        let unheard = Random::of(seed, 9).weigh(&[(7, 0), (1, 1), (1, 5)]);
        let mut random = Random::of(seed, 8);
        if random.once_in(4) {
            let (tick, slot) = (ticks / 3 + random.below(ticks * 2 / 3), random.below(slots));
            let what = match (random.below(8), random.number()) {
                (0..2, _) => What::Weeks,
                (2..4, how) if application.remembers => What::NobodyForWeeks(how),
                (4..6, how) if application.remembers => What::InputAnew(how),
                (_, how) => What::ChangelogsAnew(how),
            };
            faults.push(Fault { tick, slot, what });
        }
        let mut random = Random::of(seed, 11);
        for _ in 0..random.weigh(&[(3, 0), (2, 1), (1, 3)]) {
            let (tick, slot) = (random.below(ticks), random.below(slots));
            faults.push(Fault { tick, slot, what: What::At(inside(&mut random, slots)) });
        }
        let guarantee = match Random::of(seed, 5).once_in(4) {
            true => Guarantee::AtLeastOnce,
            false => Guarantee::ExactlyOnce,
        };
        if guarantee == Guarantee::AtLeastOnce {
            without_transactions(&mut Random::of(seed, 6), application, partitions, &mut faults);
        }
        faults.sort_by_key(|fault| fault.tick);
        Script {
            seed,
            mutant,
            application,
            guarantee,
            partitions,
            threads,
            overlays,
            disks,
            unheard,
            starts,
            statics,
            ahead: guarantee == Guarantee::ExactlyOnce && Random::of(seed, 10).once_in(2),
            ticks,
            transactional,
            idle,
            faults,
        }
    }

    pub(super) fn describe(&self) -> String {
        let disks = self.disks.iter().filter(|kept| **kept).count();
        format!(
            "seed {}: `{}`, {:?}, with {} partitions, threads {:?}, {disks} with a disk, {} ticks, {} faults",
            self.seed,
            self.application.name,
            self.guarantee,
            self.partitions,
            self.threads,
            self.ticks,
            self.faults.len()
        )
    }
}

fn fate(random: &mut Random) -> Fate {
    match random.below(8) {
        0..4 => Fate::Kept,
        4..7 => Fate::PowerLost(random.number()),
        _ => Fate::Deleted,
    }
}

fn fault(random: &mut Random, application: &Application, partitions: u32, slots: usize) -> What {
    if application.deletes && random.once_in(4) {
        return What::Away(8 + random.below(16), !random.once_in(3));
    }
    match random.below(32) {
        0..7 => What::At(crash(random)),
        7..12 => What::At(no_answer(random)),
        12..14 => What::At(meanwhile(random, slots)),
        14..19 => What::Accident(accident(random, application, partitions)),
        19 => What::Kill(fate(random), random.once_in(2)),
        20 => What::Stop(false),
        21..23 => What::Pause(2 + random.below(30), !random.once_in(4)),
        23 => What::Expel,
        24..26 => What::HoldMarkers(2 + random.below(20), random.once_in(2)),
        26 => What::HideOffsets(1 + random.below(4) as u32),
        27 => What::LoseEnds(1 + random.below(5) as u32),
        28 => What::Jump(random.weigh(&[(2, 7_000), (2, 20_000), (2, 61_000), (2, 90_000_000)])),
        29 => What::Skew(random.weigh(&[(1, -20_000), (1, -300), (1, 900), (1, 60_000)])),
        30 if application.grows.is_some() => What::Grow,
        30 => What::Purge,
        _ => What::Compact,
    }
}

/// Some accidents do harm only in company.
fn companion(random: &mut Random, tick: usize, slot: usize, of: &What) -> Option<Fault> {
    let what = match of {
        // Somebody else has the tasks while markers are missing.
        What::HoldMarkers(..) => match random.below(4) {
            0 => What::Kill(fate(random), true),
            1 => What::Expel,
            2 => {
                let strike = Strike::Crash(fate(random));
                What::At(Armed { call: Call::Commit, when: When::After, after: 0, strike })
            }
            _ => return None,
        },
        // While it ends.
        What::Stop(_) => {
            let call = *random.pick(&[Call::Commit, Call::Apply, Call::Leave, Call::Offsets]);
            let when = if random.once_in(2) { When::Before } else { When::After };
            What::At(Armed { call, when, after: 0, strike: Strike::Crash(fate(random)) })
        }
        // Or while records have not arrived.
        What::At(Armed { call: Call::Offsets, strike: Strike::TakenOver(_), .. }) => {
            What::Accident(Accident::Slow)
        }
        _ => return None,
    };
    let later = if let What::HoldMarkers(..) = of { random.below(6) } else { 0 };
    Some(Fault { tick: tick + later, slot, what })
}

fn crash(random: &mut Random) -> Armed {
    use Call::*;
    let calls = [
        (2, Begin),
        (3, Send),
        (2, Flush),
        (3, Offsets),
        (4, Commit),
        (3, Abort),
        (3, Apply),
        (2, Get),
        (2, Assign),
        (2, Committed),
        (2, Ends),
        (1, ReplayAssign),
        (2, ReplayPoll),
        (2, Init),
        (2, Poll),
        (2, Revoked),
        (1, Leave),
        (1, Membership),
        (1, Members),
    ];
    let call = random.weigh(&calls);
    let when = if random.once_in(2) { When::Before } else { When::After };
    let strike = if random.once_in(4) { Strike::Panic } else { Strike::Crash(fate(random)) };
    Armed { call, when, after: some(random, call), strike }
}

/// In the middle of a record, or of what prepares a commit.
fn inside(random: &mut Random, slots: usize) -> Armed {
    let (call, most) = random.weigh(&[(3, (Call::Step, 16)), (1, (Call::Change, 5))]);
    let after = random.below(most);
    let when = if random.once_in(3) { When::After } else { When::Before };
    let strike = match random.below(9) {
        0..3 => Strike::Crash(fate(random)),
        3 => Strike::Panic,
        // It takes longer than its session.
        4 => Strike::TakenOver(random.below(slots)),
        5 => Strike::Meanwhile(random.below(slots), Act::Step(usize::MAX)),
        _ if call == Call::Step => Strike::Defect,
        _ => Strike::Crash(fate(random)),
    };
    Armed { call, when, after, strike }
}

fn some(random: &mut Random, call: Call) -> usize {
    if call == Call::Send { random.below(12) } else { random.below(3) }
}

/// Calls that may go without an answer, and when: some are local once they are done.
fn no_answer(random: &mut Random) -> Armed {
    use Call::*;
    use When::{After, Before};
    let calls = [
        (2, (Committed, Before)),
        (2, (Ends, Before)),
        (2, (Init, Before)),
        (1, (Begin, Before)),
        (2, (Send, Before)),
        (2, (Send, After)),
        (2, (Flush, Before)),
        (2, (Flush, After)),
        (2, (Offsets, Before)),
        (2, (Offsets, After)),
        (2, (Commit, Before)),
        (3, (Commit, After)),
        (2, (Abort, Before)),
        (2, (Abort, After)),
        (2, (Assign, Before)),
        (1, (ReplayAssign, Before)),
        (1, (ReplayPoll, Before)),
        (1, (ReplayPoll, After)),
        (1, (Poll, Before)),
        (1, (Poll, After)),
        (1, (Revoked, After)),
        (1, (Leave, Before)),
        (2, (Apply, Before)),
        (1, (Members, Before)),
    ];
    let (call, when) = random.weigh(&calls);
    let strike = if call == Apply { Strike::Full } else { Strike::TimeOut };
    Armed { call, when, after: some(random, call), strike }
}

/// Accidents of transactions become those of a producer that has none, and what would strike at a call that is not made there
/// strikes at one that is.
fn without_transactions(
    random: &mut Random,
    application: &Application,
    partitions: u32,
    faults: &mut Vec<Fault>,
) {
    if random.once_in(3) {
        // Between the first rows and the first offsets.
        let strike = Strike::Crash(fate(random));
        let armed = Armed { call: Call::Offsets, when: When::Before, after: random.below(2), strike };
        faults.push(Fault { tick: 0, slot: 0, what: What::At(armed) });
    }
    for fault in faults {
        match &mut fault.what {
            What::Accident(accident) => {
                let written = application.written.iter().map(|topic| (*topic).to_owned());
                let changelogs = application.changelogs.iter().map(|topic| (*topic).to_owned());
                let topics: Vec<String> = written.chain(changelogs).collect();
                *accident = match random.below(4) {
                    0 => Accident::AckLost,
                    1 => Accident::Slow,
                    _ => Accident::Undelivered {
                        topic: random.pick(&topics).clone(),
                        partition: random.below(partitions as usize) as u32,
                    },
                };
            }
            What::At(armed)
                if matches!(armed.call, Call::Begin | Call::Commit | Call::Abort | Call::Init) =>
            {
                armed.call = *random.pick(&[Call::Offsets, Call::Flush, Call::Send, Call::Offsets]);
            }
            _ => {}
        }
    }
}

/// What befalls the membership of a worker, and that of others at its expense.
fn of_membership(random: &mut Random, slots: usize, statics: bool) -> What {
    use Call::*;
    let other = random.below(slots);
    let when = if random.once_in(2) { When::Before } else { When::After };
    match random.below(12) {
        0..2 => What::Forgotten(random.weigh(&[(1, 0), (1, 4), (1, 15)])),
        2..6 => {
            let call = *random.pick(&[Offsets, Offsets, Commit, Flush, Send, Abort, Poll, Membership]);
            let when = if call == Membership { When::Before } else { when };
            let strike = Strike::Forgotten(other);
            What::At(Armed { call, when, after: some(random, call), strike })
        }
        6..8 => {
            let call = *random.pick(&[Revoked, Revoked, Poll, Commit, Offsets, Members, Apply, Committed]);
            let strike = if random.once_in(3) { Strike::Goes(other) } else { Strike::Comes(other) };
            What::At(Armed { call, when, after: some(random, call), strike })
        }
        8 if random.once_in(2) => What::LoseMembers(2 + random.below(6) as u32),
        8 => What::Lag(1 + random.below(4) as u32),
        9..11 if statics => What::Twin,
        11 => What::Stop(true),
        _ => What::Stop(false),
    }
}

/// Another worker does something in the middle of a call.
fn meanwhile(random: &mut Random, slots: usize) -> Armed {
    use Call::*;
    let other = random.below(slots);
    if random.once_in(2) {
        let call = random.weigh(&[(4, Offsets), (1, Flush), (1, Commit), (1, Abort), (1, Committed)]);
        let when = if random.once_in(3) { When::Before } else { When::After };
        return Armed { call, when, after: 0, strike: Strike::TakenOver(other) };
    }
    let call = *random
        .pick(&[Committed, Ends, Offsets, Commit, Flush, Poll, Revoked, Abort, Membership, Members, Apply]);
    let when = if call == Membership || random.once_in(2) { When::Before } else { When::After };
    let act = random.weigh(&[(2, Act::Step(usize::MAX)), (1, Act::Step(1)), (2, Act::Commit)]);
    Armed { call, when, after: some(random, call), strike: Strike::Meanwhile(other, act) }
}

fn accident(random: &mut Random, application: &Application, partitions: u32) -> Accident {
    let topic = (*random.pick(application.written)).to_owned();
    let partition = random.below(partitions as usize) as u32;
    match random.below(15) {
        0 => Accident::InitLost,
        1 => Accident::AckLost,
        2 => Accident::Undelivered { topic, partition },
        3 => Accident::OffsetsLost,
        4..6 => Accident::CommitLost,
        6..8 => Accident::CommitAnswerLost,
        8 => Accident::CommitLate,
        9 => Accident::FencedBeforeCommit,
        10 => Accident::FencedAfterCommit,
        11 => Accident::AbortLost,
        12 | 13 => Accident::Slow,
        _ => Accident::AbortAnswerLost,
    }
}
