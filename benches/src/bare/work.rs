//! What is made of a record, for each workload: no steps, no formats, nothing that is not needed for this output.
//!
//! Knows bytes. Does not know when they are sent or committed.

use super::sys::{Producer, Record, Target};
use crate::contract::Contract;
use crate::workload::Workload;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A workload with its state.
pub(super) struct Work<'a> {
    workload: Workload,
    output: Target<'a>,
    changelog: Target<'a>,
    repartition: Target<'a>,
    counts: HashMap<Box<[u8]>, i64, BuildHasherDefault<WordHasher>>,
    scratch: Vec<u8>,
}

impl<'a> Work<'a> {
    pub(super) fn new(workload: Workload, contract: &Contract, producer: &'a Producer) -> Self {
        let own = |name: &str| producer.target(&format!("{}-{name}", contract.application));
        Work {
            workload,
            output: producer.target(&contract.output),
            changelog: own("count-changelog"),
            repartition: own("words-repartition"),
            counts: HashMap::default(),
            scratch: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn process(&mut self, record: &Record<'_>) {
        let Record { source, key, value, timestamp, .. } = *record;
        match (self.workload, source) {
            (Workload::Stateless, _) => {
                if value[0] != 0 {
                    self.scratch.clear();
                    self.scratch.extend_from_slice(value);
                    self.scratch[0] ^= 0x5A;
                    self.output.send(key, &self.scratch, timestamp);
                }
            }
            (Workload::Json, _) => {
                let mut order: Order<'_> = serde_json::from_slice(value).expect("inputs are JSON");
                order.quantity += 1;
                order.status = "SEEN";
                if order.quantity != 1 {
                    self.scratch.clear();
                    serde_json::to_writer(&mut self.scratch, &order).expect("memory can be written");
                    self.output.send(key, &self.scratch, timestamp);
                }
            }
            (Workload::WordCount, 0) => {
                for word in std::str::from_utf8(value).expect("inputs are text").split(' ') {
                    self.repartition.send(word.as_bytes(), word.as_bytes(), timestamp);
                }
            }
            (Workload::Count | Workload::WordCount, _) => {
                let count = self.count(key).to_be_bytes();
                self.changelog.send(key, &count, timestamp);
                self.output.send(key, &count, timestamp);
            }
            (Workload::Table, _) => panic!("there is no bare loop that restores a table"),
        }
    }

    #[inline]
    fn count(&mut self, key: &[u8]) -> i64 {
        if let Some(count) = self.counts.get_mut(key) {
            *count += 1;
            return *count;
        }
        self.counts.insert(key.into(), 1);
        1
    }
}

/// An order whose texts stay where they were read.
#[derive(Serialize, Deserialize)]
struct Order<'a> {
    id: i64,
    customer: &'a str,
    product: &'a str,
    quantity: i32,
    price_cents: i64,
    currency: &'a str,
    ts: i64,
    status: &'a str,
}

/// As cheap as a hash of short keys gets.
#[derive(Default)]
struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed =
                (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517C_C1B7_2722_0A95);
            self.0 = mixed ^ (mixed >> 29);
        }
    }
}
