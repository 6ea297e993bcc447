//! One of the topologies in `bin/app`, in a process of its own, and what it says about itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::app::binary;
use super::supervised::{Signal, Supervised};
use super::tools::{PATIENCE, until};

/// How much of what it said is shown when its test fails.
const LINES: usize = 200;

/// One instance. It can be started again after it ended; dropped, it is killed.
#[derive(Debug)]
pub struct Application {
    process: Supervised,
    variables: BTreeMap<String, String>,
    /// In 512 bytes, how large a file may become; see [`full_at`](Self::full_at).
    largest_file: Option<u32>,
    /// How many files it may have open, if not as many as the test; see [`open_files`](Self::open_files).
    open_files: Option<u32>,
    /// How long standard error was when the last run began.
    began: usize,
}

/// What an instance said of bringing one store up to its changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Name and partition.
    pub store: (String, u32),
    /// How many were replayed.
    pub records: i64,
    /// The offset the disk had.
    pub from: i64,
    /// The end of the changelog.
    pub to: i64,
}

impl Application {
    /// An instance of a topology, under an application id, that has not been started.
    pub fn new(topology: &str, id: &str, bootstrap: &str) -> Self {
        Self::named(topology, id, id, bootstrap)
    }

    /// One of several of an application; the name is for its folder only.
    pub fn named(topology: &str, id: &str, name: &str, bootstrap: &str) -> Self {
        let process = Supervised::new(name, false);
        let variables = [("APP", topology), ("APP_ID", id)].map(|(name, value)| (name.into(), value.into()));
        let mut app =
            Self { process, variables: variables.into(), largest_file: None, open_files: None, began: 0 };
        app.set("bootstrap.servers", bootstrap);
        // A killed instance is missed soon, and what it left open does not hold others up for long.
        app.set("consumer.session.timeout.ms", "2000").set("consumer.heartbeat.interval.ms", "200");
        app.set("producer.transaction.timeout.ms", "3000");
        app
    }

    /// With a state directory of its own.
    pub fn on_disk(mut self) -> Self {
        let directory = self.directory().display().to_string();
        self.set("state.dir", &directory);
        self
    }

    /// From the next start on.
    pub fn set(&mut self, setting: &str, value: &str) -> &mut Self {
        let variable = format!("STREAMS_{}", setting.replace('.', "_").to_uppercase());
        self.variables.insert(variable, value.to_owned());
        self
    }

    /// Another topology, from the next start on.
    pub fn run_as(&mut self, topology: &str) {
        self.variables.insert("APP".to_owned(), topology.to_owned());
    }

    /// From the next start on.
    pub fn unset(&mut self, setting: &str) -> &mut Self {
        self.variables.remove(&format!("STREAMS_{}", setting.replace('.', "_").to_uppercase()));
        self
    }

    /// What it is set to.
    pub fn setting(&self, setting: &str) -> String {
        self.variables[&format!("STREAMS_{}", setting.replace('.', "_").to_uppercase())].clone()
    }

    /// From the next start on no file grows beyond so many KiB: to whoever writes it, the disk is full.
    pub fn full_at(&mut self, kib: Option<u32>) -> &mut Self {
        self.largest_file = kib.map(|kib| kib * 2);
        self
    }

    /// From the next start on it may have so many files open, if the system allows it.
    pub fn open_files(&mut self, files: u32) -> &mut Self {
        self.open_files = Some(files);
        self
    }

    /// Where its stores are, if it has a disk.
    pub fn directory(&self) -> PathBuf {
        self.process.folder().join("state")
    }

    /// A folder that goes with it, for what a test keeps meanwhile.
    pub fn folder(&self) -> &Path {
        self.process.folder()
    }

    /// Loses its disk.
    pub fn lose_directory(&self) {
        let directory = self.directory();
        if Path::new(&directory).exists() {
            std::fs::remove_dir_all(directory).expect("a state directory can be removed");
        }
    }

    /// Starts it, the first time or again.
    pub fn start(&mut self) {
        self.began = self.process.stderr().len();
        // Where stores are if nothing is said: an empty folder for each run.
        let temporary = self.process.folder().join(format!("tmp-{}", self.began));
        std::fs::create_dir_all(&temporary).expect("the folder can be written");
        self.variables.insert("TMPDIR".to_owned(), temporary.display().to_string());
        let variables = self.variables.iter().map(|(name, value)| format!("{name}={value}"));
        let mut words = vec!["env".to_owned()];
        words.extend(variables);
        // Ignored, the signal for files that are too large becomes an error of the one who writes.
        let largest = self.largest_file.map(|largest| format!("trap '' XFSZ; ulimit -f {largest}; "));
        let files = self.open_files.map(|files| format!("ulimit -n {files}; "));
        if largest.is_some() || files.is_some() {
            let limits = [largest, files].into_iter().flatten().collect::<String>();
            words.extend(["sh".to_owned(), "-c".to_owned(), format!("{limits}exec \"$0\"")]);
        }
        words.push(binary("app").display().to_string());
        self.process.run(words);
    }

    /// Ends it as a crash does.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Asks it to end, and waits until it has. One that was only just started is waited for: a signal that comes before it
    /// listens to any would end it like any program.
    #[track_caller]
    pub fn stop(&self) {
        self.until("its start", || self.log().contains("starting").then_some(()));
        self.signal(Signal::Terminate);
        assert_eq!(self.exit(PATIENCE), Some(0), "{}", self.log());
    }

    /// Its exit code, once it ended.
    pub fn exit(&self, within: Duration) -> Option<i32> {
        self.process.ended(within)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid().expect("it was started")
    }

    /// The most memory it has had in this run, in bytes, as the system counts it.
    #[track_caller]
    pub fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.pid());
        let status =
            std::fs::read_to_string(status).unwrap_or_else(|_| panic!("it has ended:\n{}", self.log()));
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("the system tells a peak") * 1_024
    }

    /// What it said in its last run.
    pub fn log(&self) -> String {
        self.process.stderr()[self.began..].to_owned()
    }

    /// What it said in all its runs.
    pub fn whole_log(&self) -> String {
        self.process.stderr()
    }

    /// The stores it opened in its last run, in that order. One that was opened again is there again.
    pub fn restored(&self) -> Vec<Restored> {
        self.log().lines().filter_map(restored).collect()
    }

    /// Waits until it has opened so many stores in this run.
    #[track_caller]
    pub fn until_restored(&self, stores: usize) -> Vec<Restored> {
        self.until("its stores", || Some(self.restored()).filter(|restored| restored.len() >= stores))
    }

    #[track_caller]
    fn until<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        until(what, PATIENCE, || {
            ask().map(Ok).or_else(|| {
                // Nobody waits for somebody who has gone.
                let code = self.exit(Duration::ZERO)?;
                Some(ask().ok_or_else(|| format!("it ended with {code}:\n{}", self.log())))
            })
        })
        .unwrap_or_else(|ended| panic!("waited for {what}, and {ended}"))
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.process.stderr();
            let lines: Vec<&str> = log.lines().collect();
            let first = lines.len().saturating_sub(LINES);
            println!("{}:\n{}", self.process.folder().display(), lines[first..].join("\n"));
        }
    }
}

fn restored(line: &str) -> Option<Restored> {
    let (_, fields) = line.split_once(" restored store=")?;
    let mut words = fields.split(' ');
    let store = words.next()?.trim_matches('"').to_owned();
    let mut number = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=')?.parse::<i64>().ok();
    let partition = u32::try_from(number("partition")?).ok()?;
    Some(Restored {
        store: (store, partition),
        records: number("records")?,
        from: number("from")?,
        to: number("to")?,
    })
}
