//! This program without the feature that it needs: Cargo is asked for it with the feature.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

/// In its place, so that whoever ends this program ends the other one.
pub(super) fn main() -> ExitCode {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    cargo.args((!cfg!(debug_assertions)).then_some("--release"));
    cargo.args(["--features", "kafka", "--bin", "chaos", "--"]).args(env::args_os().skip(1));
    let problem = cargo.exec();
    eprintln!("{}: {problem}", cargo.get_program().display());
    ExitCode::FAILURE
}
