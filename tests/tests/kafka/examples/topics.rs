//! Topics of an example: how the driver is given their records, and what it wrote to them.

use std::collections::BTreeMap;

use streams_runtime::transport::Message as _;
use streams_runtime::{Driver, DriverError, Headers, Serde, Topic};

/// What lies in a topic under each key, in order: value and time.
pub type ByKey = BTreeMap<Option<Vec<u8>>, Vec<(Option<Vec<u8>>, i64)>>;

/// Partitions of an input that declares nothing: as in the driver, since the time of a partition may matter.
const INPUT: u32 = 1;

/// Partitions of an output that declares nothing: several, so that keys have to find theirs.
const OUTPUT: u32 = 3;

/// A record of the data.
#[derive(Clone, Debug)]
pub struct Given {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub timestamp: i64,
}

/// A topic an example reads.
pub struct Input {
    pub name: &'static str,
    pub partitions: i32,
    pub pipe: fn(&Driver, &Given) -> Result<(), DriverError>,
}

impl Input {
    pub fn of<T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>>() -> Self {
        let partitions = count(T::TOPIC.partitions.unwrap_or(INPUT));
        Self { name: T::TOPIC.name, partitions, pipe: pipe::<T> }
    }
}

/// A topic an example writes.
pub struct Output {
    pub name: &'static str,
    pub partitions: i32,
    pub all: fn(&Driver) -> ByKey,
}

impl Output {
    pub fn of<T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>>() -> Self {
        let partitions = count(T::TOPIC.partitions.unwrap_or(OUTPUT));
        Self { name: T::TOPIC.name, partitions, all: all::<T> }
    }
}

fn count(partitions: u32) -> i32 {
    i32::try_from(partitions).unwrap()
}

fn pipe<T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>>(
    driver: &Driver,
    given: &Given,
) -> Result<(), DriverError> {
    let (key, value) = (given.key.as_deref(), given.value.as_deref());
    driver.input::<T>().pipe_bytes(key, value, given.timestamp, &Headers::new())
}

/// Everything the driver ever wrote to it.
fn all<T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>>(
    driver: &Driver,
) -> ByKey {
    let mut output = driver.output::<T>();
    let mut all = ByKey::new();
    while let Some(record) = output.read_bytes() {
        let value = record.value().map(<[u8]>::to_vec);
        all.entry(record.key().map(<[u8]>::to_vec)).or_default().push((value, record.timestamp()));
    }
    all
}
