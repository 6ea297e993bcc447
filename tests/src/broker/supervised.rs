//! A process that never outlives the test that started it, and a folder that goes with it.
//!
//! The process is a child of a small shell script which waits for its standard input to end. That happens however
//! the test ends, `kill -9` included, since the operating system closes the pipe. Knows nothing of what runs.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("../../broker/supervise.sh");

/// For orders to a shell script; far more than it ever needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a process can be told by the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ends it with no chance to tidy up.
    Kill,
    /// Asks it to end.
    Terminate,
    /// As Ctrl-C.
    Interrupt,
    /// Holds it; its connections stay open and silent.
    Stop,
    /// Lets it go on after [`Signal::Stop`].
    Continue,
}

impl Signal {
    fn word(self) -> &'static str {
        match self {
            Signal::Kill => "KILL",
            Signal::Terminate => "TERM",
            Signal::Interrupt => "INT",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
        }
    }
}

/// A supervisor: at most one running process, and its folder. Dropped, it kills the one and removes the other.
#[derive(Debug)]
pub struct Supervised {
    folder: PathBuf,
    keep: bool,
    script: Child,
    orders: Option<Mutex<ChildStdin>>,
    heard: Arc<Heard>,
}

/// What the script has said so far.
#[derive(Debug, Default)]
struct Heard {
    said: Mutex<Said>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    ready: bool,
    runs: usize,
    signals: usize,
    pid: Option<u32>,
    exit: Option<i32>,
    /// The script itself ended.
    over: bool,
}

impl Supervised {
    /// A supervisor with a new folder of that name among the temporary files.
    ///
    /// With `keep`, a process that still runs in the end is left running, and the folder goes when it ends.
    pub fn new(name: &str, keep: bool) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("streams-{name}-{}-{count}", std::process::id()));
        Self::within(folder, keep)
    }

    /// A supervisor with this folder, which it makes and in the end removes.
    pub fn within(folder: PathBuf, keep: bool) -> Self {
        let mut script = Command::new("sh")
            .args(["-c", SCRIPT, "supervise"])
            .arg(&folder)
            .args(keep.then_some("keep"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C goes to the group of the test; the supervisor has to outlive it by a moment.
            .process_group(0)
            .spawn()
            .expect("a shell starts");
        let orders = script.stdin.take().map(Mutex::new);
        let answers = script.stdout.take().expect("standard output is a pipe");
        let heard = Arc::new(Heard::default());
        let listener = Arc::clone(&heard);
        thread::spawn(move || listener.listen(answers));
        let supervised = Self { folder, keep, script, orders, heard };
        supervised.heard.until("a folder", |said| said.ready.then_some(()));
        supervised
    }

    /// Where the process may leave what it likes; removed in the end.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a process; standard output and standard error go to files in the folder. There must be none running.
    pub fn run<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) {
        let runs = {
            let mut said = self.heard.said.lock().unwrap();
            assert!(said.pid.is_none() || said.exit.is_some(), "a process is running already");
            said.exit = None;
            said.runs
        };
        let mut order = b"run".to_vec();
        for word in words {
            order.push(b' ');
            order.extend(quoted(word.as_ref().as_bytes()));
        }
        self.order(&order);
        self.heard.until("a process", |said| (said.runs > runs).then_some(()));
    }

    /// Sends a signal, and returns when it has been sent. Nothing happens when the process has ended.
    pub fn signal(&self, signal: Signal) {
        let signals = {
            let said = self.heard.said.lock().unwrap();
            if said.pid.is_none() || said.exit.is_some() {
                return;
            }
            said.signals
        };
        self.order(signal.word().as_bytes());
        self.heard.until("a signal", |said| (said.signals > signals || said.exit.is_some()).then_some(()));
    }

    /// Ends the process with no chance to tidy up, and returns when it is gone.
    pub fn kill(&self) {
        self.signal(Signal::Kill);
        self.ended(PATIENCE).expect("a killed process ends");
    }

    /// Waits for the process to end: its exit code, or 128 and the number of the signal that ended it.
    pub fn ended(&self, within: Duration) -> Option<i32> {
        let deadline = Instant::now() + within;
        self.heard.wait(deadline, |said| said.exit)
    }

    /// The process that runs, or ran last.
    pub fn pid(&self) -> Option<u32> {
        self.heard.said.lock().unwrap().pid
    }

    /// What was printed on standard output so far, by all runs.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What was printed on standard error so far, by all runs.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    fn read(&self, file: &str) -> String {
        // Absent before the first run.
        let bytes = fs::read(self.folder.join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn order(&self, words: &[u8]) {
        assert!(!words.contains(&b'\n'), "an order is one line");
        let mut line = words.to_vec();
        line.push(b'\n');
        let orders = self.orders.as_ref().expect("open until dropped");
        orders.lock().unwrap().write_all(&line).expect("the supervisor runs");
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.orders.take());
        if !self.keep {
            let _ = self.script.wait();
        }
    }
}

impl Heard {
    fn listen(&self, answers: ChildStdout) {
        for line in BufReader::new(answers).lines() {
            let Ok(line) = line else { break };
            let mut said = self.said.lock().unwrap();
            match line.split_once(' ') {
                Some(("pid", number)) => {
                    said.runs += 1;
                    said.pid = number.parse().ok();
                }
                Some(("exit", code)) => said.exit = code.parse().ok(),
                Some(("sent", _)) => said.signals += 1,
                _ => said.ready = true,
            }
            self.news.notify_all();
        }
        self.said.lock().unwrap().over = true;
        self.news.notify_all();
    }

    fn until<T>(&self, what: &str, found: impl Fn(&Said) -> Option<T>) -> T {
        let answer = self.wait(Instant::now() + PATIENCE, found);
        answer.unwrap_or_else(|| panic!("a supervisor was asked for {what} and said nothing"))
    }

    fn wait<T>(&self, deadline: Instant, found: impl Fn(&Said) -> Option<T>) -> Option<T> {
        let mut said = self.said.lock().unwrap();
        loop {
            let answer = found(&said);
            let left = deadline.saturating_duration_since(Instant::now());
            if answer.is_some() || left.is_zero() || said.over {
                return answer;
            }
            said = self.news.wait_timeout(said, left).unwrap().0;
        }
    }
}

/// One word for a shell, whatever is in it.
fn quoted(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for &byte in word {
        match byte {
            b'\'' => quoted.extend(br"'\''"),
            other => quoted.push(other),
        }
    }
    quoted.push(b'\'');
    quoted
}
