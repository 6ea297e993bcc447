//! An application on a real broker, and everything that can happen to it, decided by a seed.
//!
//! Three instances of `ledger` (`bin/app/ledger.rs`) process a steady input while they are killed, held, ended and
//! started again, with and without their disks, while connections are cut, slowed and half-closed, and while the broker
//! is killed. Then [`verify`] tells from what another client reads whether each entry took effect exactly once.
//!
//! What is done is decided before it is begun ([`script`]); how long the machine takes for it is not, so a seed gives
//! the same deeds once more, not the same moments.

mod cluster;
mod input;
mod pauses;
mod script;
mod trace;
mod verify;

pub use pauses::{Pauses, pause_of_a_join, pauses};
pub use verify::Verdict;

use cluster::Cluster;
use trace::Trace;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often somebody is killed, the broker included.
    pub kills: usize,
    /// Decides everything else.
    pub seed: u64,
    /// `processing.guarantee` of the application.
    pub guarantee: String,
    /// Entries a second.
    pub rate: usize,
    /// Where logs go if anything is wrong.
    pub logs: Option<std::path::PathBuf>,
}

impl Plan {
    /// So many kills under exactly once.
    pub fn of(kills: usize, seed: u64) -> Self {
        Self { kills, seed, guarantee: "exactly_once_v2".to_owned(), rate: 150, logs: None }
    }
}

/// Does it all, tells on standard output what is done to whom, and judges what came of it.
pub fn run(plan: &Plan) -> Verdict {
    let trace = Trace::start();
    trace.say(&format!(
        "{} kills, seed {}, {}, {} entries a second",
        plan.kills, plan.seed, plan.guarantee, plan.rate
    ));
    let mut cluster = Cluster::start(plan, &trace);
    for step in script::script(plan.seed, plan.kills) {
        cluster.take(&step);
    }
    let verdict = cluster.finish();
    if !verdict.is_right() {
        if let Some(logs) = &plan.logs {
            cluster.keep_logs(logs);
        }
        trace.say(&format!("once more: chaos --kills {} --seed {}", plan.kills, plan.seed));
    }
    verdict
}
