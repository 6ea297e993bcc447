//! The workloads on librdkafka alone; see [`streams_bench::contract`] for what it is told.

use std::process::ExitCode;
use streams_bench::{bare, contract::Contract};

fn main() -> ExitCode {
    match Contract::of_process().and_then(|contract| bare::run(&contract)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bare: {problem}");
            ExitCode::FAILURE
        }
    }
}
