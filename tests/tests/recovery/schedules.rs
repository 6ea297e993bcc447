//! Random schedules: every accident of the in-process log, in any order, on three instances.

use super::OVERLAYS;
use super::world::{World, feed};
use streams_runtime::instance::InProcess;
use streams_runtime::transport::memory::Fault;
use streams_runtime::worker::Worker;

/// Random schedules of three instances and everything that can happen to them.
#[test]
fn random_schedules() {
    let seeds = std::env::var("SEEDS").map_or(crate::disk::SEEDS, |seeds| seeds.parse().unwrap());
    let first = std::env::var("SEED").map_or(0, |seed| seed.parse().unwrap());
    for seed in first..first + seeds {
        let result = std::panic::catch_unwind(|| random_schedule(seed));
        assert!(result.is_ok(), "SEED={seed} SEEDS=1 shows it again");
    }
}

fn random_schedule(seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let names = ["one", "two", "three"];
    let faults = [
        Fault::InitLost,
        Fault::AckLost,
        Fault::Undelivered { topic: "sums".to_owned(), partition: 0 },
        Fault::Undelivered { topic: "app-counts-changelog".to_owned(), partition: 1 },
        Fault::OffsetsLost,
        Fault::CommitLost,
        Fault::CommitAnswerLost,
        Fault::CommitLate,
        Fault::FencedBeforeCommit,
        Fault::FencedAfterCommit,
        Fault::AbortLost,
        Fault::AbortAnswerLost,
    ];
    let mut world = World::new(OVERLAYS[random(3) as usize]);
    let with_disk = random(2) == 0;
    let mut workers: [Option<Worker<InProcess>>; 3] = [None, None, None];
    let mut fed = 0;
    for _ in 0..160 {
        let who = random(3) as usize;
        match (random(24), &mut workers[who]) {
            (0..10, Some(worker)) => drop(worker.step(1 + random(20) as usize).unwrap()),
            (10..14, Some(worker)) => drop(worker.commit().unwrap()),
            (14, Some(worker)) => worker.abort().unwrap(),
            (15, Some(_)) => workers[who] = None,
            (16, Some(_)) => {
                if let Some(worker) = workers[who].take() {
                    // Refused or not: it is gone.
                    let _ = worker.leave();
                }
            }
            (17, Some(_)) => {
                let fault = faults[random(faults.len() as u64) as usize].clone();
                world.log.inject(&format!("app-{}", names[who]), fault);
            }
            (18, Some(_)) => {
                let member = format!("app-{}-{}", names[who], 1 + random(5));
                world.log.expel("app", &member);
            }
            (19, _) => world.log.hold_markers(random(3) == 0),
            (20, _) => drop(world.log.write_marker(random(3) as usize)),
            (21, _) => {
                world.log.set_time_ms(world.log.time_ms() + [10, 20_000, 61_000][random(3) as usize]);
                world.log.deliver_late();
            }
            (22, _) if fed < 40 => {
                feed(&world.log, fed, fed + 2);
                fed += 2;
            }
            (_, None) => workers[who] = Some(world.start(names[who], with_disk)),
            _ => {}
        }
    }
    // Who crashed is noticed, and everybody who lives works it off.
    world.log.hold_markers(false);
    world.log.set_time_ms(world.log.time_ms() + 120_000);
    world.log.deliver_late();
    let last = world.start("last", with_disk);
    let mut living: Vec<_> = workers.into_iter().flatten().collect();
    living.push(last);
    world.check(living, fed);
}
