//! Looks at a contender every tenth of a second until it is done: how far it is, what it has used.
//!
//! Knows processes and topics. Does not know what is computed.

use super::broker::Broker;
use super::topics::{Group, Topics};
use super::usage;
use std::time::{Duration, Instant};

/// When a contender is done.
pub enum Until<'a> {
    /// The output has so many records more than it had.
    Written(u64),
    /// The group has committed the end of these inputs, and of its repartition topics.
    Committed(Group<'a>, &'a [String]),
}

/// One look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Since the start of the process.
    pub at: Duration,
    /// Records in the output.
    pub written: u64,
    /// Processor time of the contender, in seconds.
    pub cpu: f64,
    /// The same of the broker.
    pub broker_cpu: f64,
}

/// All looks at one process.
#[derive(Debug, Default)]
pub struct Watched {
    /// In order.
    pub looks: Vec<Look>,
    /// When the output had its first record.
    pub first_output: Option<Duration>,
    /// The most memory it had, in MB.
    pub peak_memory_mb: f64,
    /// Whether it came to its end.
    pub done: bool,
}

/// Watches a process until it is done, has ended, or `patience` is over. The output had `before` records before.
pub fn watch(
    pid: u32,
    since: Instant,
    broker: &Broker,
    topics: &Topics,
    (output, before): (&str, u64),
    until: &Until<'_>,
    patience: Duration,
) -> Watched {
    let mut watched = Watched::default();
    while let Some(cpu) = usage::cpu(pid) {
        let at = since.elapsed();
        let Some(written) = topics.written(output).map(|written| written.saturating_sub(before)) else {
            // A broker that never answers must not keep the run from ending.
            if at > patience {
                break;
            }
            continue;
        };
        watched.peak_memory_mb = usage::peak_memory_mb(pid).unwrap_or(watched.peak_memory_mb);
        watched.looks.push(Look { at, written, cpu, broker_cpu: broker.cpu() });
        if written > 0 {
            watched.first_output.get_or_insert(at);
        }
        watched.done = match until {
            Until::Written(expected) => written >= *expected,
            Until::Committed(group, inputs) => written > 0 && group.lag(inputs) == Some(0),
        };
        if watched.done || at > patience {
            break;
        }
        // Closely until something comes out, so that the start is measured; then so that looking costs nothing.
        let pause = if written == 0 { 5 } else { 100 };
        std::thread::sleep(Duration::from_millis(pause));
    }
    watched
}

impl Watched {
    /// Looks up to the one that saw the last output: what follows is waiting for a commit.
    fn working(&self) -> &[Look] {
        let last = self.looks.last().map_or(0, |look| look.written);
        let end = self.looks.iter().position(|look| look.written >= last).map_or(0, |at| at + 1);
        &self.looks[..end]
    }

    /// From the start of the process to the last output.
    pub fn whole(&self) -> Option<Look> {
        self.working().last().copied()
    }

    /// Between two shares of the output: how many records of `records`, and what they took.
    pub fn between(&self, from: f64, to: f64, records: u64) -> Option<Cost> {
        let looks = self.working();
        let all = looks.last()?.written as f64;
        let within = |look: &&Look| (from * all..=to * all).contains(&(look.written as f64));
        let (first, last) = (looks.iter().find(within)?, looks.iter().rev().find(within)?);
        let share = (last.written - first.written) as f64 / all;
        if share < (to - from) / 2.0 {
            return None;
        }
        let records = share * records as f64;
        Some(Cost {
            cpu_us: (last.cpu - first.cpu) / records * 1e6,
            broker_us: (last.broker_cpu - first.broker_cpu) / records * 1e6,
            rate: records / (last.at - first.at).as_secs_f64(),
        })
    }
}

/// What records took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Processor time of the contender for a record, in µs.
    pub cpu_us: f64,
    /// The same of the broker.
    pub broker_us: f64,
    /// Records a second.
    pub rate: f64,
}
