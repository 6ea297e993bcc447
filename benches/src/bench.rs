//! A worker on the in-process log that is stepped by hand, its input written beforehand.
//!
//! So reading, processing and committing are measured apart from writing the input. It is the worker of production;
//! the test driver runs it in the same way.

use streams_runtime::state::OverlayLimit;
use streams_runtime::task::TaskId;
use streams_runtime::topology::Plan;
use streams_runtime::transport::Isolation;
use streams_runtime::transport::memory::{MemoryConsumer, MemoryLog, MemoryProducer};
use streams_runtime::wiring::{Engines, in_memory};
use streams_runtime::worker::{Connect, Worker};
use streams_runtime::{App, Headers};

/// As many records as a worker fetches at once; one commit follows.
pub const BATCH: usize = 1024;
/// Hot keys: each occurs many times between two commits.
pub const KEYS: usize = 64;

const APPLICATION: &str = "bench";

struct InProcess(MemoryLog);

impl Connect for InProcess {
    type Consumer = MemoryConsumer;
    type Producer = MemoryProducer;

    fn consumer(&self) -> MemoryConsumer {
        self.0.consumer(APPLICATION, APPLICATION, Isolation::ReadCommitted)
    }

    fn restore_consumer(&self) -> MemoryConsumer {
        self.0.consumer("restore", APPLICATION, Isolation::ReadCommitted)
    }

    fn producer(&self) -> MemoryProducer {
        self.0.producer(Some(APPLICATION))
    }

    fn engines(&self, _: TaskId) -> Engines {
        in_memory()
    }

    fn overlay(&self) -> OverlayLimit {
        OverlayLimit::UNBOUNDED
    }
}

/// A log with numbers in a topic of one partition, and a worker that reads them.
pub struct Bench {
    log: MemoryLog,
    worker: Worker<InProcess>,
    written: usize,
}

impl Bench {
    /// Starts topology `A`, which reads topic `numbers`.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start<A: App>() -> Bench {
        let plan = Plan::of(&A::graph(), APPLICATION, |_, _| Some(1)).expect("the topics fit");
        let log = MemoryLog::new();
        for topic in plan.external.iter().chain(&plan.internal) {
            log.create_topic(&topic.name, topic.partitions).expect("the log is empty");
        }
        let worker = Worker::start(InProcess(log.clone()), A::graph(), plan).expect("the worker starts");
        let mut bench = Bench { log, worker, written: 0 };
        bench.run();
        bench
    }

    /// Writes numbers under [`KEYS`] keys into the log; nobody reads them yet.
    ///
    /// # Panics
    /// If the log refuses.
    pub fn write(&mut self, records: usize) {
        let headers = Headers::new();
        for _ in 0..records {
            let i = self.written;
            self.written += 1;
            let (key, value) = (((i % KEYS) as i64).to_be_bytes(), (i as i64).to_be_bytes());
            self.log
                .append("numbers", 0, Some(&key), Some(&value), i as i64, &headers)
                .expect("the topic exists");
        }
    }

    /// Works until nothing is left; a commit after each [`BATCH`] of records. Tells how many records there were.
    ///
    /// # Panics
    /// If a record fails.
    pub fn run(&mut self) -> usize {
        let mut processed = 0;
        loop {
            let fetched = self.worker.poll().expect("the log answers");
            let now = self.worker.process().expect("every record can be processed");
            let committed = self.worker.commit().expect("nothing stands against it");
            processed += now;
            if fetched == 0 && now == 0 && !committed {
                return processed;
            }
        }
    }

    /// How many records topic `topic` holds, control records included.
    ///
    /// # Panics
    /// If there is no such topic.
    pub fn len(&self, topic: &str) -> i64 {
        self.log.watermarks(topic, 0).expect("the topic exists").high
    }
}
