//! Deterministic simulation: applications on machines that die, on a log that loses answers, one seed after the other.
//!
//! What is simulated is everything around a worker: the log, the clock, the disks, and who works when. The worker, its tasks
//! and its stores are those of production. One thread; a seed decides everything, so that a seed that fails fails again.
//!
//! | file | question |
//! |---|---|
//! | `random` | which numbers does a seed give? |
//! | `applications` | what runs? |
//! | `script` | which faults strike when? |
//! | `world` | how are they made to happen? |
//! | `machine`, `disk`, `observed` | what is between a worker and the world? |
//! | `seam` | what may strike at each call, and what is noted? |
//! | `journal` | what did a worker without transactions do? |
//! | `membership` | did a worker do what its membership allows? |
//! | `oracle` | is what is left right? |
//! | `trace` | what happened? |
//! | `shrink` | which faults matter? |

mod ahead;
mod applications;
mod disk;
mod journal;
mod machine;
mod membership;
mod observed;
mod oracle;
mod script;
mod seam;
mod shrink;
mod trace;
mod world;

use self::script::Script;
use self::world::World;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use streams_runtime::mutants::Mutant;

/// A seed whose run was not right.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// Which wrong variant of the runtime it was, if it was one.
    pub mutant: Option<Mutant>,
    /// What was not as it must be.
    pub what: String,
    /// The story: the script with the faults that matter, and what happened.
    pub story: Vec<String>,
}

impl Violation {
    /// The command that shows it again, to the last word.
    pub fn command(&self) -> String {
        let (package, seed) = (env!("CARGO_PKG_NAME"), self.seed);
        let mutant = self.mutant.map_or_else(String::new, |mutant| format!(" --mutant {mutant:?}"));
        format!(
            "cargo run -q -p {package} --no-default-features --bin simulate -- --seeds 1 --first {seed}{mutant}"
        )
    }
}

/// What was not right, and how to see it again.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}\n  once more: {}", self.seed, self.what, self.command())
    }
}

/// Runs one seed. A seed that fails is told with the faults that matter.
///
/// # Errors
/// If something was not right.
pub fn simulate(seed: u64, mutant: Option<Mutant>) -> Result<(), Box<Violation>> {
    let script = Script::of(seed, mutant);
    match run(&script, false).0 {
        None => Ok(()),
        Some(what) => {
            let script = shrink::shrink(script);
            let (still, lines) = run(&script, true);
            let mut story = vec![script.describe()];
            let fault = |fault: &script::Fault| {
                format!("fault at tick {}: slot {}, {:?}", fault.tick, fault.slot, fault.what)
            };
            story.extend(script.faults.iter().map(fault));
            story.extend(lines);
            Err(Box::new(Violation { seed, mutant, what: still.unwrap_or(what), story }))
        }
    }
}

/// What is not right in a seed; the story is not told.
pub fn violation(seed: u64, mutant: Option<Mutant>) -> Option<String> {
    run(&Script::of(seed, mutant), false).0
}

/// Runs a script. What was not right, and the trace if it is wanted.
fn run(script: &Script, traced: bool) -> (Option<String>, Vec<String>) {
    let world = World::new(script.clone(), traced);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        world.run();
        if world.violation().is_none() {
            oracle::judge(&world);
        }
    }));
    if let Err(payload) = ran {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        world.violated(|| format!("panic: {}", text.unwrap_or_default()));
    }
    (world.violation(), world.trace.take())
}
