//! The inputs: records from a fixed seed, the same on every machine and for every contender.
//!
//! Knows keys, values and times. Does not know topics, nor what is made of the records (`reference`).

use super::seeded::Seeded;

/// Keys of the bytes and the orders: so many differ.
const KEYS: u64 = 100_000;
/// Words that there are.
const WORDS: usize = 50_000;
/// Event time begins here, in ms; 100 records a millisecond follow.
const START_MS: i64 = 1_760_000_000_000;

/// What is done with the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// W1: 100 bytes copied and changed, one in 256 dropped.
    Stateless,
    /// W1J: the same with JSON of about 165 bytes.
    Json,
    /// W2: a count by key, written for every record.
    Count,
    /// W7: words counted behind a repartition topic.
    WordCount,
    /// W8: a topic read as a table.
    Table,
}

/// A record that goes in.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// Its time, in ms.
    pub timestamp: i64,
}

impl Workload {
    /// The first `records` records of its input.
    pub fn inputs(self, records: u64) -> Box<dyn Iterator<Item = Input>> {
        let mut seeded = Seeded(0x5EED_0001);
        let timestamp = |i: u64| START_MS + (i / 100) as i64;
        match self {
            Workload::Stateless | Workload::Count => Box::new((0..records).map(move |i| {
                let key = (seeded.next() % KEYS).to_be_bytes().to_vec();
                Input { key, value: seeded.bytes(100), timestamp: timestamp(i) }
            })),
            Workload::Json => Box::new((0..records).map(move |i| {
                let customer = seeded.next() % KEYS;
                let value = order(i, customer, timestamp(i), &mut seeded);
                Input { key: customer.to_be_bytes().to_vec(), value, timestamp: timestamp(i) }
            })),
            Workload::WordCount => {
                let zipf = Zipf::new();
                Box::new((0..records).map(move |i| {
                    let key = seeded.next().to_be_bytes().to_vec();
                    let words: Vec<String> = (0..8).map(|_| word(zipf.draw(&mut seeded))).collect();
                    Input { key, value: words.join(" ").into_bytes(), timestamp: timestamp(i) }
                }))
            }
            Workload::Table => Box::new((0..records).map(move |i| Input {
                key: i.to_be_bytes().to_vec(),
                value: seeded.bytes(100),
                timestamp: timestamp(i),
            })),
        }
    }
}

/// A few records that wake an application which has restored a table: their keys reach every partition.
pub fn wake_up() -> impl Iterator<Item = Input> {
    (0..WAKE_UP).map(|i| Input {
        key: i.to_be_bytes().to_vec(),
        value: b"wake-up".to_vec(),
        timestamp: START_MS + 100_000_000 + i as i64,
    })
}

/// So many records wake an application up.
pub const WAKE_UP: u64 = 16;

fn order(i: u64, customer: u64, ts: i64, seeded: &mut Seeded) -> Vec<u8> {
    let (product, quantity, price) =
        (seeded.next() % 100_000, seeded.next() % 256, 10_000 + seeded.next() % 90_000);
    let id = 1_000_000_000 + i;
    format!(
        r#"{{"id":{id},"customer":"customer-{customer:06}","product":"product-{product:05}","quantity":{quantity},"price_cents":{price},"currency":"EUR","ts":{ts},"status":"NEW"}}"#
    )
    .into_bytes()
}

/// Five letters, different for each number.
fn word(number: usize) -> String {
    let letters = 26u64.pow(5);
    let mut left = number as u64 * 7_368_787 % letters;
    let mut letter = || {
        let letter = b'a' + (left % 26) as u8;
        left /= 26;
        char::from(letter)
    };
    (0..5).map(|_| letter()).collect()
}

/// Some words are frequent, most are rare: the n-th has a share of 1/n.
struct Zipf {
    /// The sum of all shares up to each word.
    sums: Vec<f64>,
}

impl Zipf {
    fn new() -> Self {
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(WORDS);
        for n in 1..=WORDS {
            sum += 1.0 / n as f64;
            sums.push(sum);
        }
        Zipf { sums }
    }

    fn draw(&self, seeded: &mut Seeded) -> usize {
        let drawn = seeded.unit() * self.sums[WORDS - 1];
        self.sums.partition_point(|sum| *sum < drawn).min(WORDS - 1)
    }
}
