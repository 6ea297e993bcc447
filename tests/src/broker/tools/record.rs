//! A record to write, and one that was read.

use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

/// A record for a [`Producer`](super::Producer). Without a value it is a tombstone.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub(super) topic: String,
    pub(super) partition: Option<i32>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) timestamp: Option<i64>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Message {
    /// An empty record of this topic.
    pub fn to(topic: &str) -> Self {
        Self { topic: topic.to_owned(), ..Self::default() }
    }

    /// With a key, which also chooses the partition as Kafka's own clients do.
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.key = Some(key.as_ref().to_vec());
        self
    }

    /// With a value.
    pub fn value(mut self, value: impl AsRef<[u8]>) -> Self {
        self.value = Some(value.as_ref().to_vec());
        self
    }

    /// In this partition, whatever the key.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// At this time, in milliseconds since 1970. Otherwise it is the time of sending.
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: Option<&[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.map(<[u8]>::to_vec)));
        self
    }
}

/// A record as it lies in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// `None` is a null key.
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In their order; a name may occur several times.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(|headers| {
            let pairs = headers.iter();
            pairs.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().expect("records have a time"),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        }
    }

    /// The key as text; a null key is `null`.
    pub fn key_text(&self) -> String {
        text(self.key.as_deref())
    }

    /// The value as text; a tombstone is `null`.
    pub fn value_text(&self) -> String {
        text(self.value.as_deref())
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "null".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}
