//! Entries and versions of accounts, written at a steady rate, and what was written.
//!
//! Each entry has a number of its own, 0, 1, 2 and so on in the order they are written. Knows nothing of what becomes of
//! them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::broker::tools::{Message, PATIENCE, Producer, until};
use crate::random::Random;

/// As the application declares it.
pub(super) const PARTITIONS: i32 = 4;

/// How many accounts there are.
pub(super) const ACCOUNTS: usize = 24;

/// After so many entries an account has a new version.
const ENTRIES_A_VERSION: usize = 20;

/// How often something is written.
const BETWEEN: Duration = Duration::from_millis(20);

/// What is written at once when the writer was held up.
const AT_ONCE: usize = 200;

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) account: String,
    pub(super) amount: u64,
    /// Event time.
    pub(super) timestamp: i64,
}

/// Everything that was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// By their numbers.
    pub(super) entries: Vec<Entry>,
    /// The last version of each account.
    pub(super) versions: BTreeMap<String, i64>,
}

/// A writer on a thread of its own.
pub(super) struct Flow {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Entries a second.
    rate: AtomicUsize,
    /// How many entries the broker has acknowledged.
    acknowledged: AtomicUsize,
    written: Mutex<Written>,
}

struct Writer {
    producer: Producer,
    random: Random,
    shared: Arc<Shared>,
}

impl Flow {
    /// Tells of every account, and begins to write entries.
    pub(super) fn start(bootstrap: &str, seed: u64, rate: usize) -> Self {
        let shared = Arc::new(Shared::default());
        shared.rate.store(rate, Ordering::Relaxed);
        let producer = Producer::new(bootstrap);
        let mut writer = Writer { producer, random: Random::of(seed, 1), shared: Arc::clone(&shared) };
        for account in 0..ACCOUNTS {
            // Before every entry, in the story's time as well.
            writer.version(account, 1);
        }
        writer.producer.flush();
        Self { shared, writer: Some(thread::spawn(move || writer.write())) }
    }

    /// How many entries are in the log.
    pub(super) fn acknowledged(&self) -> usize {
        self.shared.acknowledged.load(Ordering::SeqCst)
    }

    /// Writes no more until [`resume`](Self::resume); what was written is in the log.
    pub(super) fn rest(&self) {
        self.shared.rate.store(0, Ordering::SeqCst);
        // Twice: the writer may have been about to write some more.
        for _ in 0..2 {
            thread::sleep(BETWEEN * 2);
            until("the last entries to be acknowledged", PATIENCE, || {
                (self.acknowledged() == self.shared.written.lock().unwrap().entries.len()).then_some(())
            });
        }
    }

    /// Goes on.
    pub(super) fn resume(&self, rate: usize) {
        self.shared.rate.store(rate, Ordering::SeqCst);
    }

    pub(super) fn written(&self) -> Written {
        self.shared.written.lock().unwrap().clone()
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if !thread::panicking() {
            let _ = self.writer.take().map(JoinHandle::join);
        }
    }
}

impl Writer {
    fn write(&mut self) {
        let (mut due, mut last) = (0.0, Instant::now());
        while !self.shared.stop.load(Ordering::SeqCst) {
            let now = Instant::now();
            due += now.duration_since(last).as_secs_f64() * self.shared.rate.load(Ordering::SeqCst) as f64;
            last = now;
            let entries = (due as usize).min(AT_ONCE);
            due -= entries as f64;
            for _ in 0..entries {
                self.entry();
            }
            self.producer.flush();
            let written = self.shared.written.lock().unwrap().entries.len();
            self.shared.acknowledged.store(written, Ordering::SeqCst);
            thread::sleep(BETWEEN);
        }
    }

    fn entry(&mut self) {
        let account = self.random.below(ACCOUNTS);
        let entry =
            Entry { account: name(account), amount: 1 + self.random.below(100) as u64, timestamp: now() };
        let number = {
            let mut written = self.shared.written.lock().unwrap();
            written.entries.push(entry.clone());
            written.entries.len() - 1
        };
        let value = json!({ "number": number, "account": entry.account, "amount": entry.amount });
        let partition = self.random.below(PARTITIONS as usize) as i32;
        let message = Message::to("entries").partition(partition).key(number.to_string());
        self.producer.send(&message.value(value.to_string()).timestamp(entry.timestamp));
        if number % ENTRIES_A_VERSION == 0 {
            let account = self.random.below(ACCOUNTS);
            self.version(account, now());
        }
    }

    fn version(&mut self, account: usize, timestamp: i64) {
        let name = name(account);
        let version = {
            let mut written = self.shared.written.lock().unwrap();
            let version = written.versions.entry(name.clone()).or_default();
            *version += 1;
            *version
        };
        let message = Message::to("accounts").key(name).value(version.to_be_bytes());
        self.producer.send(&message.timestamp(timestamp));
    }
}

fn name(account: usize) -> String {
    format!("account-{account:02}")
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_millis()).expect("not so far ahead")
}
