//! One process of an application on Kafka: its identity, and how its threads get clients and stores.
//!
//! Identity lives in the state directory. An application with stores is a static member under it, so that a restart
//! finds its tasks, and with them its disk, again; and its transactional ids follow it, so that a restart ends the open
//! transaction of the process that was killed instead of waiting for its time-out.
//!
//! Knows names. Does not know tasks, nor what threads do with what they get.

use super::hooks::RestoreListener;
use super::line::Common;
use super::now_ms;
#[cfg(feature = "rocksdb")]
use super::restorer::Restorer;
use crate::app::Error;
use crate::directory::{Cleaner, DirectoryError, StateDirectory};
use crate::guarantee::Guarantee;
use crate::members::{client_name, thread_of};
use crate::memory::{Budget, Share};
use crate::open::Restoring;
use crate::settings::Settings;
use crate::startup::Started;
#[cfg(feature = "rocksdb")]
use crate::state::DiskMemory;
use crate::state::{OnUnreadable, OverlayLimit};
#[cfg(feature = "rocksdb")]
use crate::stream::StoreSpec;
use crate::task::TaskId;
use crate::topology::Topology;
use crate::transport::kafka::{KafkaClients, KafkaConsumer, KafkaProducer};
use crate::transport::{ClientSettings, Isolation, TransportError};
#[cfg(feature = "rocksdb")]
use crate::warming::{Warmed, Warming};
use crate::wiring::{Engines, in_memory};
use crate::worker::{Connect, member_id};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Which process this is. Known before anything is asked of the group: a run before this one may still be a member.
pub(crate) struct Process {
    id: String,
    directory: Option<StateDirectory>,
    /// True if a restart should find its tasks again: there is something on its disk.
    is_static: bool,
}

impl Process {
    pub(crate) fn open(
        application: &str,
        topology: &Topology,
        settings: &Settings,
    ) -> Result<Process, Error> {
        let budget = Budget::of(settings.memory_bytes);
        let has_state = topology.entries().iter().any(|entry| entry.spec.store.is_some());
        // Where Kafka Streams keeps stores as well if nothing is said: among the temporary files.
        let by_default = (has_state && cfg!(feature = "rocksdb")).then(crate::directory::default_root);
        let directory = match settings.state_dir.as_ref().or(by_default.as_ref()) {
            Some(root) => match open_directory(root, application, budget) {
                Ok(directory) => Some(directory),
                // Without stores the directory only says who this is: a second process on this machine is somebody else.
                Err(error) if !has_state => {
                    tracing::info!(%error, "runs under an identity of its own");
                    None
                }
                // Nobody asked for that one: a second process on this machine runs all the same, as with Kafka Streams.
                Err(error @ DirectoryError::InUse { .. }) if settings.state_dir.is_none() => {
                    tracing::warn!(
                        %error,
                        "keeps its stores in memory; with a `state.dir` of its own a restart need not rebuild them"
                    );
                    None
                }
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let id = match &directory {
            Some(directory) => directory.process_id().to_owned(),
            None => crate::directory::random_id(),
        };
        let is_static = has_state && directory.is_some() && cfg!(feature = "rocksdb");
        Ok(Process { id, directory, is_static })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// How many of so many threads are found by the group under the names of an earlier run.
    pub(crate) fn returning(&self, threads: usize) -> usize {
        if self.is_static { threads } else { 0 }
    }

    /// Deletes stores that were not here for so long, if there is a disk.
    pub(crate) fn cleaner(&self, delay_ms: u64) -> Option<Cleaner> {
        self.directory.as_ref()?.cleaner(Duration::from_millis(delay_ms))
    }
}

/// What the threads of a process share.
pub(crate) struct Machine {
    application: String,
    clients: KafkaClients,
    guarantee: Guarantee,
    unreadable: OnUnreadable,
    /// Of all threads.
    memory: Budget,
    common: Arc<Common>,
    restoring: Option<RestoreListener>,
    /// Of stores that outlast their task: what is in memory goes with whoever restored it.
    #[cfg(feature = "rocksdb")]
    restorer: Option<Restorer<KafkaConsumer>>,
    process: Process,
}

impl Machine {
    pub(crate) fn new(
        application: &str,
        process: Process,
        started: &Started,
        settings: &Settings,
        common: Arc<Common>,
        restoring: Option<RestoreListener>,
    ) -> Machine {
        let clients = KafkaClients::new(bounded(settings.clients.clone(), started));
        let unreadable = settings.unreadable;
        Machine {
            application: application.to_owned(),
            guarantee: settings.guarantee,
            unreadable,
            memory: Budget::of(settings.memory_bytes),
            common,
            #[cfg(feature = "rocksdb")]
            restorer: process.directory.clone().map(|directory| {
                let engines = move |task| directory.engines(task, unreadable);
                restorer(application, &process.id, &clients, engines, restoring.clone())
            }),
            clients,
            restoring,
            process,
        }
    }

    /// What the clients of a thread are called.
    pub(crate) fn name_of(&self, thread: usize) -> String {
        client_name(&self.application, &self.process.id, thread)
    }

    /// What clients of no thread are called.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.application, self.process.id)
    }

    /// What thread `number` works with.
    pub(crate) fn thread(self: Arc<Self>, number: usize) -> OnMachine {
        let name = self.name_of(number);
        OnMachine { machine: self, number, name }
    }
}

/// The thread that restores what these engines hold.
#[cfg(feature = "rocksdb")]
fn restorer(
    application: &str,
    process: &str,
    clients: &KafkaClients,
    engines: impl FnMut(TaskId) -> Engines + Send + 'static,
    restoring: Option<RestoreListener>,
) -> Restorer<KafkaConsumer> {
    let (group, name) = (application.to_owned(), format!("{application}-{process}-restore"));
    let clients = clients.clone();
    let make = Box::new(move || {
        let reader = clients.restore_consumer(&group, &name)?;
        let timeout_ms = i64::try_from(clients.transaction_timeout_ms()).unwrap_or(i64::MAX);
        let hear = move |restoring_store: &Restoring| {
            if let Some(listener) = &restoring {
                listener(restoring_store);
            }
        };
        Ok(Warming::new(reader, engines, hear, timeout_ms))
    });
    Restorer::new(format!("{application}-restore"), make)
}

/// A broker refuses a batch that is larger than its topic allows as a whole, however small its records are: no batch is
/// larger than the smallest of these limits.
fn bounded(mut clients: ClientSettings, started: &Started) -> ClientSettings {
    let limits = started.topics.values().filter_map(|topic| topic.setting("max.message.bytes")?.parse().ok());
    let smallest: u64 = limits.min().unwrap_or(u64::MAX);
    let said = clients.producer.iter().chain(&clients.common).find(|(name, _)| name == BATCH_SIZE);
    let size = said.and_then(|(_, size)| size.parse().ok()).unwrap_or(KafkaClients::BATCH_SIZE);
    if size > smallest {
        clients.producer.retain(|(name, _)| name != BATCH_SIZE);
        clients.producer.push((BATCH_SIZE.to_owned(), smallest.to_string()));
    }
    clients
}

fn open_directory(root: &Path, application: &str, budget: Budget) -> Result<StateDirectory, DirectoryError> {
    #[cfg(feature = "rocksdb")]
    return StateDirectory::with_memory(root, application, DiskMemory { bytes: budget.disk() });
    #[cfg(not(feature = "rocksdb"))]
    {
        let _ = budget;
        StateDirectory::open(root, application)
    }
}

const BATCH_SIZE: &str = "batch.size";

/// One thread of a [`Machine`].
pub(crate) struct OnMachine {
    machine: Arc<Machine>,
    number: usize,
    /// `<application>-<process>-<thread>`: client id and transactional id.
    name: String,
}

impl Connect for OnMachine {
    type Consumer = KafkaConsumer;
    type Producer = KafkaProducer;

    fn consumer(&self, leaders: u64) -> Result<KafkaConsumer, TransportError> {
        let Machine { application, clients, process, .. } = &*self.machine;
        // One name for each map: the client id that the others see of a static member stays the one with which the first
        // of its name joined (classic protocol), and they would take a later version for the first one for ever.
        let instance = process.is_static.then(|| format!("{}-{}-{leaders:x}", process.id, self.number));
        let client_id = member_id(&self.name, leaders);
        clients.consumer(application, &client_id, instance.as_deref(), Isolation::ReadCommitted)
    }

    fn is_own(&self, name: &str) -> bool {
        thread_of(name, &self.machine.application, &self.machine.process.id).is_some()
    }

    fn restore_consumer(&self) -> Result<KafkaConsumer, TransportError> {
        let machine = &*self.machine;
        // librdkafka asks for the coordinator of its group although it never joins one: another group would need a
        // right of its own.
        machine.clients.restore_consumer(&machine.application, &format!("{}-restore", self.name))
    }

    fn producer(&self) -> Result<KafkaProducer, TransportError> {
        let transactional = self.machine.guarantee == Guarantee::ExactlyOnce;
        self.machine.clients.producer(transactional.then_some(self.name.as_str()))
    }

    fn guarantee(&self) -> Guarantee {
        self.machine.guarantee
    }

    fn transaction_timeout_ms(&self) -> i64 {
        i64::try_from(self.machine.clients.transaction_timeout_ms()).unwrap_or(i64::MAX)
    }

    fn engines(&self, task: TaskId) -> Engines {
        #[cfg(feature = "rocksdb")]
        if let Some(directory) = &self.machine.process.directory {
            return directory.engines(task, self.machine.unreadable);
        }
        let _ = task;
        in_memory()
    }

    /// As many as there is memory for.
    fn overlay(&self) -> OverlayLimit {
        OverlayLimit::UNBOUNDED
    }

    fn memory(&self) -> Share {
        self.machine.memory.worker(self.machine.common.threads())
    }

    #[cfg(feature = "rocksdb")]
    fn warm(&self, task: TaskId, stores: &[(StoreSpec, String)]) -> Option<Vec<Warmed>> {
        match &self.machine.restorer {
            Some(restorer) if !stores.is_empty() => restorer.warm((self.number, task), stores),
            _ => Some(Vec::new()),
        }
    }

    #[cfg(feature = "rocksdb")]
    fn cool(&self, task: TaskId) {
        if let Some(restorer) = &self.machine.restorer {
            restorer.cool((self.number, task));
        }
    }

    fn restoring(&self, store: &Restoring) {
        if let Some(listener) = &self.machine.restoring {
            listener(store);
        }
    }

    fn now_ms(&self) -> i64 {
        now_ms()
    }
}
