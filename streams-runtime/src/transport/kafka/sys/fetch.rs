//! Batches of messages out of a consumer's queue.
//!
//! A batch costs a quarter of what the same messages cost one by one. It may be asked for only of a consumer that is
//! no member of a group: the batch call does not run the rebalance callback, it takes revocations for granted.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::rc::Rc;

use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_consumer_poll, rd_kafka_message_destroy, rd_kafka_message_errstr,
    rd_kafka_message_t, rd_kafka_message_timestamp, rd_kafka_timestamp_type_t, rd_kafka_topic_name,
};

use super::client::Client;
use super::codes::{Code, rd_kafka_header_get_all, rd_kafka_message_headers, text};
use crate::record::{Header, Headers};

/// Room for messages; kept from batch to batch.
#[derive(Default)]
pub(in super::super) struct Batch {
    raw: Vec<*mut rd_kafka_message_t>,
}

impl Batch {
    /// Takes what the client has, without waiting, up to `max`.
    pub(in super::super) fn fetch(&mut self, client: &Rc<Client>, max: usize, mut take: impl FnMut(Fetched)) {
        let Some(queue) = client.queue() else { return };
        self.raw.clear();
        self.raw.reserve(max);
        // SAFETY: there is room for `max` pointers, of which the call says how many it wrote (−1 on error, none).
        let count = unsafe { rd_kafka_consume_batch_queue(queue.as_ptr(), 0, self.raw.as_mut_ptr(), max) };
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: written above.
        unsafe { self.raw.set_len(count) };
        for raw in self.raw.drain(..) {
            if let Some(raw) = NonNull::new(raw) {
                take(Fetched { raw, client: Rc::clone(client) });
            }
        }
    }
}

impl Client {
    /// Serves callbacks, without waiting. A message is an error, for a client that fetches nothing.
    pub(in super::super) fn poll(self: &Rc<Self>) -> Option<Fetched> {
        // SAFETY: a living consumer; the message is ours.
        let raw = NonNull::new(unsafe { rd_kafka_consumer_poll(self.raw(), 0 as c_int) })?;
        Some(Fetched { raw, client: Rc::clone(self) })
    }
}

/// A message, or an error that stands in its place.
pub(in super::super) struct Fetched {
    raw: NonNull<rd_kafka_message_t>,
    /// A message must be gone before its client is.
    client: Rc<Client>,
}

impl Fetched {
    #[inline]
    fn get(&self) -> &rd_kafka_message_t {
        // SAFETY: ours until it is dropped. The reference never reads the field `err` as the enum it is declared as.
        unsafe { self.raw.as_ref() }
    }

    #[inline]
    pub(in super::super) fn code(&self) -> Code {
        // SAFETY: a field that C initialised.
        unsafe { Code::read(&raw const (*self.raw.as_ptr()).err) }
    }

    /// The words of an error.
    pub(in super::super) fn text(&self) -> String {
        // SAFETY: the string lives as long as the message.
        unsafe { text(rd_kafka_message_errstr(self.raw.as_ptr())) }
    }

    /// A number that is the same for all messages of a topic while somebody holds a handle of the topic; 0 for an
    /// error that belongs to none.
    #[inline]
    pub(in super::super) fn topic_number(&self) -> usize {
        self.get().rkt.addr()
    }

    pub(in super::super) fn topic(&self) -> String {
        match self.get().rkt.is_null() {
            true => String::new(),
            // SAFETY: a topic that the message holds.
            false => unsafe { text(rd_kafka_topic_name(self.get().rkt)) },
        }
    }

    #[inline]
    pub(in super::super) fn partition(&self) -> i32 {
        self.get().partition
    }

    #[inline]
    pub(in super::super) fn offset(&self) -> i64 {
        self.get().offset
    }

    #[inline]
    pub(in super::super) fn timestamp(&self) -> i64 {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: our message; the kind is one of the three that the enum has.
        unsafe { rd_kafka_message_timestamp(self.raw.as_ptr(), &mut kind) }
    }

    #[inline]
    pub(in super::super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: the bytes live as long as the message.
        unsafe { bytes(self.get().key.cast(), self.get().key_len) }
    }

    #[inline]
    pub(in super::super) fn value(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.get().payload.cast(), self.get().len) }
    }

    /// The headers; they are decoded only here.
    pub(in super::super) fn headers(&self) -> Headers {
        let mut headers = std::ptr::null_mut();
        // SAFETY: our message, which keeps the headers.
        if unsafe { rd_kafka_message_headers(self.raw.as_ptr(), &mut headers) } != 0 {
            return Headers::new();
        }
        let mut found = Headers::new();
        for at in 0.. {
            let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
            // SAFETY: headers of our message; out parameters are written if it returns 0.
            let code = unsafe { rd_kafka_header_get_all(headers, at, &mut name, &mut value, &mut size) };
            if code != 0 {
                break;
            }
            // SAFETY: name and value live as long as the message; both are copied.
            let header =
                unsafe { Header { name: text(name), value: bytes(value.cast(), size).map(<[u8]>::to_vec) } };
            found.push(header);
        }
        found
    }
}

/// # Safety
/// `from` must be null, or `len` bytes that live as long as what is returned.
#[inline]
unsafe fn bytes<'m>(from: *const u8, len: usize) -> Option<&'m [u8]> {
    // SAFETY: the caller's promise.
    (!from.is_null()).then(|| unsafe { std::slice::from_raw_parts(from, len) })
}

impl Drop for Fetched {
    fn drop(&mut self) {
        debug_assert!(Rc::strong_count(&self.client) > 0);
        // SAFETY: ours, not used after, and the client it came from is still held.
        unsafe { rd_kafka_message_destroy(self.raw.as_ptr()) }
    }
}
