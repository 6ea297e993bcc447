//! An application: a topology with an id, run to its end.
//!
//! Without a broker it runs on the in-process log: records come in as lines, from files or standard input, and what
//! leaves through the output topics is printed. The same worker code as on a broker, in this thread.

use crate::driver::Driver;
use crate::instance::{InProcess, create_topics, run_until_idle};
use crate::lines::{self, LineError, Topics};
use crate::topology::{Entry, Plan, PlanError, Topology};
use crate::transport::TransportError;
use crate::transport::memory::MemoryLog;
use crate::worker::{Worker, WorkerError};
use std::io::{BufRead, Write};
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
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The topics do not fit the topology.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A record, a store or the log failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The log refused.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A line of the input is not a record.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The input could not be read or the output not written.
    #[error("{what}: {cause}")]
    Io {
        /// The file.
        what: String,
        /// What the system said.
        cause: std::io::Error,
    },
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
}

impl Builder {
    fn new(topology: Topology, id: &str) -> Self {
        Builder { topology, id: id.to_owned(), files: Vec::new(), quiet: false }
    }

    /// Reads records from this file before standard input is looked at; with a file, standard input is not read.
    pub fn input(mut self, file: impl AsRef<Path>) -> Self {
        self.files.push(file.as_ref().to_owned());
        self
    }

    /// Prints records only, no heading and no summary.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Runs until the input ends. Files come from [`input`](Builder::input), else from the command line, else
    /// records are read from standard input; `--describe` and `--mermaid` on the command line print the topology
    /// instead.
    ///
    /// # Errors
    /// If a record fails under a `fail` policy, a line cannot be read, or the topics do not fit.
    pub async fn run(mut self) -> Result<(), Error> {
        if self.files.is_empty() {
            for argument in std::env::args_os().skip(1) {
                match argument.to_str() {
                    Some("--describe") => return Ok(print!("{}", self.topology.describe())),
                    Some("--mermaid") => return Ok(print!("{}", self.topology.mermaid())),
                    Some("--quiet") => self.quiet = true,
                    _ => self.files.push(argument.into()),
                }
            }
        }
        let stdout = &mut std::io::stdout().lock();
        if self.files.is_empty() {
            let stdin = std::io::stdin().lock();
            self.run_lines(vec![("standard input".to_owned(), Box::new(stdin))], stdout)?;
            return Ok(());
        }
        let mut inputs: Vec<(String, Box<dyn BufRead>)> = Vec::new();
        for file in &self.files {
            let what = file.display().to_string();
            let open = std::fs::File::open(file).map_err(|cause| Error::Io { what: what.clone(), cause })?;
            inputs.push((what, Box::new(std::io::BufReader::new(open))));
        }
        self.run_lines(inputs, stdout)?;
        Ok(())
    }

    /// Runs on the in-process log over lines of text, and writes what leaves the output topics.
    ///
    /// # Errors
    /// As [`run`](Builder::run).
    pub fn run_lines(
        &self,
        inputs: Vec<(String, Box<dyn BufRead + '_>)>,
        out: &mut dyn Write,
    ) -> Result<Summary, Error> {
        let plan = Plan::of(&self.topology, &self.id, |_, declared| Some(declared.unwrap_or(1)))?;
        let log = MemoryLog::new();
        create_topics(&log, &plan)?;
        let mut topics = Topics::of(&self.topology, &plan, &log);
        let connect = InProcess::new(&log, &self.id, "1");
        let mut worker = Worker::start(connect, self.topology.clone(), plan)?;
        run_until_idle(&mut worker)?;
        let printing = |cause| Error::Io { what: "the output".to_owned(), cause };
        if !self.quiet {
            topics.write_heading(self.topology.name(), out).map_err(printing)?;
        }
        let mut summary = Summary::default();
        for (name, input) in inputs {
            for (number, line) in input.lines().enumerate() {
                let line = line.map_err(|cause| Error::Io { what: name.clone(), cause })?;
                if lines::is_blank(&line) {
                    continue;
                }
                topics.write_line(&line).map_err(|problem| LineError::new(&name, number + 1, problem))?;
                summary.read += 1;
                let result = run_until_idle(&mut worker);
                summary.written += topics.print(out).map_err(printing)?;
                result?;
            }
        }
        summary.dropped = worker.tasks().iter().map(|task| task.dropped()).sum();
        if !self.quiet {
            let Summary { read, written, dropped } = summary;
            writeln!(out, "# {read} records read, {written} written, {dropped} left out")
                .map_err(printing)?;
        }
        out.flush().map_err(printing)?;
        Ok(summary)
    }
}
