//! Reads a topic as it grows, on a thread of its own, and says when what came.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::reader::Reader;
use super::{Isolation, Record};

/// With the time when it came.
type Seen = Mutex<Vec<(Instant, Record)>>;

/// A reader that goes on until it is dropped, and through every restart of the broker.
pub struct Follower {
    stop: Arc<AtomicBool>,
    seen: Arc<Seen>,
    reader: Option<JoinHandle<()>>,
}

impl Follower {
    /// Begins at the beginning of a topic.
    #[track_caller]
    pub fn start(bootstrap: &str, topic: &str, isolation: Isolation) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Seen::default()));
        let mut reader = Reader::new(bootstrap, topic, isolation);
        let (stopped, to) = (Arc::clone(&stop), Arc::clone(&seen));
        let reader = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                reader.poll();
                let now = Instant::now();
                to.lock().unwrap().extend(reader.take().into_iter().map(|record| (now, record)));
            }
        });
        Self { stop, seen, reader: Some(reader) }
    }

    /// What came since it was asked the last time.
    pub fn news(&self) -> Vec<(Instant, Record)> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.reader.take().map(JoinHandle::join);
    }
}
