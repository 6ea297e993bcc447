//! A fetched record: the client's own buffer, lent.
//!
//! Knows where bytes are. Knows nothing of slots, nor of what else was fetched with it.

use super::sys::Fetched;
use crate::record::Headers;
use crate::transport::Message;

/// A record of Kafka. It lends the bytes that arrived, and gives them back to the client when it is dropped; what is
/// kept keeps the whole fetched batch.
pub struct KafkaMessage(pub(super) Fetched);

impl std::fmt::Debug for KafkaMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}@{}", self.0.topic(), self.0.partition(), self.0.offset())
    }
}

impl Message for KafkaMessage {
    #[inline]
    fn offset(&self) -> i64 {
        self.0.offset()
    }

    #[inline]
    fn timestamp(&self) -> i64 {
        self.0.timestamp()
    }

    #[inline]
    fn key(&self) -> Option<&[u8]> {
        self.0.key()
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        self.0.value()
    }

    fn headers(&self) -> Headers {
        self.0.headers()
    }
}
