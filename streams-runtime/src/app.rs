//! An application: a topology with an id, run to its end.
//!
//! With brokers in its settings it runs on Kafka (`run`) until a signal ends it. Without, it runs on the in-process log:
//! records come in as lines, from files or standard input, and what leaves through the output topics is printed. The
//! same worker code as on a broker, in this thread.
//!
//! Knows the command line and files. Does not know what a line means (`lines`), nor how records are processed (`worker`).

mod settings;

use crate::directory::{self, DirectoryError, StateDirectory};
use crate::driver::{Driver, drops};
use crate::instance::{InProcess, create_topics, run_until_idle};
use crate::lines::{self, LineError, TextInput, Topics};
use crate::settings::{Given, SettingsError, Sources};
use crate::startup::StartupError;
use crate::stream::Topic;
use crate::topology::{Entry, Plan, PlanError, Topology};
use crate::transport::TransportError;
use crate::transport::memory::MemoryLog;
use crate::worker::{Worker, WorkerError};
use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What `topology!` makes.
pub trait App {
    /// Its name.
    const NAME: &'static str;
    /// Its steps.
    const STEPS: &'static [Entry];

    /// The graph.
    fn graph() -> Topology {
        Topology::of(Self::NAME, Self::STEPS)
    }

    /// Starts it in a test.
    ///
    /// # Panics
    /// If the declared topics do not fit together.
    fn test_driver() -> Driver {
        Driver::start(Self::graph()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// An application with this topology.
    fn application(id: &str) -> Builder {
        Builder::new(Self::graph(), id)
    }
}

/// Why an application stopped.
///
/// Its `Debug` form is its message: that is what Rust prints when `main` returns it.
#[derive(thiserror::Error)]
pub enum Error {
    /// Settings that cannot be followed.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The topics do not fit the topology.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A record, a store or the log failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The log refused.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// What the application needs of the brokers is not there.
    #[error(transparent)]
    Startup(#[from] StartupError),
    /// The state directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A line of the input is not a record.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The record of a line could not be processed.
    #[error("{input}, line {line}: {cause}")]
    Record {
        /// The file.
        input: String,
        /// The line, from 1.
        line: usize,
        /// What the worker said.
        cause: WorkerError,
    },
    /// A thread panicked outside of any step.
    #[cfg(any(test, feature = "kafka"))]
    #[error(transparent)]
    Thread(crate::run::ThreadFailure),
    /// An instance called on all others to end: [`OnFailure::ShutdownApplication`](crate::OnFailure::ShutdownApplication).
    #[cfg(feature = "kafka")]
    #[error("`{by}` asked every instance of the application to end; its log says why")]
    CalledOff {
        /// `<application>-<process>` of who did.
        by: String,
    },
    /// `start` without brokers.
    #[cfg(feature = "kafka")]
    #[error(
        "there is nothing to start: `start` runs on Kafka, and no setting names brokers (`bootstrap.servers`, \
         `STREAMS_BOOTSTRAP_SERVERS`)"
    )]
    NoBrokers,
    /// It is asked for something that only a running instance can do.
    #[cfg(any(test, feature = "kafka"))]
    #[error("the instance has ended, or is about to")]
    Stopping,
    /// A second signal came before everything was closed.
    #[error("stopped by a second signal; what was not committed is processed again at the next start")]
    Interrupted,
    /// The command line cannot be understood.
    #[error("{0}; see --help")]
    Usage(String),
    /// The input could not be read or the output not written.
    #[error("{what}: {cause}")]
    Io {
        /// The file.
        what: String,
        /// What the system said.
        cause: std::io::Error,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    fn printing(cause: std::io::Error) -> Error {
        Error::Io { what: "the output".to_owned(), cause }
    }

    /// Whoever read our output has seen enough.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Io { cause, .. } if cause.kind() == ErrorKind::BrokenPipe)
    }
}

/// What a run on the in-process log did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records read.
    pub read: u64,
    /// Records printed.
    pub written: u64,
    /// Records left out by a policy.
    pub dropped: u64,
}

/// An application before it runs.
pub struct Builder {
    topology: Topology,
    id: String,
    files: Vec<PathBuf>,
    quiet: bool,
    pub(crate) settings: Given,
    #[cfg(feature = "kafka")]
    pub(crate) hooks: crate::run::Hooks,
}

/// What the command line asks for.
enum Asked {
    Run,
    Print(String),
}

const USAGE: &str = "\
usage: [--quiet] [FILE | TOPIC=FILE | -]...

  FILE          one record a line: topic@time key value. `@time` may be missing, `null` is a null.
  TOPIC=FILE    one value a line for this topic, with null keys: JSON lines, or any text.
  -             records from standard input; so does no file at all

  --quiet       print records only
  --describe    print sub-topologies, steps, topics and stores instead
  --mermaid     print the topology as a Mermaid flowchart instead
  --help        print this
";

impl Builder {
    pub(crate) fn new(topology: Topology, id: &str) -> Self {
        Builder {
            topology,
            id: id.to_owned(),
            files: Vec::new(),
            quiet: false,
            settings: Given::default(),
            #[cfg(feature = "kafka")]
            hooks: Default::default(),
        }
    }

    /// Reads records from this file; with a file, neither the command line nor standard input is looked at. As on
    /// the command line, `topic=file` is a file of values.
    pub fn input(mut self, file: impl AsRef<Path>) -> Self {
        self.files.push(file.as_ref().to_owned());
        self
    }

    /// Calls a declared topic by another name in Kafka: the same application on topics of its own for staging, or for
    /// each customer. Messages, and the [`Source`](crate::Source) that a step asks for, keep the declared name.
    pub fn topic_name<T: Topic>(mut self, name: impl Into<String>) -> Self {
        self.topology.call(T::TOPIC.name, name.into());
        self
    }

    /// Prints records only: no heading, no echo of the input, no summary.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Runs it: on Kafka if its settings name brokers (`bootstrap.servers`, `STREAMS_BOOTSTRAP_SERVERS`), else on the
    /// in-process log.
    ///
    /// On Kafka it ends with SIGINT or SIGTERM: what was processed is committed, and without stores the group is left;
    /// with stores it stays a member, so that it finds its tasks and its disk when it is back in time. `async` because
    /// it waits for signals and threads: it needs a tokio runtime with its drivers enabled, as `#[tokio::main]` makes
    /// one, and never holds up its thread.
    ///
    /// On the in-process log it ends with its input. Files come from [`input`](Builder::input), else from the command
    /// line, else records are read from standard input. `--help` on the command line says what else there is.
    ///
    /// # Errors
    /// If the settings cannot be followed or the topics do not fit (all that is wrong, before the group is joined), a
    /// record fails under a `fail` policy, a line cannot be read, or a broker refuses. Returned from `main`, it is
    /// printed and the exit status is 1.
    pub async fn run(mut self) -> Result<(), Error> {
        let settings = self.settings()?;
        let asked = if self.files.is_empty() { self.command_line()? } else { Asked::Run };
        #[cfg(feature = "kafka")]
        if settings.brokers.is_some() && matches!(asked, Asked::Run) {
            if let Some(file) = self.files.first() {
                return Err(Error::Usage(format!(
                    "`{}` cannot be read: records come from the brokers that `bootstrap.servers` names",
                    file.display()
                )));
            }
            return crate::run::run(self.on_kafka(settings)).await;
        }
        // Brokers without the feature are a mistake in the settings.
        drop(settings);
        if let (Asked::Run, Some(entry)) =
            (&asked, Sources::of_process(&self.settings).of_who_runs_it().next())
        {
            // Whoever sets this up for Kafka and forgets the brokers would wait for ever, or see nothing happen.
            eprintln!(
                "note: `{}` ({}) is for Kafka, and no brokers are named (`bootstrap.servers`, \
                 `STREAMS_BOOTSTRAP_SERVERS`): this runs on the in-process log",
                entry.name, entry.origin
            );
        }
        let stdout = &mut std::io::stdout().lock();
        let result = match asked {
            Asked::Print(text) => stdout.write_all(text.as_bytes()).map_err(Error::printing),
            Asked::Run => self.open().and_then(|inputs| self.run_lines(inputs, stdout)).map(drop),
        };
        match result {
            Err(error) if error.is_broken_pipe() => Ok(()),
            result => result,
        }
    }

    /// Deletes the stores of this application on this machine, as `KafkaStreams.cleanUp` does: they are rebuilt from their
    /// changelogs when it runs again. Call it before [`run`](Builder::run); while the application runs, here or in
    /// another process with the same `state.dir`, it is refused. Without brokers in its settings stores are in memory, and
    /// it still deletes what a run on brokers left. What was moved aside as damaged stays.
    ///
    /// # Errors
    /// If the settings cannot be followed, the application runs, or the system refuses.
    pub fn clean_up(&self) -> Result<(), Error> {
        let settings = self.settings()?;
        let root = settings.state_dir.unwrap_or_else(directory::default_root);
        Ok(StateDirectory::clean_up_of(&root, &self.id)?)
    }

    /// Starts it on Kafka, and returns once settings, topics and rights are found to be in order and its threads join the
    /// group (`KafkaStreams.start`): for a program that does other things as well, or wants to steer it. It hears of no signal, and
    /// does not look at the command line. Nothing of it runs on the executor. Dropped before it returns, nothing is started.
    ///
    /// # Errors
    /// Everything that is wrong at start, at once; also if no brokers are named.
    #[cfg(feature = "kafka")]
    pub async fn start(self) -> Result<crate::Running, Error> {
        let settings = self.settings()?;
        if settings.brokers.is_none() {
            return Err(Error::NoBrokers);
        }
        crate::run::start(self.on_kafka(settings)).await
    }

    #[cfg(feature = "kafka")]
    fn on_kafka(self, settings: crate::Settings) -> crate::run::Application {
        crate::run::Application { topology: self.topology, id: self.id, settings, hooks: self.hooks }
    }

    fn command_line(&mut self) -> Result<Asked, Error> {
        for argument in std::env::args_os().skip(1) {
            match argument.to_str() {
                Some("--describe") => return Ok(Asked::Print(self.topology.describe())),
                Some("--mermaid") => return Ok(Asked::Print(self.topology.mermaid())),
                Some("--help" | "-h") => return Ok(Asked::Print(USAGE.to_owned())),
                Some("--quiet") => self.quiet = true,
                Some(option) if option.starts_with("--") => {
                    return Err(Error::Usage(format!("there is no option `{option}`")));
                }
                _ => self.files.push(argument.into()),
            }
        }
        Ok(Asked::Run)
    }

    fn open(&self) -> Result<Vec<TextInput<'static>>, Error> {
        if self.files.is_empty() {
            return Ok(vec![standard_input()]);
        }
        self.files.iter().map(|argument| self.open_one(argument)).collect()
    }

    fn open_one(&self, argument: &Path) -> Result<TextInput<'static>, Error> {
        let named = argument.to_str().and_then(|text| text.split_once('='));
        let (topic, file) = match named {
            Some((topic, file)) if !argument.exists() => (Some(topic), Path::new(file)),
            _ => (None, argument),
        };
        if let Some(topic) = topic {
            lines::known(&self.topology, topic).map_err(Error::Usage)?;
        }
        let name = file.display().to_string();
        let mut input = match name.as_str() {
            "-" => standard_input(),
            _ => match std::fs::File::open(file) {
                Ok(file) => TextInput::records(name, BufReader::new(file)),
                Err(cause) => return Err(Error::Io { what: name, cause }),
            },
        };
        input.topic = topic.map(str::to_owned);
        Ok(input)
    }

    /// Runs on the in-process log over lines of text, and writes what leaves the output topics.
    ///
    /// # Errors
    /// As [`run`](Builder::run).
    pub fn run_lines(&self, inputs: Vec<TextInput<'_>>, out: &mut dyn Write) -> Result<Summary, Error> {
        let plan = Plan::of(&self.topology, &self.id, |_, declared| Some(declared.unwrap_or(1)))?;
        let log = MemoryLog::new();
        create_topics(&log, &plan)?;
        let mut topics = Topics::of(&self.topology, &plan, &log, self.quiet);
        let connect = InProcess::new(&log, &self.id, "1");
        let mut worker = Worker::start(connect, self.topology.clone(), plan)?;
        run_until_idle(&mut worker)?;
        topics.write_heading(self.topology.name(), out).map_err(Error::printing)?;
        let (mut read, mut written, mut dropped) = (0, 0, Vec::new());
        for TextInput { name, topic, echo, reader } in inputs {
            for (line, text) in (1..).zip(reader.lines()) {
                let text = text.map_err(|cause| Error::Io { what: format!("{name}, line {line}"), cause })?;
                if echo {
                    topics.echo(topic.as_deref(), &text, out).map_err(Error::printing)?;
                }
                let appended = match &topic {
                    Some(topic) => topics.write_value(topic, &text),
                    None => topics.write_line(&text),
                };
                if !appended.map_err(|problem| LineError::new(&name, line, problem))? {
                    continue;
                }
                read += 1;
                let result = run_until_idle(&mut worker);
                written += topics.print(out).map_err(Error::printing)?;
                result.map_err(|cause| Error::Record { input: name.clone(), line, cause })?;
                let now = drops(&worker);
                topics.print_dropped(&dropped, &now, out).map_err(Error::printing)?;
                dropped = now;
            }
        }
        let dropped = dropped.iter().map(|place| place.records).sum();
        let summary = Summary { read, written, dropped };
        topics.write_summary(&summary, out).and_then(|()| out.flush()).map_err(Error::printing)?;
        Ok(summary)
    }
}

fn standard_input() -> TextInput<'static> {
    let stdin = std::io::stdin();
    let echo = !stdin.is_terminal();
    TextInput { echo, ..TextInput::records("standard input", BufReader::new(stdin)) }
}
