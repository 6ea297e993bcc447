//! The deeds of a seed, one after the other. Knows no broker and no process; the same seed gives the same deeds.

use std::fmt;
use std::time::Duration;

use crate::broker::proxy::{Api, Fault, Half};
use crate::random::Random;

/// Instances of the application.
pub(super) const INSTANCES: usize = 3;

/// Longer than a session.
const BEYOND_A_SESSION: u64 = 2_500;

/// After so many steps everything has to arrive before it goes on.
const STEPS_IN_A_ROW: usize = 12;

/// What a start has of what the runs before it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    /// Its directory.
    Kept,
    /// An empty one: the disk was lost.
    Lost,
    /// None of its own: it is another instance to the group, and its directory waits for the next run.
    Another,
}

/// What happens to the connections of one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The next requests of a kind meet with a fault.
    Requests(Api, Fault, usize),
    Cut,
    Refuse(Duration),
    HalfClose(Half, Duration),
    /// Bytes a second.
    Slow(u32, Duration),
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Kill {
        instance: usize,
        away: Duration,
        with: Disk,
    },
    /// The broker, and perhaps an instance while it is away.
    KillBroker {
        away: Duration,
        and: Option<usize>,
    },
    /// SIGSTOP, and SIGCONT after some time.
    Hold {
        instance: usize,
        time: Duration,
    },
    /// SIGTERM, to be back after some time; `for_good` gives the tasks up.
    End {
        instance: usize,
        for_good: bool,
        away: Duration,
    },
    /// All but one end, and are back after some time.
    OnlyOne {
        instance: usize,
        away: Duration,
    },
    Trouble {
        instance: usize,
        trouble: Trouble,
    },
    /// Everything written so far has to be seen in the output.
    Settle,
}

/// A deed, and how long nothing is done before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) deed: Deed,
}

/// So many kills, with everything else between them.
pub(super) fn script(seed: u64, kills: usize) -> Vec<Step> {
    let mut random = Random::of(seed, 0);
    let mut steps = Vec::new();
    let (mut killed, mut may_hang) = (0, false);
    while killed < kills {
        let after = millis(&mut random, 100, 1_300);
        let deed = deed(&mut random);
        killed += usize::from(matches!(deed, Deed::Kill { .. }));
        if let Deed::KillBroker { and, .. } = &deed {
            let both = 1 + usize::from(and.is_some());
            if killed + both > kills {
                continue;
            }
            killed += both;
            if std::mem::take(&mut may_hang) {
                // That must not become too old while the broker starts: see `cluster::TRANSACTION`.
                steps.push(Step { after: Duration::ZERO, deed: Deed::Settle });
            }
        } else if steps.len() % STEPS_IN_A_ROW == STEPS_IN_A_ROW - 1 {
            steps.push(Step { after: Duration::ZERO, deed: Deed::Settle });
            may_hang = false;
        }
        may_hang |= leaves_a_transaction(&deed);
        steps.push(Step { after, deed });
    }
    steps.push(Step { after: Duration::from_secs(1), deed: Deed::Settle });
    steps
}

/// True if a transaction may be left open that nobody takes back before it has timed out: whoever comes back with another disk has
/// another name.
fn leaves_a_transaction(deed: &Deed) -> bool {
    matches!(deed, Deed::Kill { with: Disk::Lost | Disk::Another, .. })
}

fn deed(random: &mut Random) -> Deed {
    let instance = random.below(INSTANCES);
    match random.weigh(&[(50, 0), (7, 1), (8, 2), (6, 3), (3, 4), (26, 5)]) {
        0 => {
            let with = random.weigh(&[(6, Disk::Kept), (2, Disk::Lost), (2, Disk::Another)]);
            Deed::Kill { instance, away: millis(random, 0, 3_000), with }
        }
        1 => {
            let and = (random.once_in(2)).then_some(instance);
            Deed::KillBroker { away: millis(random, 0, 1_500), and }
        }
        2 => Deed::Hold { instance, time: millis(random, BEYOND_A_SESSION, 4_000) },
        3 => Deed::End { instance, for_good: random.once_in(2), away: millis(random, 0, 4_000) },
        4 => Deed::OnlyOne { instance, away: millis(random, 2_000, 6_000) },
        _ => Deed::Trouble { instance, trouble: trouble(random) },
    }
}

fn trouble(random: &mut Random) -> Trouble {
    const APIS: [Api; 14] = [
        Api::PRODUCE,
        Api::FETCH,
        Api::LIST_OFFSETS,
        Api::METADATA,
        Api::OFFSET_FETCH,
        Api::FIND_COORDINATOR,
        Api::JOIN_GROUP,
        Api::HEARTBEAT,
        Api::SYNC_GROUP,
        Api::INIT_PRODUCER_ID,
        Api::ADD_PARTITIONS_TO_TXN,
        Api::ADD_OFFSETS_TO_TXN,
        Api::END_TXN,
        Api::TXN_OFFSET_COMMIT,
    ];
    match random.below(10) {
        0..4 => {
            let api = *random.pick(&APIS);
            let late = millis(random, 100, 2_500);
            let faults = [Fault::LoseRequest, Fault::LoseAnswer, Fault::WithholdAnswer, Fault::Delay(late)];
            Trouble::Requests(api, *random.pick(&faults), 1 + random.below(3))
        }
        4 => Trouble::Cut,
        5 => Trouble::Refuse(millis(random, 200, 3_000)),
        6 => Trouble::HalfClose(Half::Requests, millis(random, 500, 4_000)),
        7 => Trouble::HalfClose(Half::Answers, millis(random, 500, 4_000)),
        _ => Trouble::Slow(2_000 << random.below(5), millis(random, 500, 4_000)),
    }
}

fn millis(random: &mut Random, from: u64, to: u64) -> Duration {
    let span = usize::try_from(to - from).expect("a few seconds");
    Duration::from_millis(from + random.below(span) as u64)
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Requests(Api(api), fault, times) => {
                write!(f, "{fault:?} for the next {times} requests of API {api}")
            }
            Trouble::Cut => write!(f, "connections cut"),
            Trouble::Refuse(time) => write!(f, "connections cut and refused for {time:?}"),
            Trouble::HalfClose(half, time) => {
                write!(f, "connections half-closed ({half:?}), cut after {time:?}")
            }
            Trouble::Slow(speed, time) => {
                write!(f, "connections slowed to {speed} bytes a second for {time:?}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn killed(deed: &Deed) -> usize {
        match deed {
            Deed::Kill { .. } => 1,
            Deed::KillBroker { and, .. } => 1 + usize::from(and.is_some()),
            _ => 0,
        }
    }

    #[test]
    fn a_seed_gives_the_same_deeds_and_as_many_kills_as_were_asked_for() {
        for seed in 0..50 {
            let steps = script(seed, 20);
            assert_eq!(steps, script(seed, 20));
            assert_eq!(steps.iter().map(|step| killed(&step.deed)).sum::<usize>(), 20);
        }
        assert_ne!(script(1, 20), script(2, 20));
    }

    #[test]
    fn no_broker_is_killed_while_a_transaction_hangs_and_some_are_while_much_is_under_way() {
        let (mut hangs, mut settled, mut under_way) = (false, true, 0);
        for Step { deed, .. } in script(3, 400) {
            match deed {
                Deed::Settle => (hangs, settled) = (false, true),
                Deed::KillBroker { .. } => {
                    assert!(!hangs);
                    under_way += usize::from(!settled);
                }
                deed => (hangs, settled) = (hangs || leaves_a_transaction(&deed), false),
            }
        }
        assert!(under_way > 5, "{under_way}");
    }
}
