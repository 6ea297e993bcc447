//! An application beside the test: a binary of the examples on a broker, in a process of its own.
//!
//! Knows how binaries are built and that settings can be given in the environment. It can be killed and started again
//! on the disk it had. Knows nothing of topologies.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::supervised::{Signal, Supervised};

/// A running application. Dropped, it is killed, and its state directory removed.
#[derive(Debug)]
pub struct App {
    words: Vec<OsString>,
    supervised: Supervised,
}

impl App {
    /// Starts a binary of the examples on these brokers, with more settings by their names.
    pub fn start(binary: &str, bootstrap: &str, settings: &[(&str, &str)]) -> Self {
        let supervised = Supervised::new(binary, false);
        let state = supervised.folder().join("state");
        let always = [("bootstrap.servers", bootstrap), ("state.dir", state.to_str().expect("a plain path"))];
        let mut words: Vec<OsString> = vec!["env".into(), "RUST_BACKTRACE=0".into()];
        words.extend(always.iter().chain(settings).map(|(name, value)| variable(name, value)));
        words.push(self::binary(binary).into_os_string());
        supervised.run(&words);
        Self { words, supervised }
    }

    /// Starts it again after its end, on the same disk.
    pub fn restart(&self) {
        self.supervised.run(&self.words);
    }

    /// Ends it as a crash does.
    pub fn kill(&self) {
        self.assert_runs();
        self.supervised.kill();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.supervised.signal(signal);
    }

    /// Waits for its end: its exit code, or 128 and the number of the signal that ended it.
    pub fn ended(&self, within: Duration) -> Option<i32> {
        self.supervised.ended(within)
    }

    /// What it printed on standard error so far, by all runs.
    pub fn stderr(&self) -> String {
        self.supervised.stderr()
    }

    /// Panics with its last words if it has ended.
    #[track_caller]
    pub fn assert_runs(&self) {
        if let Some(code) = self.ended(Duration::ZERO) {
            panic!("the application ended with {code}:\n{}{}", self.supervised.stdout(), self.stderr());
        }
    }

    /// Its process and its folder.
    pub fn process(&self) -> &Supervised {
        &self.supervised
    }
}

/// A setting as it is given in the environment.
fn variable(name: &str, value: &str) -> OsString {
    format!("STREAMS_{}={value}", name.to_uppercase().replace('.', "_")).into()
}

/// A binary of the examples or of the tests, built with the features and for the target of this program.
///
/// Cargo builds what it was asked for only, so it is asked once more; when nothing has changed that takes less than a
/// second.
pub(super) fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    let this = env::current_exe().expect("a program has a path");
    let folder = this.parent().expect("a program lies in a folder");
    // Tests lie in `deps` of the profile's folder, binaries in the folder itself.
    let profile = if folder.ends_with("deps") { folder.parent().expect("above `deps`") } else { folder };
    let target = profile.parent().expect("profiles lie in the target folder");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--bins", "--package", "streams-examples"]);
    // Chosen together with this package, its features are what they are for this program, and nothing is built twice.
    cargo.args(["--package", "streams-tests", "--features", "streams-tests/kafka"]);
    cargo.args(profile.ends_with("release").then_some("--release"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target);
    let built = cargo.status().expect("cargo starts");
    assert!(built.success(), "the applications do not build");
    profile.to_owned()
}
