//! A process that never outlives its owner.
//!
//! Between the two stands a shell that waits for its standard input to end, which happens however the owner ends,
//! `kill -9` included. Knows nothing of what runs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Its arguments: a folder that goes with the process, or nothing, and the command.
const SHELL: &str = r#"
exec 3<&0
folder=$1
shift
"$@" 3<&- </dev/null >&2 &
child=$!
echo "$child"
{ read -r _ <&3; kill -s KILL "$child"; } 2>/dev/null &
reader=$!
wait "$child"
status=$?
kill -s KILL "$reader" 2>/dev/null
[ -z "$folder" ] || rm -rf "$folder"
exit "$status"
"#;

/// A process on a leash. Dropped, it is killed.
#[derive(Debug)]
pub struct Leash {
    shell: Child,
    held: Option<ChildStdin>,
    /// The process.
    pub pid: u32,
}

impl Leash {
    /// Starts a command with these variables more; what it prints goes to `log`. `folder` is removed when it ends.
    pub fn start(
        command: &[OsString],
        variables: &[(&str, String)],
        log: &File,
        folder: Option<&Path>,
    ) -> std::io::Result<Leash> {
        let mut shell = Command::new("sh")
            .args(["-c", SHELL, "leash"])
            .arg(folder.unwrap_or(Path::new("")))
            .args(command)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            // Ctrl-C is for the owner.
            .process_group(0)
            .spawn()?;
        let held = shell.stdin.take();
        let mut pid = String::new();
        BufReader::new(shell.stdout.take().expect("it is a pipe")).read_line(&mut pid)?;
        let pid = pid.trim().parse().map_err(|_| std::io::Error::other("the shell did not start it"))?;
        Ok(Leash { shell, held, pid })
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let order = format!("kill -s {name} {}", self.pid);
        // It may have ended just before.
        let _ = Command::new("sh").args(["-c", &order]).stderr(Stdio::null()).status();
    }

    /// Asks it to end; its exit status, or `None` if it had to be killed.
    pub fn stop(mut self, within: Duration) -> Option<i32> {
        self.signal("TERM");
        self.ended(within)
    }

    /// Waits for it to end by itself.
    pub fn ended(&mut self, within: Duration) -> Option<i32> {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.shell.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.held.take());
        let _ = self.shell.wait();
    }
}
