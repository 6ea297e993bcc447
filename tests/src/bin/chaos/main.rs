//! Does everything to an application on a real broker that a seed decides, and judges what came of it.
//!
//!     chaos --kills N [--seed S] [--guarantee at_least_once] [--rate ENTRIES] [--logs FOLDER]
//!     chaos --pauses ROUNDS [--of COMMAND] [--set NAME=VALUE]...
//!
//! The first ends with `chaos: N kills, L lost, D duplicated`; the second tells for how long nothing comes out of a
//! partition when its instance ends, dies or another one joins, of this product or of another one.
//!
//! A broker needs the feature `kafka`. Built without it, this builds itself once more.

#[cfg(feature = "kafka")]
mod told;
#[cfg(not(feature = "kafka"))]
mod without;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "kafka")]
    return told::main();
    #[cfg(not(feature = "kafka"))]
    return without::main();
}
