//! Runs a topology in a test: the real task and worker on the in-process log, a clock moved by hand.
//!
//! In the style of Kafka Streams' `TopologyTestDriver`: typed input and output topics, headers, timestamps, read
//! access to stores. As many partitions as the topics declare. Every piped record is processed to the end, through
//! all sub-topologies, and committed before `pipe` returns; so the same input gives the same output, always.

mod builder;
mod output;

pub use self::builder::DriverBuilder;
pub use self::output::{Output, OutputRecord};
use crate::commit::Commit;
use crate::counters::Dropped;
use crate::guarantee::Guarantee;
use crate::instance::{InProcess, create_topics, run_until_idle};
use crate::partitioner::partition_of;
use crate::record::{Headers, Timestamp};
use crate::serde::{Serde, SerdeError};
use crate::state::{Direction, KeyRange, KeyValueStore, OverlayLimit, StateError, WindowStore};
use crate::stream::{Read, StoreSpec, Table, Topic};
use crate::time::{Clock, ManualClock};
use crate::topology::{Plan, PlanError, PlannedTopic, Topology};
use crate::transport::TransportError;
use crate::transport::memory::{MemoryLog, Records, Writer};
use crate::window::Windowed;
use crate::worker::{Worker, WorkerError};
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::rc::{Rc, Weak};

/// Why a driver cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The topics do not fit.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The application would have stopped.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// It has stopped before: at this record.
    #[error("the application has stopped: {0}")]
    Stopped(String),
    /// The log refused.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A key or value has no form in the topic's format, or bytes are not of it.
    #[error("topic `{topic}`: {cause}")]
    Serde {
        /// The topic.
        topic: &'static str,
        /// What the format said.
        cause: SerdeError,
    },
}

/// A running topology.
pub struct Driver {
    log: MemoryLog,
    clock: Rc<ManualClock>,
    worker: RefCell<Worker<InProcess>>,
    stopped: RefCell<Option<String>>,
    doubting: Cell<bool>,
    plan: Plan,
    /// Topics that need not be kept.
    passing: Vec<Passing>,
    /// Where the outputs stand that tests hold.
    readers: RefCell<Vec<Reader>>,
    /// How many records may be piped until something is forgotten.
    room: Cell<usize>,
}

const APPLICATION: &str = "driver";

/// So many records are piped before anything is forgotten: most tests never come that far.
const KEPT: usize = 1024;

/// So many are piped from then on before more is forgotten. Memory that is used again costs a fraction of memory that is
/// touched for the first time, and memory that is used again soon is still in the processor's cache.
const KEPT_AFTERWARDS: usize = 128;

/// A topic whose records may go, and when.
struct Passing {
    topic: PlannedTopic,
    /// Not before they are processed.
    processed: bool,
    /// Not before every output of the topic has read them; while there is none, never.
    read: bool,
}

/// An output, and one partition of its topic.
struct Reader {
    topic: &'static str,
    partition: u32,
    position: Weak<Cell<i64>>,
}

impl Driver {
    /// Starts a topology. Topics have the partitions they declare, or one.
    ///
    /// # Errors
    /// If the topics do not fit.
    pub fn start(topology: Topology) -> Result<Driver, DriverError> {
        Driver::builder(topology).start()
    }

    /// As [`start`](Driver::start), with stores that keep so many rows typed.
    ///
    /// # Errors
    /// If the topics do not fit.
    pub fn start_with(topology: Topology, overlay: OverlayLimit) -> Result<Driver, DriverError> {
        Driver::builder(topology).overlay(overlay).start()
    }

    /// A topology, and what else there is to say before it starts.
    pub fn builder(topology: Topology) -> DriverBuilder {
        DriverBuilder::new(topology)
    }

    fn started(
        topology: Topology,
        overlay: OverlayLimit,
        guarantee: Guarantee,
    ) -> Result<Driver, DriverError> {
        let plan = Plan::of(&topology, APPLICATION, |_, declared| Some(declared.unwrap_or(1)))?;
        let log = MemoryLog::new();
        create_topics(&log, &plan)?;
        let connect = InProcess::new(&log, APPLICATION, "1").overlay(overlay).guarantee(guarantee);
        let passing = passing(&topology, &plan);
        let worker = Worker::start(connect, topology, plan.clone())?;
        let clock = Rc::new(ManualClock::new(0));
        let driver = Driver {
            log,
            clock,
            worker: RefCell::new(worker),
            stopped: RefCell::default(),
            doubting: Cell::new(false),
            plan,
            passing,
            readers: RefCell::default(),
            room: Cell::new(KEPT),
        };
        driver.run()?;
        Ok(driver)
    }

    /// A topic to write to.
    ///
    /// # Panics
    /// If the topology neither reads nor writes it.
    #[track_caller]
    pub fn input<T: Topic>(&self) -> Input<'_, T> {
        let partitions = self.partitions(T::TOPIC.name);
        let writer = self.log.writer(T::TOPIC.name);
        Input { driver: self, writer, partitions, buffer: RefCell::default(), topic: PhantomData }
    }

    /// A topic to read from, from its beginning.
    ///
    /// What steps wrote is kept until it is read: after a while it is forgotten what every living output of the topic has
    /// read, and then another one begins behind that. Of a topic that is only piped to, what was processed is forgotten
    /// after a while. Nothing is before 1,024 records were piped.
    ///
    /// # Panics
    /// If the topology neither reads nor writes it.
    #[track_caller]
    pub fn output<T: Topic>(&self) -> Output<T> {
        let name = T::TOPIC.name;
        let partitions = (0..self.partitions(name)).map(|p| self.log.read_committed(name, p, 0));
        let partitions: Vec<Records> =
            partitions.collect::<Result<_, _>>().expect("the topic was created at start");
        let readers = (0..).zip(&partitions).map(|(partition, records)| {
            let position = records.watch();
            Reader { topic: name, partition, position }
        });
        self.readers.borrow_mut().extend(readers);
        Output::new(partitions)
    }

    #[track_caller]
    fn partitions(&self, topic: &str) -> u32 {
        match self.log.partitions(topic) {
            Ok(partitions) => partitions,
            Err(_) => panic!("the topology neither reads nor writes topic `{topic}`"),
        }
    }

    /// Processes everything there is, through all sub-topologies, and commits.
    ///
    /// # Errors
    /// If a record fails under `fail`; the application has stopped then, and the transaction was taken back.
    pub fn run(&self) -> Result<(), DriverError> {
        if let Some(why) = &*self.stopped.borrow() {
            return Err(DriverError::Stopped(why.clone()));
        }
        let mut worker = self.worker.borrow_mut();
        let result = match self.doubting.get() {
            true => run_in_doubt(&mut worker),
            false => run_until_idle(&mut worker),
        };
        if let Err(error) = &result {
            *self.stopped.borrow_mut() = Some(error.to_string());
        }
        Ok(result?)
    }

    /// Deletes what nobody will look for.
    #[cold]
    fn forget(&self) -> Result<(), TransportError> {
        self.room.set(KEPT_AFTERWARDS);
        let readers = &mut *self.readers.borrow_mut();
        readers.retain(|reader| reader.position.strong_count() > 0);
        for Passing { topic, processed: is_processed, read: is_read } in &self.passing {
            for partition in 0..topic.partitions {
                let of = |reader: &&Reader| reader.partition == partition && reader.topic == topic.name;
                let positions = readers.iter().filter(of).filter_map(|reader| reader.position.upgrade());
                let read = if *is_read { positions.map(|at| at.get()).min() } else { Some(i64::MAX) };
                let processed = match *is_processed {
                    true => self.log.committed_offset(APPLICATION, &topic.name, partition)?,
                    false => Some(i64::MAX),
                };
                if let (Some(processed), Some(read)) = (processed, read) {
                    self.log.delete_records(&topic.name, partition, processed.min(read))?;
                }
            }
        }
        Ok(())
    }

    /// From now on every transaction is processed, taken back, processed again and only then committed. Nothing a
    /// test sees may differ, unless a step remembers something outside of its stores, such as in a static. At least
    /// once, what was written before the taking back stays: it is seen twice.
    pub fn doubt(&self) {
        self.doubting.set(true);
    }

    /// The log it runs on.
    pub fn log(&self) -> &MemoryLog {
        &self.log
    }

    /// Moves the wall clock, which starts at 0 and stands still otherwise.
    ///
    /// # Errors
    /// As [`run`](Driver::run).
    pub fn advance_wall_clock(&self, ms: i64) -> Result<(), DriverError> {
        self.clock.advance(ms);
        self.log.set_time_ms(self.clock.now_ms());
        self.run()
    }

    /// How many records were left out by a policy (`dropped-records-total` in Kafka Streams).
    pub fn dropped(&self) -> u64 {
        self.worker.borrow().tasks().iter().map(|task| task.dropped()).sum()
    }

    /// Where and why records were left out, places with none omitted.
    pub fn drops(&self) -> Vec<Dropped> {
        drops(&self.worker.borrow())
    }

    /// The row of a key in a table without windows.
    ///
    /// # Panics
    /// If the topology does not list the table.
    pub fn row<T>(&self, key: &T::Key) -> Option<T::Value>
    where
        T: Table<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>,
        T::Value: Clone,
    {
        let mut bytes = Vec::new();
        T::KeySerde::encode(key, &mut bytes).expect("the key can be written");
        let read =
            |store: &mut KeyValueStore<T::ValueSerde>| Ok(store.get(&bytes)?.map(|row| row.value.clone()));
        self.stores::<T, KeyValueStore<T::ValueSerde>>()
            .into_iter()
            .find_map(|store| fine(read(&mut store.borrow_mut())))
    }

    /// All rows of a table without windows, by key bytes within each partition.
    ///
    /// # Panics
    /// If the topology does not list the table, or the store cannot be read.
    pub fn rows<T>(&self) -> Vec<(T::Key, T::Value)>
    where
        T: Table<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>,
        T::Value: Clone,
    {
        let mut rows = Vec::new();
        for store in self.stores::<T, KeyValueStore<T::ValueSerde>>() {
            let mut store = store.borrow_mut();
            let mut scan = fine(store.scan(KeyRange::ALL, Direction::Forward));
            while let Some((key, row)) = fine(scan.next()) {
                let key = T::KeySerde::decode(key).expect("a stored key can be read");
                rows.push((key, row.value.clone()));
            }
        }
        rows
    }

    /// All rows of a windowed table, by window and key bytes within each partition.
    ///
    /// # Panics
    /// If the topology does not list the table, or the store cannot be read.
    pub fn windows<T, K>(&self) -> Vec<(Windowed<K>, T::Value)>
    where
        T: Table<Key = Windowed<K>, KeySerde: Serde<Type = Windowed<K>>, ValueSerde: Serde<Type = T::Value>>,
        T::Value: Clone,
    {
        let mut rows = Vec::new();
        for store in self.stores::<T, WindowStore<T::ValueSerde>>() {
            let mut store = store.borrow_mut();
            let mut scan = fine(store.all(Direction::Forward));
            while let Some(row) = fine(scan.next()) {
                // The key's format is the inner one followed by the window's start.
                let bytes = [row.key, &row.start.to_be_bytes()].concat();
                let key = T::KeySerde::decode(&bytes).expect("a stored key can be read");
                rows.push((key, row.row.value.clone()));
            }
        }
        rows
    }

    fn stores<T: Table, S: 'static>(&self) -> Vec<Rc<RefCell<S>>> {
        let worker = self.worker.borrow();
        let stores = worker.tasks().iter().filter_map(|task| task.wired().stores.get(&T::STORE.hash));
        let stores: Vec<Rc<RefCell<S>>> = stores.filter_map(|store| store.clone().downcast().ok()).collect();
        assert!(!stores.is_empty(), "the topology has no store `{}`", T::STORE.name);
        stores
    }

    /// The topics the application made itself: repartition topics and changelogs.
    pub fn internal_topics(&self) -> Vec<String> {
        self.plan.internal.iter().map(|topic| topic.name.clone()).collect()
    }
}

/// Where and why records were left out, in committed transactions; places with none omitted.
pub(crate) fn drops(worker: &Worker<InProcess>) -> Vec<Dropped> {
    Dropped::sum(worker.tasks().iter().flat_map(|task| &task.wired().drops))
}

/// As [`run_until_idle`], with each transaction taken back once.
fn run_in_doubt(worker: &mut Worker<InProcess>) -> Result<(), WorkerError> {
    loop {
        let mut idle = process_all(worker)?;
        if !idle {
            worker.abort()?;
            process_all(worker)?;
        }
        idle &= worker.commit()? == Commit::Nothing;
        if idle {
            return Ok(());
        }
    }
}

/// Steps until nothing is left to do before a commit; true if there was nothing at all.
fn process_all(worker: &mut Worker<InProcess>) -> Result<bool, WorkerError> {
    let mut idle = true;
    while !worker.step(usize::MAX)?.is_idle() {
        idle = false;
    }
    Ok(idle)
}

/// All topics except changelogs and others that are the only copy of a store.
fn passing(topology: &Topology, plan: &Plan) -> Vec<Passing> {
    let specs = || topology.entries().iter().map(|entry| &entry.spec);
    let is_source = |topic: &PlannedTopic| {
        plan.subs.iter().flat_map(|sub| &sub.sources).any(|source| source.name == topic.name)
    };
    let is_written =
        |topic: &PlannedTopic| specs().any(|spec| spec.to.is_some_and(|to| to.name == topic.name));
    let is_store = |topic: &PlannedTopic| {
        let reads = |read: &Read| read.topic.is_some_and(|read| read.name == topic.name);
        let rebuilt_from = |store: StoreSpec, reading: &[Read]| !store.changelog && reading.iter().any(reads);
        specs().any(|spec| spec.store.is_some_and(|store| rebuilt_from(store, spec.reads)))
    };
    let topics = plan.external.iter().chain(&plan.internal).filter(|topic| !is_store(topic));
    topics
        .map(|topic| Passing { topic: topic.clone(), processed: is_source(topic), read: is_written(topic) })
        .filter(|passing| passing.processed || passing.read)
        .collect()
}

/// Writes a key or a value of topic `T`; false for a null.
#[inline]
fn encode<T: Topic, S: Serde>(side: Option<&S::Type>, out: &mut Vec<u8>) -> Result<bool, DriverError> {
    match side.map(|side| S::encode(side, out)) {
        None => Ok(false),
        Some(Ok(())) => Ok(true),
        Some(Err(cause)) => Err(DriverError::Serde { topic: T::TOPIC.name, cause }),
    }
}

/// Tests end with what the store said.
fn fine<T>(result: Result<T, StateError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A record to be piped: key and value, and if wanted time, headers and partition.
#[derive(Clone, Debug)]
pub struct TestRecord<K, V> {
    /// The key, `None` for null.
    pub key: Option<K>,
    /// The value, `None` for null.
    pub value: Option<V>,
    /// Its time.
    pub timestamp: Timestamp,
    /// Its headers.
    pub headers: Headers,
}

/// A topic a test writes to.
pub struct Input<'d, T> {
    driver: &'d Driver,
    writer: Writer,
    partitions: u32,
    buffer: RefCell<Vec<u8>>,
    topic: PhantomData<T>,
}

impl<T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>> Input<'_, T> {
    /// Pipes a record at time 0 and runs everything it causes.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub fn pipe(&self, key: impl Into<T::Key>, value: impl Into<T::Value>) -> Result<(), DriverError> {
        self.pipe_at(key, value, 0)
    }

    /// Pipes a record at `timestamp` (ms) and runs everything it causes.
    ///
    /// # Errors
    /// As [`Driver::run`].
    // Always inlined: what is handed in would be copied once more.
    #[inline(always)]
    pub fn pipe_at(
        &self,
        key: impl Into<T::Key>,
        value: impl Into<T::Value>,
        timestamp: i64,
    ) -> Result<(), DriverError> {
        let headers = Headers::new();
        self.write(Some(&key.into()), Some(&value.into()), timestamp, &headers)?;
        self.driver.run()
    }

    /// Pipes a record whose key or value may be null, at `timestamp` (ms), and runs everything it causes.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub fn pipe_nullable(
        &self,
        key: Option<T::Key>,
        value: Option<T::Value>,
        timestamp: i64,
    ) -> Result<(), DriverError> {
        self.write(key.as_ref(), value.as_ref(), timestamp, &Headers::new())?;
        self.driver.run()
    }

    /// Pipes a null value under `key` at time 0: to a table, a deletion.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub fn delete(&self, key: impl Into<T::Key>) -> Result<(), DriverError> {
        self.pipe_nullable(Some(key.into()), None, 0)
    }

    /// Pipes a record with everything it may have and runs everything it causes.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub fn pipe_record(&self, record: &TestRecord<T::Key, T::Value>) -> Result<(), DriverError> {
        self.write(record.key.as_ref(), record.value.as_ref(), record.timestamp.as_ms(), &record.headers)?;
        self.driver.run()
    }

    /// Pipes many records as one batch: all are there before the first is processed, and one commit follows.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub fn pipe_all<'r>(
        &self,
        records: impl IntoIterator<Item = &'r TestRecord<T::Key, T::Value>>,
    ) -> Result<(), DriverError>
    where
        T::Key: 'r,
        T::Value: 'r,
    {
        for record in records {
            self.write(
                record.key.as_ref(),
                record.value.as_ref(),
                record.timestamp.as_ms(),
                &record.headers,
            )?;
        }
        self.driver.run()
    }

    /// Pipes bytes as they are, such as bytes that cannot be read.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub fn pipe_bytes(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        timestamp: i64,
        headers: &Headers,
    ) -> Result<(), DriverError> {
        self.append(key, value, timestamp, headers)?;
        self.driver.run()
    }

    fn write(
        &self,
        key: Option<&T::Key>,
        value: Option<&T::Value>,
        timestamp: i64,
        headers: &Headers,
    ) -> Result<(), DriverError> {
        self.make_room()?;
        let key = |out: &mut Vec<u8>| encode::<T, T::KeySerde>(key, out);
        let value = |out: &mut Vec<u8>| encode::<T, T::ValueSerde>(value, out);
        if self.partitions <= 1 {
            return self.writer.append_with(0, key, value, timestamp, headers);
        }
        // Where it goes is not known before the key is encoded.
        let bytes = &mut *self.buffer.borrow_mut();
        bytes.clear();
        let has_key = key(bytes)?;
        let partition = if has_key { partition_of(bytes, self.partitions) } else { 0 };
        let key = |out: &mut Vec<u8>| {
            out.extend_from_slice(bytes);
            Ok(has_key)
        };
        self.writer.append_with(partition, key, value, timestamp, headers)
    }

    fn append(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        timestamp: i64,
        headers: &Headers,
    ) -> Result<(), DriverError> {
        let partition = key.map_or(0, |key| partition_of(key, self.partitions));
        self.make_room()?;
        Ok(self.writer.append(partition, key, value, timestamp, headers)?)
    }

    /// Before a record and not after it: what it causes is yet to be read, and what came before probably is.
    #[inline]
    fn make_room(&self) -> Result<(), DriverError> {
        match self.driver.room.get() {
            0 => self.driver.forget()?,
            room => self.driver.room.set(room - 1),
        }
        Ok(())
    }
}
