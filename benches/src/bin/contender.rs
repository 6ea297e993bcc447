//! This framework beside Kafka Streams on a broker; see [`streams_bench::contract`] for what it is told.

use std::process::ExitCode;
use streams_bench::contender::application;
use streams_bench::contract::Contract;
use streams_bench::positions::begin;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let contract = Contract::of_process().and_then(|contract| match begin(&contract) {
        Ok(()) => Ok(contract),
        Err(error) => Err(error.to_string()),
    });
    let app = match contract.and_then(|contract| application(&contract)) {
        Ok(app) => app,
        Err(problem) => {
            eprintln!("contender: {problem}");
            return ExitCode::from(2);
        }
    };
    match app.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("contender: {error}");
            ExitCode::FAILURE
        }
    }
}
