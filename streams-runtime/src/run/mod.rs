//! An application on Kafka, from its settings to its end.
//!
//! ```text
//! settings ─→ state directory ─→ start-up checks ─→ threads ──────────→ joined
//!     └──────────────┴──────────────────┴── all that is wrong       │ a signal, or a thread that failed:
//!                                           is said here            └ every other one commits and closes
//! ```
//!
//! ```text
//! cycle     what one thread does: step, commit when it is due, rest
//! machine   clients, ids and stores of one process
//! upkeep    deletes what was consumed from repartition topics, and lets partitions be counted
//! watch     whether inputs have grown
//! ```
//!
//! Knows threads, signals and the order of things at start and end. Does not know tasks or records.

#[cfg(any(test, feature = "kafka"))]
mod cycle;
#[cfg(feature = "kafka")]
mod machine;
#[cfg(any(test, feature = "kafka"))]
mod upkeep;
#[cfg(any(test, feature = "kafka"))]
mod watch;

#[cfg(feature = "kafka")]
pub(crate) use on_kafka::run;

#[cfg(feature = "kafka")]
mod on_kafka {
    use super::cycle::{Rhythm, Surroundings, cycle};
    use super::machine::{Machine, Process};
    use super::upkeep::upkeep;
    use super::watch::Watch;
    use crate::app::Error;
    use crate::settings::Settings;
    use crate::startup::Startup;
    use crate::topology::Topology;
    use crate::transport::ClientSettings;
    use crate::transport::kafka::KafkaClients;
    use crate::worker::{Worker, WorkerError};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;
    use std::time::Duration;
    use tokio::sync::mpsc::UnboundedSender;

    /// Runs until a signal or a failure ends it.
    ///
    /// # Errors
    /// What is wrong at start, all of it; later the first failure.
    pub(crate) async fn run(topology: Topology, application: &str, settings: Settings) -> Result<(), Error> {
        // First of all: a signal that comes while it starts ends it in an orderly way as well.
        let mut signals = StopSignals::listen();
        let clients = KafkaClients::new(settings.clients.clone());
        let process = Process::open(application, &topology, &settings)?;
        let startup = Startup::new(application, process.id(), &settings);
        let started = startup.run(&mut clients.admin()?, &topology)?;
        started.warnings.iter().for_each(|warning| tracing::warn!(application, "{warning}"));
        tracing::info!(
            application,
            brokers = settings.brokers.as_deref(),
            guarantee = settings.guarantee.name(),
            threads = settings.threads,
            "starting"
        );
        let (consumed, told) = std::sync::mpsc::channel();
        let (stops, mut grown) = tokio::sync::mpsc::unbounded_channel();
        let (mut watch, period) = (Watch::new(started.plan.clone()), refresh_interval(&settings.clients));
        let mut cleaner = process.cleaner(settings.cleanup_delay_ms);
        let upkeeping = std::thread::Builder::new().name(format!("{application}-upkeep"));
        // Ends with the last worker that could tell something.
        let upkeeping = upkeeping.spawn(move || match clients.admin() {
            // Who stopped already does not hear it.
            Ok(mut admin) => {
                upkeep(&mut admin, &told, &mut watch, period, &|growth| drop(stops.send(growth)), &mut cleaner);
            }
            Err(error) => {
                tracing::warn!(%error, "repartition topics are not purged, and partitions of inputs not counted");
            }
        });
        upkeeping.map_err(|cause| Error::Io { what: "a thread".to_owned(), cause })?;
        let machine = Arc::new(Machine::new(application, process, &started, &settings));
        let plan = started.plan;
        let stop = Arc::new(AtomicBool::new(false));
        let leave = settings.leave_on_close;
        let rhythm = Rhythm::new(settings.commit_interval_ms, started.offsets_retention_ms);
        let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let (mut threads, mut unmade) = (Vec::<JoinHandle<Result<(), WorkerError>>>::new(), None);
        for number in 0..settings.threads {
            let (machine, stop, ended) = (machine.clone(), stop.clone(), Ended(ended.clone()));
            let (topology, plan, consumed) = (topology.clone(), plan.clone(), consumed.clone());
            let thread = std::thread::Builder::new().name(format!("{application}-{number}"));
            let body = move || {
                let _ended = ended;
                let worker = Worker::start(machine.thread(number), topology, plan)?;
                // Nobody hears it any more when everything ends.
                let consumed = |positions| drop(consumed.send(positions));
                cycle(worker, &Surroundings { rhythm, leave, stop: &stop, consumed: &consumed })
            };
            match thread.spawn(body) {
                Ok(thread) => threads.push(thread),
                Err(cause) => {
                    // Those that were made must end before this returns.
                    unmade = Some(Error::Io { what: "a thread".to_owned(), cause });
                    break;
                }
            }
        }
        drop(ended);
        let mut outgrown = None;
        if unmade.is_none() {
            tokio::select! {
                signal = signals.next() => tracing::info!(signal, application, "stopping"),
                _ = ends.recv() => {}
                Some(growth) = grown.recv() => {
                    tracing::error!(application, "stopping: {growth}");
                    outgrown = Some(WorkerError::Grown(Box::new(growth)));
                }
            }
        }
        stop.store(true, Ordering::Release);
        // The executor's thread must not wait for them: others may live on it.
        loop {
            tokio::select! {
                ended = ends.recv() => if ended.is_none() { break },
                // Somebody is in a hurry: a broker that does not answer would hold the end up.
                _ = signals.next() => return Err(Error::Interrupted),
            }
        }
        drop(consumed);
        let mut first = Ok(());
        for thread in threads {
            match thread.join() {
                Ok(ended) => first = first.and(ended),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        unmade.map_or(Ok(()), Err)?;
        Ok(first.and(outgrown.map_or(Ok(()), Err))?)
    }

    /// How often partitions are counted: as often as clients look for new ones.
    fn refresh_interval(clients: &ClientSettings) -> Duration {
        let said = clients.consumer.iter().chain(&clients.common);
        let said = said.filter(|(name, _)| name == "topic.metadata.refresh.interval.ms");
        // Below zero clients do not look at all.
        let ms = said.filter_map(|(_, ms)| ms.parse::<u64>().ok()).find(|ms| *ms > 0);
        Duration::from_millis(ms.unwrap_or(300_000))
    }

    /// Says that a thread ended, however it did.
    struct Ended(UnboundedSender<()>);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    /// SIGINT and SIGTERM; elsewhere than on Unix Ctrl-C.
    struct StopSignals {
        #[cfg(unix)]
        unix: Option<[tokio::signal::unix::Signal; 2]>,
    }

    impl StopSignals {
        /// From now on they do not end the process by themselves.
        fn listen() -> StopSignals {
            StopSignals {
                #[cfg(unix)]
                unix: {
                    use tokio::signal::unix::{SignalKind, signal};
                    let both = signal(SignalKind::interrupt())
                        .and_then(|interrupt| Ok([interrupt, signal(SignalKind::terminate())?]));
                    both.ok()
                },
            }
        }

        /// The next one.
        async fn next(&mut self) -> &'static str {
            #[cfg(unix)]
            if let Some([interrupt, terminate]) = &mut self.unix {
                return tokio::select! {
                    _ = interrupt.recv() => "SIGINT",
                    _ = terminate.recv() => "SIGTERM",
                };
            }
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            "Ctrl-C"
        }
    }
}
