//! A worker on the in-process log that is stepped by hand, its input written beforehand.
//!
//! So reading, processing and committing are measured apart from writing the input. It is the worker of production;
//! the test driver runs it in the same way.

use streams_runtime::commit::Commit;
use streams_runtime::instance::InProcess;
use streams_runtime::transport::memory::MemoryLog;
use streams_runtime::worker::Worker;
use streams_runtime::{App, Headers};

/// As many records as a worker fetches at once; one commit follows.
pub const BATCH: usize = 1024;
/// Hot keys: each occurs many times between two commits.
pub const KEYS: usize = 64;

const APPLICATION: &str = "bench";

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
        let log = MemoryLog::new();
        let worker = InProcess::new(&log, APPLICATION, "1").start(A::graph()).expect("the worker starts");
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
            let step = self.worker.step(BATCH).expect("every record can be processed");
            processed += step.processed;
            if self.worker.commit().expect("nothing stands against it") == Commit::Nothing && step.is_idle() {
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
