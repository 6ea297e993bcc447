//! Contenders beside one another on a broker; see [`streams_bench::versus`]. `benches/broker.sh` builds and runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    match streams_bench::versus::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
