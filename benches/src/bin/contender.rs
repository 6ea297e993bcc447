//! This framework beside Kafka Streams on a broker; see [`streams_bench::contract`] for what it is told.

use std::process::ExitCode;
use streams_bench::contender::application;
use streams_bench::contract::Contract;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let app = match Contract::of_process().and_then(|contract| application(&contract)) {
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
