//! Lines of words to be counted, and what the counts must be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use streams_tests::broker::tools::{Isolation, Message, Producer, Record, create_topic, read, read_until};

use super::application::Application;
use super::{PATIENCE, Random};

/// What the application reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// Of `word-count`: lines, whose words are laid out anew.
    Lines,
    /// Of `tally`: single words, as keys.
    Votes,
}

impl Input {
    fn topics(self) -> (&'static str, &'static str) {
        match self {
            Input::Lines => ("lines", "word-counts"),
            Input::Votes => ("votes", "tally"),
        }
    }
}

/// How many stores the application has: one, in two partitions.
pub const STORES: usize = 2;

const WORDS_A_LINE: usize = 4;

/// Writes lines, and knows how often it has written each word.
pub struct Words {
    bootstrap: String,
    input: Input,
    producer: Producer,
    random: Random,
    counts: BTreeMap<String, u64>,
    lines: i32,
    different: usize,
    /// How long a word is, at least.
    width: usize,
}

impl Words {
    /// For `word-count`: makes its topics, and writes lines.
    pub fn lines(bootstrap: &str, seed: u64) -> Self {
        Self::new(bootstrap, seed, Input::Lines)
    }

    /// For `tally`: makes its topics, and writes each word as the key of a record.
    pub fn votes(bootstrap: &str, seed: u64) -> Self {
        Self::new(bootstrap, seed, Input::Votes)
    }

    fn new(bootstrap: &str, seed: u64, input: Input) -> Self {
        let (from, to) = input.topics();
        create_topic(bootstrap, from, 2, &[]);
        create_topic(bootstrap, to, 2, &[]);
        let (producer, random) = (Producer::new(bootstrap), Random::of(seed, 1));
        Self {
            bootstrap: bootstrap.to_owned(),
            input,
            producer,
            random,
            counts: BTreeMap::new(),
            lines: 0,
            different: 60,
            width: 1,
        }
    }

    /// So many different words, each at least so long.
    pub fn of(self, different: usize, width: usize) -> Self {
        Self { different, width, ..self }
    }

    /// Writes so many lines.
    pub fn write(&mut self, lines: usize) {
        for _ in 0..lines {
            let words: Vec<String> = (0..1 + self.random.below(WORDS_A_LINE * 2 - 1))
                .map(|_| format!("word{:0width$}", self.random.below(self.different), width = self.width))
                .collect();
            for word in &words {
                *self.counts.entry(word.clone()).or_default() += 1;
            }
            self.lines += 1;
            let to = Message::to(self.input.topics().0);
            match self.input {
                Input::Lines => {
                    self.producer.send(&to.partition(self.lines % 2).value(words.join(" ")));
                }
                Input::Votes => words.iter().for_each(|word| {
                    self.producer.send(&to.clone().key(word).value("yes"));
                }),
            }
        }
        self.producer.flush();
    }

    /// Goes on writing, so many lines a second, until it is stopped.
    pub fn flow(mut self, lines_a_second: usize) -> Flow {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let writer = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                self.write(lines_a_second / 20);
                thread::sleep(Duration::from_millis(50));
            }
            self
        });
        Flow { stop, writer: Some(writer) }
    }

    /// How many words were written.
    pub fn total(&self) -> usize {
        self.counts.values().sum::<u64>() as usize
    }

    /// Waits until there are so many results as words.
    #[track_caller]
    pub fn until_counted(&self) {
        self.until_visible(self.total());
    }

    /// Waits until a reader of committed records sees so many results.
    #[track_caller]
    pub fn until_visible(&self, results: usize) {
        read_until(&self.bootstrap, self.out(), Isolation::Committed, PATIENCE, |read| read.len() >= results);
    }

    /// Waits for the last result and ends the application, so that nothing can come behind it; then each word must have
    /// been counted 1, 2, 3 and so on to the number of times it was written, each once and in this order.
    #[track_caller]
    pub fn check(&self, apps: &[&Application]) {
        self.until_counted();
        apps.iter().for_each(|app| app.stop());
        let wrong = wrong(&self.results(), &self.counts);
        assert!(wrong.is_empty(), "{} are wrong: {}", wrong.len(), wrong.join(", "));
    }

    /// As [`check`](Self::check) for what may be counted more than once: no word less often than it was written.
    #[track_caller]
    pub fn check_at_least(&self, app: &Application) {
        let last = |records: &[Record]| {
            let mut last = BTreeMap::new();
            for record in records {
                last.insert(record.key_text(), count(record));
            }
            last
        };
        read_until(&self.bootstrap, self.out(), Isolation::Committed, PATIENCE, |read| {
            read.len() >= self.total() && {
                let last = last(read);
                self.counts.iter().all(|(word, count)| last.get(word).is_some_and(|last| last >= count))
            }
        });
        app.stop();
    }

    /// What a reader of committed records sees.
    pub fn results(&self) -> Vec<Record> {
        read(&self.bootstrap, self.out(), Isolation::Committed)
    }

    /// How many results are there, committed or not.
    pub fn written(&self) -> usize {
        read(&self.bootstrap, self.out(), Isolation::Uncommitted).len()
    }

    fn out(&self) -> &'static str {
        self.input.topics().1
    }
}

/// Words that are being written.
pub struct Flow {
    stop: Arc<AtomicBool>,
    writer: Option<JoinHandle<Words>>,
}

impl Flow {
    /// Writes no more.
    pub fn stop(mut self) -> Words {
        self.stop.store(true, Ordering::Relaxed);
        self.writer.take().expect("stopped once").join().expect("lines are written")
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The first result of each word that is not the one before it and one more, and final counts that are wrong.
fn wrong(results: &[Record], counts: &BTreeMap<String, u64>) -> Vec<String> {
    let mut found = Vec::new();
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for record in results {
        let (word, count) = (record.key_text(), count(record));
        let before = last.insert(word.clone(), count).unwrap_or(0);
        if count != before + 1 {
            let Record { partition, offset, .. } = record;
            found.push(format!("{word}: {count} after {before} at {partition}/{offset}"));
        }
    }
    for (word, count) in counts {
        let last = last.get(word).copied().unwrap_or(0);
        if last != *count {
            found.push(format!("{word}: written {count} times, counted {last}"));
        }
    }
    found
}

fn count(record: &Record) -> u64 {
    let bytes = record.value.as_deref().expect("a count is no tombstone");
    u64::from_be_bytes(bytes.try_into().expect("a count has eight bytes"))
}
