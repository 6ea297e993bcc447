//! What a workload must make of its input, computed without any streaming engine: maps and text, no topology.
//!
//! Knows the workloads' rules. Does not know how records get from step to step, nor partitions: no output depends on
//! them, because what is counted is counted by key.

use super::digest::Digest;
use super::input::{Input, Workload};
use std::collections::HashMap;

/// The output so far.
#[derive(Debug)]
pub struct Reference {
    workload: Workload,
    output: Digest,
    counts: HashMap<Vec<u8>, i64>,
}

impl Reference {
    /// Nothing was seen yet.
    pub fn new(workload: Workload) -> Self {
        Reference { workload, output: Digest::default(), counts: HashMap::new() }
    }

    /// What this workload makes of its first `records` records.
    pub fn of(workload: Workload, records: u64) -> Digest {
        let mut reference = Reference::new(workload);
        workload.inputs(records).for_each(|input| reference.see(&input));
        reference.output()
    }

    /// Everything that must have been written.
    pub fn output(&self) -> Digest {
        self.output
    }

    /// Takes an input in.
    pub fn see(&mut self, input: &Input) {
        let Input { key, value, .. } = input;
        match self.workload {
            Workload::Stateless => {
                if value[0] != 0 {
                    let mut changed = value.clone();
                    changed[0] ^= 0x5A;
                    self.output.add(key, &changed);
                }
            }
            Workload::Json => self.order(key, value),
            Workload::Count => self.count(key),
            Workload::WordCount => value.split(|byte| *byte == b' ').for_each(|word| self.count(word)),
            Workload::Table => self.output.add(key, value),
        }
    }

    fn count(&mut self, key: &[u8]) {
        let count = self.counts.entry(key.to_vec()).or_default();
        *count += 1;
        self.output.add(key, &count.to_be_bytes());
    }

    /// By cutting the text up: another way than any of the contenders takes.
    fn order(&mut self, key: &[u8], value: &[u8]) {
        let text = std::str::from_utf8(value).expect("inputs are text");
        let (before, rest) = text.split_once("\"quantity\":").expect("an order has a quantity");
        let (quantity, after) = rest.split_once(',').expect("the quantity is not the last field");
        let quantity: u64 = quantity.parse().expect("the quantity is a number");
        if quantity != 0 {
            let after = after.replace("\"NEW\"", "\"SEEN\"");
            let changed = format!("{before}\"quantity\":{},{after}", quantity + 1);
            self.output.add(key, changed.as_bytes());
        }
    }
}
