//! Contenders beside one another on a real broker: the same records through all of them, in turn.
//!
//! ```text
//! cells        what is measured: workload, records, guarantee         options   what the command line asks for
//! contenders   who is measured: this framework, Kafka Streams, the bare loop
//! leash        a process that never outlives its owner                usage     what a process has used
//! broker       Apache Kafka, on a leash                               topics    made and deleted
//! feed         inputs are written                                     watch     a contender, until it is done
//! verify       outputs are read                                       run       all of it, for one figure
//! report       medians, spread, ratios
//! ```
//!
//! Knows contenders by the [`contract`](crate::contract) alone: all are measured and verified in the same way.

mod broker;
mod cells;
mod contenders;
mod feed;
mod leash;
mod options;
mod report;
mod run;
mod topics;
mod usage;
mod verify;
mod watch;

use broker::Broker;
use options::Options;
use run::Bench;

/// Measures what the command line asks for, and prints it.
///
/// # Errors
/// If the broker or a contender does not start. A run that goes wrong is told and left out of the report.
pub fn main() -> Result<(), String> {
    let options = Options::of_command_line()?;
    let broker = Broker::start(&options.jars)?;
    let mut bench = Bench::new(&options, &broker);
    let mut measured = Vec::new();
    for round in 0..options.rounds {
        for cell in &options.cells {
            // Nobody always comes first.
            let mut turn: Vec<_> = options.contenders.iter().collect();
            turn.rotate_left(round % options.contenders.len());
            for contender in turn.into_iter().filter(|contender| contender.does(cell)) {
                let result = bench.run(cell, contender)?;
                report::line(&result);
                options.keep(&result)?;
                measured.push(result);
            }
        }
    }
    report::table(&measured);
    match measured.iter().all(|result| result.problem.is_none()) {
        true => Ok(()),
        false => Err("some runs went wrong; they are not in the table".to_owned()),
    }
}
