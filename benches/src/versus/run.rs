//! One run: fresh topics, a fresh group and a fresh disk for one contender in one cell, then everything away again.
//!
//! Inputs are written once for each workload and size, and read by all.

use super::broker::Broker;
use super::cells::{Cell, Course};
use super::contenders::Contender;
use super::feed::feed;
use super::leash::Leash;
use super::options::Options;
use super::topics::Topics;
use super::watch::{Until, Watched, watch};
use super::{usage, verify};
use crate::contract::Contract;
use crate::workload::input::{WAKE_UP, wake_up};
use crate::workload::{Digest, Reference};
use serde::Serialize;
use std::collections::HashMap;
use std::fs::{self, File};
use std::time::{Duration, Instant};

/// Kafka Streams takes its time to close.
const CLOSING: Duration = Duration::from_secs(40);

/// The figures of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// The cell.
    pub cell: &'static str,
    /// The contender.
    pub contender: String,
    /// How many records went in.
    pub records: u64,
    /// Why the figures do not count.
    pub problem: Option<String>,
    /// Processor time a record, from the start of the process to the last output, in µs.
    pub cold_us: f64,
    /// The same for the second half of the output.
    pub warm_us: Option<f64>,
    /// Each tenth of the output by itself: whether the warm half is flat.
    pub tenths_us: Vec<Option<f64>>,
    /// Records a second in the second half.
    pub warm_rate: Option<f64>,
    /// Processor time of the broker a record in the second half, in µs.
    pub broker_us: Option<f64>,
    /// The most memory, in MB.
    pub memory_mb: f64,
    /// From the start of the process to the first output.
    pub first_output_ms: Option<f64>,
    /// From the start of the process to the last output.
    pub wall_s: f64,
    /// Processors that others kept busy meanwhile: distrust a run in which they are many.
    pub others: f64,
}

/// Everything that runs share.
pub struct Bench<'a> {
    options: &'a Options,
    broker: &'a Broker,
    topics: Topics,
    /// What must come out, by what went in.
    references: HashMap<String, Digest>,
    runs: usize,
}

impl<'a> Bench<'a> {
    /// On this broker.
    pub fn new(options: &'a Options, broker: &'a Broker) -> Self {
        let topics = Topics::new(&broker.address);
        Bench { options, broker, topics, references: HashMap::new(), runs: 0 }
    }

    /// Measures one contender in one cell.
    ///
    /// # Errors
    /// If the contender cannot be started. What goes wrong later is told by the result.
    pub fn run(&mut self, cell: &Cell, contender: &Contender) -> Result<Measured, String> {
        self.runs += 1;
        let name = format!("run{}-{}-{}", self.runs, cell.name.to_lowercase(), contender.name);
        let run = Run { cell, contender, name, records: self.options.records.unwrap_or(cell.records) };
        self.topics.create(&[run.output()], false);
        let own = contender.topics(&run.name);
        if !own.is_empty() {
            self.topics.create(&own, false);
        }
        let measured = match cell.course {
            Course::Written | Course::Committed => self.processed(&run),
            Course::Restored => self.restored(&run),
            Course::Killed => self.killed(&run),
        };
        self.topics.delete(&run.name);
        let _ = fs::remove_dir_all(self.state(&run));
        measured
    }

    /// At full speed, to the end of an input that is there.
    fn processed(&mut self, run: &Run<'_>) -> Result<Measured, String> {
        let (input, expected) = self.input(run);
        let inputs = [input];
        let busy = (Instant::now(), usage::busy(), self.broker.cpu());
        let process = self.start(run, &inputs, None)?;
        let until = match run.cell.course {
            Course::Committed => Until::Committed(self.topics.group(&run.name), &inputs),
            _ => Until::Written(expected.records),
        };
        let watched = self.watch(run, &process, &until);
        let others = others(&busy, &watched, self.broker);
        let status = process.leash.stop(CLOSING);
        let mut measured = figures(run, &watched);
        measured.others = others;
        measured.problem = match verify::output(&self.broker.address, &run.output()) {
            _ if !watched.done => Some("it was not done in time".to_owned()),
            _ if status != Some(0) => Some(format!("asked to end, it ended with {status:?}")),
            Ok(output) if output == expected => None,
            Ok(output) => Some(format!("the output is {output}; expected was {expected}")),
            Err(problem) => Some(problem),
        };
        Ok(measured)
    }

    /// Empty disk, filled changelog: until a few records have come through.
    fn restored(&mut self, run: &Run<'_>) -> Result<Measured, String> {
        let changelog = format!("{}-w8-changelog", run.name);
        let input = format!("{}-in", run.name);
        self.topics.create(std::slice::from_ref(&changelog), true);
        self.topics.create(std::slice::from_ref(&input), false);
        feed(&self.broker.address, &changelog, run.cell.workload.inputs(run.records));
        feed(&self.broker.address, &input, wake_up());
        self.woken(run, &[input], Some(changelog))
    }

    /// A table is written, the process killed; then it starts again on its disk.
    fn killed(&mut self, run: &Run<'_>) -> Result<Measured, String> {
        let inputs = [format!("{}-in", run.name)];
        self.topics.create(&inputs, false);
        feed(&self.broker.address, &inputs[0], run.cell.workload.inputs(run.records));
        let process = self.start(run, &inputs, None)?;
        let until = Until::Committed(self.topics.group(&run.name), &inputs);
        let watched = self.watch(run, &process, &until);
        // What is behind the last commit has time to reach the disk.
        std::thread::sleep(Duration::from_secs(1));
        drop(process);
        feed(&self.broker.address, &inputs[0], wake_up());
        let mut measured = self.woken(run, &inputs, None)?;
        if !watched.done {
            measured.problem = Some("the table was not written in time".to_owned());
        }
        Ok(measured)
    }

    /// Starts it and waits for the records that wake it up.
    fn woken(&self, run: &Run<'_>, inputs: &[String], changelog: Option<String>) -> Result<Measured, String> {
        let busy = (Instant::now(), usage::busy(), self.broker.cpu());
        let process = self.start(run, inputs, changelog)?;
        let watched = self.watch(run, &process, &Until::Written(WAKE_UP));
        let others = others(&busy, &watched, self.broker);
        process.leash.stop(CLOSING);
        let mut measured = figures(run, &watched);
        (measured.warm_us, measured.warm_rate, measured.broker_us) = (None, None, None);
        measured.others = others;
        measured.problem = (!watched.done).then(|| "it did not wake up in time".to_owned());
        Ok(measured)
    }

    fn watch(&self, run: &Run<'_>, process: &Process, until: &Until<'_>) -> Watched {
        let (pid, since, output) = (process.leash.pid, process.since, (&*run.output(), process.before));
        watch(pid, since, self.broker, &self.topics, output, until, self.options.patience)
    }

    fn start(&self, run: &Run<'_>, inputs: &[String], changelog: Option<String>) -> Result<Process, String> {
        let state = self.state(run);
        fs::create_dir_all(&state).map_err(|error| format!("{}: {error}", state.display()))?;
        let contract = Contract {
            workload: run.cell.told.to_owned(),
            brokers: self.broker.address.clone(),
            application: run.name.clone(),
            inputs: inputs.to_vec(),
            output: run.output(),
            exactly_once: run.cell.exactly_once,
            commit_interval: run.cell.commit_interval,
            cache_bytes: 0,
            state_dir: state.display().to_string(),
            linger_ms: self.options.linger_ms,
            batch_size: self.options.batch_size,
            threads: 1,
            changelog,
        };
        let mut variables = contract.variables();
        variables.extend(self.options.set.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let log = File::options().create(true).append(true).open(&self.options.log);
        let log = log.map_err(|error| format!("{}: {error}", self.options.log.display()))?;
        let before = self.topics.written(&run.output()).ok_or("the broker does not answer")?;
        let since = Instant::now();
        let leash = Leash::start(&run.contender.command, &variables, &log, None);
        let leash = leash.map_err(|error| format!("{} does not start: {error}", run.contender.name))?;
        Ok(Process { leash, since, before })
    }

    /// The topic with the input of a run, written now if this is the first one, and what must come out.
    fn input(&mut self, run: &Run<'_>) -> (String, Digest) {
        let name = format!("in-{:?}-{}", run.cell.workload, run.records);
        let expected = self.references.entry(name.clone()).or_insert_with(|| {
            self.topics.create(std::slice::from_ref(&name), false);
            let mut reference = Reference::new(run.cell.workload);
            let seen = run.cell.workload.inputs(run.records).inspect(|input| reference.see(input));
            feed(&self.broker.address, &name, seen);
            reference.output()
        });
        (name, *expected)
    }

    fn state(&self, run: &Run<'_>) -> std::path::PathBuf {
        self.broker.folder.join("state").join(&run.name)
    }
}

/// One contender in one cell.
struct Run<'a> {
    cell: &'a Cell,
    contender: &'a Contender,
    /// Its application; what belongs to the run is called after it.
    name: String,
    records: u64,
}

impl Run<'_> {
    fn output(&self) -> String {
        format!("{}-out", self.name)
    }
}

struct Process {
    leash: Leash,
    since: Instant,
    /// Records that the output already had.
    before: u64,
}

fn others(before: &(Instant, f64, f64), watched: &Watched, broker: &Broker) -> f64 {
    let (since, busy, broker_cpu) = before;
    let own = watched.looks.last().map_or(0.0, |look| look.cpu) + broker.cpu() - broker_cpu;
    (usage::busy() - busy - own) / since.elapsed().as_secs_f64()
}

fn figures(run: &Run<'_>, watched: &Watched) -> Measured {
    let whole = watched.whole();
    let warm = watched.between(0.5, 1.0, run.records);
    let tenth = |n: u32| {
        let from = f64::from(n) / 10.0;
        watched.between(from, from + 0.1, run.records).map(|cost| cost.cpu_us)
    };
    Measured {
        cell: run.cell.name,
        contender: run.contender.name.clone(),
        records: run.records,
        cold_us: whole.map_or(0.0, |look| look.cpu / run.records as f64 * 1e6),
        warm_us: warm.map(|cost| cost.cpu_us),
        tenths_us: (0..10).map(tenth).collect(),
        warm_rate: warm.map(|cost| cost.rate),
        broker_us: warm.map(|cost| cost.broker_us),
        memory_mb: watched.peak_memory_mb,
        first_output_ms: watched.first_output.map(|at| at.as_secs_f64() * 1e3),
        wall_s: whole.map_or(0.0, |look| look.at.as_secs_f64()),
        ..Measured::default()
    }
}
