//! What is promised, while processes are killed and held, answers lost, records refused and disks damaged.
//!
//! Each test runs applications in processes of their own and judges them from the outside: by what a client that knows
//! nothing of the product reads, by exit codes, and by the words on standard error.

mod anew;
mod broker_killed;
mod consumer_protocol;
mod disk;
mod growth;
mod killed;
mod large;
mod leaving;
mod lost_answers;
mod orders;
mod pairs;
mod prompt;
mod purged;
mod refused;
mod retention;
mod rights;
mod sharing;
mod stopping;
mod threads;
mod uncommitted;
mod unfit;
mod upgrade;
mod waiting;
mod words;
mod zombie;

use std::time::Duration;

use streams_tests::broker::application;
use streams_tests::random::Random;

/// Far more than anything takes on a busy machine: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(90);

/// A seed that is printed, so that a failure says which moments were chosen; `SEED` chooses the same again.
pub fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let said = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = said.unwrap_or(now.subsec_nanos().into());
    println!("SEED={seed}");
    seed
}
