//! librdkafka's C interface, as far as the bare loop needs it: batches in, records out, commits.
//!
//! Knows pointers and who frees them. Whatever fails ends the process: a limit that recovers would be another limit.
//!
//! All handles live as long as the process that measures them, so none is freed; messages are.
#![allow(unsafe_code)]

use rdkafka::bindings::*;
use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many messages are fetched at once.
const BATCH: usize = 4096;
/// A fetch waits so long, in ms.
const FETCH_MS: i32 = 10;
/// Everything else waits so long, in ms.
const PATIENCE_MS: i32 = 30_000;
/// "Whichever the key says", and "copy what is sent".
const BY_KEY: i32 = -1;
const COPY: i32 = 2;

static FAILURES: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" fn delivered(_: *mut rd_kafka_t, message: *const rd_kafka_message_t, _: *mut c_void) {
    // SAFETY: the library gives a message that lives as long as this call.
    if unsafe { (*message).err } != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        FAILURES.fetch_add(1, Ordering::Relaxed);
    }
}

fn text(text: &str) -> CString {
    CString::new(text).expect("names have no zero in them")
}

/// Settings of a client.
pub(super) struct Config(*mut rd_kafka_conf_t);

impl Config {
    pub(super) fn new(brokers: &str) -> Self {
        // SAFETY: no arguments; what it returns is used up by `client`.
        Config(unsafe { rd_kafka_conf_new() }).set("bootstrap.servers", brokers)
    }

    pub(super) fn set(self, name: &str, value: &str) -> Self {
        let (name, value) = (text(name), text(value));
        let mut why: [c_char; 512] = [0; 512];
        // SAFETY: texts end with zero and live through the call; `why` is as long as is said.
        let result =
            unsafe { rd_kafka_conf_set(self.0, name.as_ptr(), value.as_ptr(), why.as_mut_ptr(), why.len()) };
        assert!(result == rd_kafka_conf_res_t::RD_KAFKA_CONF_OK, "{name:?} cannot be {value:?}");
        self
    }

    fn client(self, kind: rd_kafka_type_t) -> *mut rd_kafka_t {
        let mut why: [c_char; 512] = [0; 512];
        // SAFETY: the configuration is handed over and not used again; `why` is as long as is said, and ends with zero.
        let (client, why) = unsafe {
            let client = rd_kafka_new(kind, self.0, why.as_mut_ptr(), why.len());
            (client, CStr::from_ptr(why.as_ptr()))
        };
        assert!(!client.is_null(), "{why:?}");
        client
    }

    pub(super) fn consumer(self) -> Consumer {
        let client = self.client(rd_kafka_type_t::RD_KAFKA_CONSUMER);
        // SAFETY: the client was just made.
        let queue = unsafe {
            // The group asks for its coordinator at once, and without a connection only again after 500 ms.
            let mut metadata = std::ptr::null();
            if rd_kafka_metadata(client, 0, null_mut(), &mut metadata, PATIENCE_MS)
                == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                rd_kafka_metadata_destroy(metadata);
            }
            rd_kafka_poll_set_consumer(client);
            rd_kafka_queue_get_consumer(client)
        };
        Consumer { client, queue, batch: vec![null_mut(); BATCH], topics: Vec::new() }
    }

    pub(super) fn producer(self) -> Producer {
        // SAFETY: the configuration is alive, the callback has the signature that is asked for.
        unsafe { rd_kafka_conf_set_dr_msg_cb(self.0, Some(delivered)) };
        Producer { client: self.client(rd_kafka_type_t::RD_KAFKA_PRODUCER) }
    }
}

/// A topic that is read, and where.
struct Source {
    name: CString,
    /// The library's handle to it, once a message came.
    handle: *mut rd_kafka_topic_t,
    /// The next offset of each partition; -1: nothing was read.
    next: Vec<i64>,
}

/// A member of the group.
pub(super) struct Consumer {
    client: *mut rd_kafka_t,
    queue: *mut rd_kafka_queue_t,
    batch: Vec<*mut rd_kafka_message_t>,
    topics: Vec<Source>,
}

/// A record that was fetched.
pub(super) struct Record<'a> {
    /// Which of the topics subscribed to.
    pub(super) source: usize,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) timestamp: i64,
}

impl Consumer {
    pub(super) fn subscribe(&mut self, topics: &[String]) {
        self.topics = topics
            .iter()
            .map(|name| Source { name: text(name), handle: null_mut(), next: vec![-1; 64] })
            .collect();
        // SAFETY: the list is made and freed here, names live through the call.
        unsafe {
            let list = rd_kafka_topic_partition_list_new(topics.len() as i32);
            for topic in &self.topics {
                rd_kafka_topic_partition_list_add(list, topic.name.as_ptr(), BY_KEY);
            }
            rd_kafka_subscribe(self.client, list);
            rd_kafka_topic_partition_list_destroy(list);
        }
    }

    /// Hands over the next batch; tells how many records there were.
    pub(super) fn fetch(&mut self, mut process: impl FnMut(Record<'_>)) -> usize {
        let mut records = 0;
        // SAFETY: the batch has room for as many messages as are asked for; each message is valid until it is
        // destroyed, below, after the last use of what it points to.
        unsafe {
            let got = rd_kafka_consume_batch_queue(self.queue, FETCH_MS, self.batch.as_mut_ptr(), BATCH);
            for &pointer in &self.batch[..got.max(0) as usize] {
                let message = &*pointer;
                if message.err == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    let source = source_of(&mut self.topics, message.rkt);
                    let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
                    process(Record {
                        source,
                        key: std::slice::from_raw_parts(message.key.cast(), message.key_len),
                        value: std::slice::from_raw_parts(message.payload.cast(), message.len),
                        timestamp: rd_kafka_message_timestamp(pointer, &mut kind),
                    });
                    self.topics[source].next[message.partition as usize] = message.offset + 1;
                    records += 1;
                }
                rd_kafka_message_destroy(pointer);
            }
        }
        records
    }

    /// Where it is, for a commit; freed by who asks.
    fn positions(&self) -> *mut rd_kafka_topic_partition_list_t {
        // SAFETY: the list is made here, names live as long as the consumer, each element is written at once.
        unsafe {
            let list = rd_kafka_topic_partition_list_new(16);
            for topic in &self.topics {
                for (partition, &next) in topic.next.iter().enumerate().filter(|(_, next)| **next >= 0) {
                    let element =
                        rd_kafka_topic_partition_list_add(list, topic.name.as_ptr(), partition as i32);
                    (*element).offset = next;
                }
            }
            list
        }
    }

    pub(super) fn commit(&self) {
        let positions = self.positions();
        // SAFETY: the list is alive until it is freed.
        unsafe {
            if (*positions).cnt > 0 {
                rd_kafka_commit(self.client, positions, 0);
            }
            rd_kafka_topic_partition_list_destroy(positions);
        }
    }

    pub(super) fn close(&self) {
        // SAFETY: the client is alive.
        unsafe { rd_kafka_consumer_close(self.client) };
    }
}

/// Which of the topics a handle belongs to; there are two at most.
#[inline]
unsafe fn source_of(topics: &mut [Source], handle: *mut rd_kafka_topic_t) -> usize {
    if let Some(known) = topics.iter().position(|topic| topic.handle == handle) {
        return known;
    }
    // SAFETY: the handle is that of a message which is alive; so is its name.
    let name = unsafe { CStr::from_ptr(rd_kafka_topic_name(handle)) };
    let known = topics.iter().position(|topic| *topic.name == *name).expect("only what was subscribed to");
    topics[known].handle = handle;
    known
}

/// What writes.
pub(super) struct Producer {
    client: *mut rd_kafka_t,
}

/// A topic that is written to.
pub(super) struct Target<'a> {
    client: *mut rd_kafka_t,
    topic: *mut rd_kafka_topic_t,
    producer: PhantomData<&'a Producer>,
}

impl Producer {
    pub(super) fn target(&self, name: &str) -> Target<'_> {
        let name = text(name);
        // SAFETY: the client is alive, the name lives through the call.
        let topic = unsafe { rd_kafka_topic_new(self.client, name.as_ptr(), null_mut()) };
        Target { client: self.client, topic, producer: PhantomData }
    }

    /// Looks at what was delivered.
    pub(super) fn serve(&self) {
        // SAFETY: the client is alive.
        unsafe { rd_kafka_poll(self.client, 0) };
    }

    pub(super) fn flush(&self) {
        // SAFETY: the client is alive.
        unsafe { rd_kafka_flush(self.client, PATIENCE_MS) };
    }

    pub(super) fn init_transactions(&self) {
        // SAFETY: the client is alive.
        must(unsafe { rd_kafka_init_transactions(self.client, PATIENCE_MS) });
    }

    pub(super) fn begin(&self) {
        // SAFETY: the client is alive.
        must(unsafe { rd_kafka_begin_transaction(self.client) });
    }

    /// Commits what was written together with where the consumer is.
    pub(super) fn commit(&self, consumer: &Consumer) {
        let positions = consumer.positions();
        // SAFETY: clients are alive, the list and the metadata are until they are freed.
        unsafe {
            let group = rd_kafka_consumer_group_metadata(consumer.client);
            must(rd_kafka_send_offsets_to_transaction(self.client, positions, group, PATIENCE_MS));
            rd_kafka_consumer_group_metadata_destroy(group);
            rd_kafka_topic_partition_list_destroy(positions);
            must(rd_kafka_commit_transaction(self.client, PATIENCE_MS));
        }
    }

    pub(super) fn failures(&self) -> u64 {
        FAILURES.load(Ordering::Relaxed)
    }
}

fn must(error: *mut rd_kafka_error_t) {
    // SAFETY: an error is alive until it is freed, which never happens, because the process ends.
    assert!(error.is_null(), "{:?}", unsafe { CStr::from_ptr(rd_kafka_error_string(error)) });
}

impl Target<'_> {
    #[inline]
    pub(super) fn send(&self, key: &[u8], value: &[u8], timestamp: i64) {
        use rd_kafka_vtype_t::*;
        loop {
            // SAFETY: the arguments are those that each tag announces; key and value are copied.
            let result = unsafe {
                rd_kafka_producev(
                    self.client,
                    RD_KAFKA_VTYPE_RKT,
                    self.topic,
                    RD_KAFKA_VTYPE_PARTITION,
                    BY_KEY,
                    RD_KAFKA_VTYPE_MSGFLAGS,
                    COPY,
                    RD_KAFKA_VTYPE_KEY,
                    key.as_ptr(),
                    key.len(),
                    RD_KAFKA_VTYPE_VALUE,
                    value.as_ptr(),
                    value.len(),
                    RD_KAFKA_VTYPE_TIMESTAMP,
                    timestamp,
                    RD_KAFKA_VTYPE_END,
                )
            };
            match result {
                rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => return,
                rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL => {
                    // SAFETY: the client is alive.
                    unsafe { rd_kafka_poll(self.client, 5) };
                }
                other => panic!("a record cannot be sent: {other:?}"),
            }
        }
    }
}
