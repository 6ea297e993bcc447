//! Records into topics, and transactions around them.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::rc::Rc;

use rdkafka::bindings::{
    RD_KAFKA_MSG_F_COPY, rd_kafka_abort_transaction, rd_kafka_begin_transaction, rd_kafka_commit_transaction,
    rd_kafka_consumer_group_metadata_destroy, rd_kafka_consumer_group_metadata_new_with_genid,
    rd_kafka_consumer_group_metadata_t, rd_kafka_headers_destroy, rd_kafka_headers_new, rd_kafka_headers_t,
    rd_kafka_init_transactions, rd_kafka_message_t, rd_kafka_poll, rd_kafka_send_offsets_to_transaction,
    rd_kafka_topic_destroy, rd_kafka_topic_name, rd_kafka_topic_new, rd_kafka_topic_t, rd_kafka_vtype_t,
};

use super::client::Client;
use super::codes::{Code, Fault, rd_kafka_flush, rd_kafka_header_add, rd_kafka_producev, text};
use super::late::Given;
use super::list::{PartitionList, c_ms, c_string};

/// What a record is sent with and its report comes back with: a pointer that nobody follows.
#[derive(Clone, Copy)]
struct Tag {
    origin: u64,
    is_followed: bool,
}

impl Tag {
    fn pack(self) -> *mut c_void {
        std::ptr::without_provenance_mut((self.origin << 1 | u64::from(self.is_followed)) as usize)
    }

    fn of(message: &rd_kafka_message_t) -> Tag {
        let packed = message._private.addr() as u64;
        Tag { origin: packed >> 1, is_followed: packed & 1 == 1 }
    }
}

/// What became of a record.
pub(in super::super) struct Report {
    /// What it was sent with.
    pub(in super::super) origin: u64,
    pub(in super::super) offset: i64,
    pub(in super::super) partition: i32,
    pub(in super::super) code: Code,
    /// Named only for a failure.
    pub(in super::super) topic: Option<Box<str>>,
}

impl Report {
    /// Nothing is reported of a record that arrived and that nobody follows.
    ///
    /// # Safety
    /// The message must be one that a delivery callback was given.
    pub(super) unsafe fn of(message: &rd_kafka_message_t) -> Option<Report> {
        // SAFETY: initialised by C.
        let code = unsafe { Code::read(&raw const message.err) };
        let Tag { origin, is_followed } = Tag::of(message);
        if code == Code::OK && !is_followed {
            return None;
        }
        // SAFETY: the topic is held by the message.
        let topic = (code != Code::OK && !message.rkt.is_null())
            .then(|| unsafe { text(rd_kafka_topic_name(message.rkt)) }.into_boxed_str());
        Some(Report { origin, offset: message.offset, partition: message.partition, code, topic })
    }
}

/// A topic that is written to or read from.
pub(in super::super) struct Topic {
    raw: NonNull<rd_kafka_topic_t>,
    client: Rc<Client>,
}

impl Topic {
    pub(in super::super) fn new(client: &Rc<Client>, topic: &str) -> Result<Topic, Fault> {
        let name = c_string(topic);
        // SAFETY: a living client, a name that is copied, default configuration.
        let raw = unsafe { rd_kafka_topic_new(client.raw(), name.as_ptr(), std::ptr::null_mut()) };
        let refused = || Fault { text: format!("`{topic}` is no name for a topic"), ..Fault::of(Code(-186)) };
        Ok(Topic { raw: NonNull::new(raw).ok_or_else(refused)?, client: Rc::clone(client) })
    }

    pub(super) fn as_ptr(&self) -> *mut rd_kafka_topic_t {
        self.raw.as_ptr()
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        debug_assert!(Rc::strong_count(&self.client) > 0);
        // SAFETY: ours, not used after, and the client it came from is still held.
        unsafe { rd_kafka_topic_destroy(self.raw.as_ptr()) }
    }
}

/// Headers of a record that is sent.
pub(in super::super) struct Headers(NonNull<rd_kafka_headers_t>);

impl Headers {
    pub(in super::super) fn new(from: &crate::record::Headers) -> Headers {
        // SAFETY: takes a size hint; never null.
        let raw = unsafe { rd_kafka_headers_new(from.len()) };
        let headers = Headers(NonNull::new(raw).expect("librdkafka gives headers"));
        for header in from.iter() {
            let (value, size) = match &header.value {
                Some(value) => (value.as_ptr().cast::<c_void>(), value.len() as isize),
                None => (std::ptr::null(), 0),
            };
            // SAFETY: ours; name and value have the sizes they say, and are copied. It fails only for headers that
            // are read-only, which are those of a fetched message.
            unsafe {
                let name = header.name.as_ptr().cast();
                rd_kafka_header_add(headers.0.as_ptr(), name, header.name.len() as isize, value, size);
            }
        }
        headers
    }
}

impl Drop for Headers {
    fn drop(&mut self) {
        // SAFETY: ours: a call that takes them forgets them.
        unsafe { rd_kafka_headers_destroy(self.0.as_ptr()) }
    }
}

/// A record to be sent.
pub(in super::super) struct ToSend<'r> {
    pub(in super::super) partition: i32,
    pub(in super::super) key: Option<&'r [u8]>,
    pub(in super::super) value: Option<&'r [u8]>,
    /// 0 means now to the library.
    pub(in super::super) timestamp: i64,
    pub(in super::super) origin: u64,
    pub(in super::super) is_followed: bool,
}

/// Proof of membership for a commit of offsets.
pub(in super::super) struct Membership(NonNull<rd_kafka_consumer_group_metadata_t>);

impl Membership {
    pub(in super::super) fn new(group: &str, generation: i32, member: &str, instance: Option<&str>) -> Self {
        let (group, member, instance) = (c_string(group), c_string(member), instance.map(c_string));
        let instance = instance.as_deref().map_or(std::ptr::null(), |instance| instance.as_ptr());
        // SAFETY: strings end with zero and are copied; no instance is null.
        let raw = unsafe {
            rd_kafka_consumer_group_metadata_new_with_genid(
                group.as_ptr(),
                generation,
                member.as_ptr(),
                instance,
            )
        };
        Membership(NonNull::new(raw).expect("librdkafka gives metadata"))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // SAFETY: ours, not used after.
        unsafe { rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) }
    }
}

impl Client {
    /// Hands a record over; its bytes are copied.
    #[inline]
    pub(in super::super) fn produce(
        &self,
        topic: &Topic,
        record: &ToSend<'_>,
        headers: Option<Headers>,
    ) -> Code {
        use rd_kafka_vtype_t as v;
        let (key, key_len) = parts(record.key);
        let (value, value_len) = parts(record.value);
        let tag = Tag { origin: record.origin, is_followed: record.is_followed }.pack();
        let raw_headers = headers.as_ref().map(|headers| headers.0.as_ptr());
        // SAFETY: every tag is followed by arguments of the type that `rdkafka.h` demands of it, the list ends with
        // the tag for it; a record without headers ends the list early. Bytes are copied, headers are taken if it
        // returns 0 and stay ours otherwise. The tag is a pointer that nobody follows.
        let code = unsafe {
            rd_kafka_producev(
                self.raw(),
                v::RD_KAFKA_VTYPE_RKT as c_int,
                topic.as_ptr(),
                v::RD_KAFKA_VTYPE_PARTITION as c_int,
                record.partition,
                v::RD_KAFKA_VTYPE_MSGFLAGS as c_int,
                RD_KAFKA_MSG_F_COPY as c_int,
                v::RD_KAFKA_VTYPE_KEY as c_int,
                key,
                key_len,
                v::RD_KAFKA_VTYPE_VALUE as c_int,
                value,
                value_len,
                v::RD_KAFKA_VTYPE_TIMESTAMP as c_int,
                record.timestamp,
                v::RD_KAFKA_VTYPE_OPAQUE as c_int,
                tag,
                match raw_headers {
                    Some(_) => v::RD_KAFKA_VTYPE_HEADERS as c_int,
                    None => v::RD_KAFKA_VTYPE_END as c_int,
                },
                raw_headers.unwrap_or(std::ptr::null_mut()),
                v::RD_KAFKA_VTYPE_END as c_int,
            )
        };
        if code == 0 {
            std::mem::forget(headers);
        }
        Code(code)
    }

    /// Runs delivery callbacks, for at most so long.
    pub(in super::super) fn serve(&self, ms: u64) {
        // SAFETY: a living client; callbacks touch the notes only, which nobody borrows here.
        unsafe { rd_kafka_poll(self.raw(), c_ms(ms)) };
    }

    /// Sends without lingering and waits until everything was answered.
    pub(in super::super) fn flush(&self, ms: u64) -> Result<(), Fault> {
        // SAFETY: as above.
        Fault::check(unsafe { rd_kafka_flush(self.raw(), c_ms(ms)) })
    }

    /// Takes the reports that came.
    pub(in super::super) fn reports(&self, mut take: impl FnMut(Report)) {
        let mut reports = std::mem::take(&mut *self.notes().reports.borrow_mut());
        reports.drain(..).for_each(&mut take);
        // Its memory is used again.
        *self.notes().reports.borrow_mut() = reports;
    }

    pub(in super::super) fn has_reports(&self) -> bool {
        !self.notes().reports.borrow().is_empty()
    }

    pub(in super::super) fn init_transactions(&self, ms: u64) -> Result<(), Fault> {
        // SAFETY: a living client; the error is ours.
        unsafe { Fault::take(rd_kafka_init_transactions(self.raw(), c_ms(ms))) }
    }

    pub(in super::super) fn begin_transaction(&self) -> Result<(), Fault> {
        // SAFETY: as above.
        unsafe { Fault::take(rd_kafka_begin_transaction(self.raw())) }
    }

    /// `ms` is for the requests; looking for the group's coordinator takes as long as it takes (2.12.1:
    /// `creq_ts_timeout` is never read), and is given up after `limit_ms`. The client is of no use any more then.
    pub(in super::super) fn send_offsets(
        &self,
        offsets: PartitionList,
        group: Membership,
        (ms, limit_ms): (u64, u64),
    ) -> Result<(), Fault> {
        // SAFETY: they go with the call.
        let given = unsafe { Given::new((offsets, group)) };
        let sent = self.within(limit_ms, move |raw| {
            let (offsets, group) = given.get();
            let (offsets, group) = (offsets.as_ptr(), group.0.as_ptr());
            // SAFETY: all living, list and membership are copied; the error is ours.
            unsafe { Fault::take(rd_kafka_send_offsets_to_transaction(raw, offsets, group, c_ms(ms))) }
        });
        sent.unwrap_or_else(|late| Err(Fault { fatal: true, ..late }))
    }

    pub(in super::super) fn commit_transaction(&self, ms: u64) -> Result<(), Fault> {
        // SAFETY: a living client; the error is ours; callbacks touch the notes only.
        unsafe { Fault::take(rd_kafka_commit_transaction(self.raw(), c_ms(ms))) }
    }

    pub(in super::super) fn abort_transaction(&self, ms: u64) -> Result<(), Fault> {
        // SAFETY: as above.
        unsafe { Fault::take(rd_kafka_abort_transaction(self.raw(), c_ms(ms))) }
    }
}

fn parts(bytes: Option<&[u8]>) -> (*const c_void, usize) {
    bytes.map_or((std::ptr::null(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
}
