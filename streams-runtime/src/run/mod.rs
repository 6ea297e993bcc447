//! An application on Kafka, from its settings to its end.
//!
//! ```text
//! settings ─→ state directory ─→ start-up checks ─→ threads ──────────→ all have ended
//!     └──────────────┴──────────────────┴── all that is wrong       │ asked to, or one that failed:
//!                                           is said here            └ every other one commits and closes
//! ```
//!
//! ```text
//! running     what can be asked of an instance           hooks    what it asks and tells        state   what it is doing
//! threads     how many there are, and what follows when one ends                  on_failure   what then
//! line        what runs between them and each thread
//! cycle       what one thread does: step, commit when it is due, rest
//! machine     clients, ids and stores of one process
//! restorer    the thread that brings stores near the ends of their changelogs
//! upkeep      what is asked of brokers now and then      watch    whether inputs have grown     call    all shall end
//! gap         what the group has given to nobody         onlooker who is in the group and reads nothing
//! ```
//!
//! Knows threads and the order of things at start and end. Does not know tasks or records.

#[cfg(any(test, feature = "kafka"))]
mod call;
#[cfg(any(test, feature = "kafka"))]
mod cycle;
#[cfg(any(test, feature = "kafka"))]
mod gap;
#[cfg(feature = "kafka")]
mod hooks;
#[cfg(any(test, feature = "kafka"))]
mod line;
#[cfg(feature = "kafka")]
mod machine;
#[cfg(any(test, feature = "kafka"))]
mod on_failure;
#[cfg(any(test, feature = "kafka"))]
mod onlooker;
#[cfg(any(test, all(feature = "kafka", feature = "rocksdb")))]
mod restorer;
#[cfg(feature = "kafka")]
mod running;
#[cfg(feature = "kafka")]
mod signals;
#[cfg(any(test, feature = "kafka"))]
mod state;
#[cfg(any(test, feature = "kafka"))]
mod threads;
#[cfg(any(test, feature = "kafka"))]
mod upkeep;
#[cfg(any(test, feature = "kafka"))]
mod watch;

#[cfg(feature = "kafka")]
pub(crate) use hooks::Hooks;
#[cfg(any(test, feature = "kafka"))]
pub use on_failure::ThreadFailure;
#[cfg(feature = "kafka")]
pub use on_failure::{FailureCause, OnFailure};
#[cfg(feature = "kafka")]
pub(crate) use on_kafka::{Application, run, start};
#[cfg(feature = "kafka")]
pub use running::{Running, States};
#[cfg(feature = "kafka")]
pub use state::{State, StateChange, ThreadState};
#[cfg(feature = "kafka")]
pub use threads::ThreadInfo;

/// The wall clock, in ms since the epoch.
#[cfg(any(test, feature = "kafka"))]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(feature = "kafka")]
mod on_kafka {
    use super::call::{Call, LOOKS, who_calls};
    use super::cycle::{Rhythm, Surroundings, cycle};
    use super::gap::{Gap, Look, bystander, pass_through};
    use super::hooks::Hooks;
    use super::line::{Common, Line, Message};
    use super::machine::{Machine, Process};
    use super::on_failure::{FailureCause, OnFailure, ThreadFailure};
    use super::running::Running;
    use super::signals::StopSignals;
    use super::state::State;
    use super::threads::{self, Seen, Threads};
    use super::upkeep::{Job, upkeep};
    use super::watch::Watch;
    use crate::app::Error;
    use crate::directory::Cleaner;
    use crate::members::{caller_id, client_id};
    use crate::settings::Settings;
    use crate::startup::{Started, Startup};
    use crate::topology::{Plan, Topology};
    use crate::transport::kafka::KafkaClients;
    use crate::transport::topics::Topics;
    use crate::transport::{ClientSettings, Isolation, TopicPartition, TransportError};
    use crate::worker::{Worker, WorkerError};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::RecvError;

    /// An application and what it is told.
    pub(crate) struct Application {
        pub(crate) topology: Topology,
        pub(crate) id: String,
        pub(crate) settings: Settings,
        pub(crate) hooks: Hooks,
    }

    /// How long brokers are waited for before something is asked that can wait, in ms.
    const REACHES_MS: u64 = 2_000;

    /// Runs until a signal or a failure ends it.
    ///
    /// # Errors
    /// What is wrong at start, all of it; later the first failure.
    pub(crate) async fn run(application: Application) -> Result<(), Error> {
        // First of all: a signal that comes while it starts ends it in an orderly way as well.
        let mut signals = StopSignals::listen();
        let id = application.id.clone();
        let (running, started) = launch(application)?;
        // Nobody else could stop it if this is dropped.
        let _stop = StopOnDrop(&running);
        tokio::select! {
            started = started => told(&running, started).await?,
            // Nothing was begun that would have to be brought to an end; and nothing will be, since nobody hears that it started.
            signal = signals.next() => {
                tracing::info!(signal, application = id, "stopped before it had started");
                return Ok(());
            }
        }
        tokio::select! {
            ended = running.wait() => return ended,
            signal = signals.next() => tracing::info!(signal, application = id, "stopping"),
        }
        running.stop();
        tokio::select! {
            ended = running.wait() => ended,
            // Somebody is in a hurry: a broker that does not answer would hold the end up.
            _ = signals.next() => Err(Error::Interrupted),
        }
    }

    /// Starts, and returns once everything was looked at and threads join the group. Dropped before that, nothing is started.
    ///
    /// # Errors
    /// What is wrong at start, all of it.
    pub(crate) async fn start(application: Application) -> Result<Running, Error> {
        let (running, started) = launch(application)?;
        told(&running, started.await).await?;
        Ok(running)
    }

    /// How the start ended. Where nobody said so, whoever should have has failed.
    async fn told(running: &Running, started: Result<Result<(), Error>, RecvError>) -> Result<(), Error> {
        match started {
            Ok(started) => started,
            Err(_) => running.wait().await.and(Err(Error::Stopping)),
        }
    }

    struct StopOnDrop<'r>(&'r Running);

    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.stop();
        }
    }

    /// Begins to start, on a thread of its own: brokers are waited for there, and the executor's thread is not held up.
    fn launch(application: Application) -> Result<(Running, oneshot::Receiver<Result<(), Error>>), Error> {
        let (tell, inbox) = channel();
        let common = Arc::<Common>::default();
        let seen = Seen { state: State::Created, threads: Vec::new(), outcome: None };
        let seen = Arc::new(Mutex::new(seen));
        let running = Running::new(tell.clone(), seen.clone(), common.clone());
        let (tell_started, started) = oneshot::channel();
        let name = format!("{}-supervisor", application.id);
        let unwound = Unwound { name: name.clone(), common: common.clone(), seen: seen.clone() };
        let supervise = move || {
            let _unwound = unwound;
            match prepare(application, &common, tell.clone()) {
                Ok(Prepared { around, threads, listeners }) => {
                    let crew = Threads::new(around, common, (tell, inbox), seen, listeners);
                    crew.run(threads, || tell_started.send(Ok(())).is_ok());
                }
                Err(error) => {
                    threads::lock(&seen).state = State::Error;
                    let _ = tell_started.send(Err(error));
                }
            }
        };
        spawn(name, supervise)?;
        Ok((running, started))
    }

    /// Ends everything if whoever supervises it panics: nobody else could.
    struct Unwound {
        name: String,
        common: Arc<Common>,
        seen: Arc<Mutex<Seen>>,
    }

    impl Drop for Unwound {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.common.end();
                let cause = FailureCause::Panicked("see standard error".to_owned());
                let mut seen = threads::lock(&self.seen);
                seen.state = State::Error;
                seen.outcome.get_or_insert(ThreadFailure { thread: self.name.clone(), cause }.into());
            }
        }
    }

    fn spawn(name: String, main: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let what = format!("thread `{name}`");
        let spawned = std::thread::Builder::new().name(name).spawn(main);
        spawned.map(drop).map_err(|cause| Error::Io { what, cause })
    }

    /// Everything that threads need.
    struct Prepared {
        around: threads::Surroundings,
        threads: usize,
        listeners: Vec<super::state::Listener>,
    }

    fn prepare(
        application: Application,
        common: &Arc<Common>,
        tell: Sender<Message>,
    ) -> Result<Prepared, Error> {
        let Application { topology, id, settings, hooks } = application;
        let clients = KafkaClients::new(settings.clients.clone());
        let process = Process::open(&id, &topology, &settings)?;
        let returning = process.returning(settings.threads);
        let started =
            Startup::new(&id, process.id(), returning, &settings).run(&mut clients.admin()?, &topology)?;
        started.warnings.iter().for_each(|warning| tracing::warn!(application = id, "{warning}"));
        tracing::info!(
            application = id,
            brokers = settings.brokers.as_deref(),
            guarantee = settings.guarantee.name(),
            threads = settings.threads,
            "starting"
        );
        let (consumed, told) = channel();
        let cleaner = process.cleaner(settings.cleanup_delay_ms);
        let quiet: Box<dyn FnOnce() + Send> = match &cleaner {
            Some(cleaner) => Box::new(cleaner.quiet()),
            None => Box::new(|| {}),
        };
        let own = format!("{id}-{}", process.id());
        let jobs = jobs(&clients, &started, &settings, cleaner, tell, common.clone(), &own);
        look_after(&clients, &id, told, jobs)?;
        let machine = Machine::new(&id, process, &started, &settings, common.clone(), hooks.restoring);
        let machine = Arc::new(machine);
        let rhythm = Rhythm::new(settings.commit_interval_ms, started.offsets_retention_ms);
        let plan = started.plan;
        let call = {
            let (machine, plan) = (machine.clone(), plan.clone());
            move |reason: String| {
                let name = caller_id(&machine.name(), plan.leaders_hash());
                let leaders = plan.leading();
                tracing::warn!(reason, "calls on every instance of the application to end");
                let called = clients.consumer(&plan.application, &name, None, Isolation::ReadCommitted);
                let own = machine.name();
                let called =
                    called.and_then(|consumer| Call::join(consumer, &plan.application, own, &leaders));
                if let Err(error) = called.and_then(|call| call.run(&mut clients.admin()?)) {
                    tracing::error!(%error, "not every instance has heard that it shall end");
                }
            }
        };
        let name = {
            let machine = machine.clone();
            Box::new(move |number| machine.name_of(number))
        };
        let body = move |line: &Line| {
            let worker = Worker::start(machine.clone().thread(line.number()), topology.clone(), plan.clone());
            // Nobody hears it any more when everything ends.
            let consumed = |positions| drop(consumed.send(positions));
            Ok(cycle(worker?, &Surroundings { rhythm, line, consumed: &consumed })?)
        };
        let policy = hooks.policy.unwrap_or_else(|| Box::new(|_| OnFailure::default()));
        let (call, leave) = (Box::new(call), settings.leave_on_close);
        let around = threads::Surroundings { name, body: Arc::new(body), policy, call, quiet, leave };
        Ok(Prepared { around, threads: settings.threads, listeners: hooks.listeners })
    }

    /// Starts the thread that asks things of brokers now and then. It ends with the instance, when no worker is left that could tell
    /// something, and after what it is just being answered.
    fn look_after(
        clients: &KafkaClients,
        application: &str,
        told: Receiver<Vec<(TopicPartition, i64)>>,
        mut jobs: Vec<Job>,
    ) -> Result<(), Error> {
        let clients = clients.clone();
        spawn(format!("{application}-upkeep"), move || match clients.admin() {
            Ok(mut admin) => upkeep(&mut admin, &told, &mut jobs),
            Err(error) => {
                tracing::warn!(%error, "repartition topics are not purged, and nothing is looked after")
            }
        })
    }

    /// What is done there, beside deleting what was consumed. `own` is how clients of this process are called.
    fn jobs(
        clients: &KafkaClients,
        started: &Started,
        settings: &Settings,
        cleaner: Option<Cleaner>,
        tell: Sender<Message>,
        common: Arc<Common>,
        own: &str,
    ) -> Vec<Job> {
        let mut watch = Watch::new(started.plan.clone()).started_with(&started.topics);
        let (grown, called) = (tell.clone(), tell);
        let count = Job::every(
            refresh_interval(&settings.clients),
            "partitions of inputs are counted",
            move |topics| {
                let growth = watch.look(topics)?;
                // Who stopped already does not hear it.
                growth.into_iter().for_each(|growth| {
                    let _ = grown.send(Message::Fail(WorkerError::Grown(Box::new(growth)).into()));
                });
                Ok(())
            },
        );
        let mut look = look_at_group(clients.clone(), &started.plan, own, called);
        let listen = Job::every(LOOKS, "the group is looked at", move |topics| {
            if common.is_regrouped() { look(topics, &common) } else { Ok(()) }
        });
        let clean = cleaner.map(|cleaner| {
            Job::every(cleaner.delay(), "stores that nobody has here are deleted", move |_| {
                cleaner.clean();
                Ok(())
            })
        });
        [count, listen].into_iter().chain(clean).collect()
    }

    /// What is done about the group once it has changed: who calls has joined, and what is nobody's was given out.
    fn look_at_group(
        clients: KafkaClients,
        plan: &Plan,
        own: &str,
        called: Sender<Message>,
    ) -> impl FnMut(&mut dyn Topics, &Common) -> Result<(), TransportError> + Send + 'static {
        let mut gap = clients.is_classic().then(|| Gap::new(plan, format!("{own}-")));
        let (group, bystander) = (plan.application.clone(), bystander(plan));
        let passes = client_id(&format!("{own}-passes"), plan.leaders_hash());
        move |topics, common| {
            // Without brokers nothing is asked: what else is to be done would wait for the answer.
            let members = match topics.reach(REACHES_MS).is_ok().then(|| topics.members(&group)) {
                Some(Ok(members)) => members,
                unheard => {
                    common.regroup();
                    return unheard.map_or(Ok(()), |error| error.map(drop));
                }
            };
            if let Some(by) = who_calls(&members) {
                let _ = called.send(Message::Fail(Error::CalledOff { by }));
            }
            let look = gap.as_mut().map_or(Look::Whole, |gap| gap.look(&members));
            if look != Look::Whole {
                common.regroup();
            }
            let Look::Nobodys(partitions) = look else { return Ok(()) };
            let partitions: Vec<String> =
                partitions.iter().map(|place| format!("{}-{}", place.topic, place.partition)).collect();
            tracing::warn!(
                partitions = partitions.join(", "),
                "the group has given these to nobody: joins once more, so that it shares them out"
            );
            let member = clients.consumer(&group, &passes, None, Isolation::ReadCommitted)?;
            pass_through(member, bystander.clone())
        }
    }

    /// How often partitions are counted: as often as clients look for new ones.
    fn refresh_interval(clients: &ClientSettings) -> Duration {
        let said = clients.consumer.iter().chain(&clients.common);
        let said = said.filter(|(name, _)| name == "topic.metadata.refresh.interval.ms");
        // Below zero clients do not look at all.
        let ms = said.filter_map(|(_, ms)| ms.parse::<u64>().ok()).find(|ms| *ms > 0);
        Duration::from_millis(ms.unwrap_or(300_000))
    }
}
