//! Requests with one answer: topics, ends of logs, committed offsets and their commit.
//!
//! Each goes to a queue of its own, so that a late answer meets nobody who might take it for his. Who asked waits for
//! the answer, or looks for it now and then and is woken when it comes.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use rdkafka::bindings::{
    rd_kafka_AdminOptions_destroy, rd_kafka_AdminOptions_new, rd_kafka_AdminOptions_set_isolation_level,
    rd_kafka_AdminOptions_set_request_timeout, rd_kafka_AdminOptions_set_require_stable_offsets,
    rd_kafka_AdminOptions_t, rd_kafka_IsolationLevel_t, rd_kafka_ListConsumerGroupOffsets,
    rd_kafka_ListConsumerGroupOffsets_destroy, rd_kafka_ListConsumerGroupOffsets_new,
    rd_kafka_ListConsumerGroupOffsets_result_groups, rd_kafka_ListOffsets, rd_kafka_ListOffsets_result_infos,
    rd_kafka_ListOffsetsResultInfo_topic_partition, rd_kafka_ResourceType_t, rd_kafka_admin_op_t,
    rd_kafka_event_ListConsumerGroupOffsets_result, rd_kafka_event_ListOffsets_result,
    rd_kafka_event_destroy, rd_kafka_event_error_string, rd_kafka_event_t, rd_kafka_group_result_error,
    rd_kafka_group_result_partitions, rd_kafka_metadata_destroy, rd_kafka_queue_cb_event_enable,
    rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_poll, rd_kafka_queue_t,
};

use super::client::{Client, Wakeup, on_wakeup};
use super::codes::{Code, Fault, rd_kafka_commit_queue, rd_kafka_event_error, rd_kafka_metadata, text};
use super::list::{Element, PartitionList, c_ms, c_string, element, elements};
use super::produce::Topic;

/// How long the library may take for a question about a group: as long as it can be told to, because it must never give
/// one up (`group_asker` says why). Who asks ends the client when it has waited for long enough.
pub(super) const OF_GROUPS_MS: u64 = 3_600_000;

/// Which end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum End {
    Start,
    LastStable,
    High,
}

/// A question. Dropped before the answer came, it is given up: the library drops the answer.
pub(in super::super) struct Asked {
    queue: NonNull<rd_kafka_queue_t>,
    client: Rc<Client>,
    /// Rung by the library's threads when the answer is there.
    wakeup: Option<Arc<Wakeup>>,
    /// The answer, once it was seen.
    seen: Option<Result<Answer, Fault>>,
}

impl Asked {
    /// Nothing is asked yet: the request is to be sent with this.
    pub(super) fn new(client: &Rc<Client>) -> Asked {
        // SAFETY: a living client; never null.
        let queue = unsafe { rd_kafka_queue_new(client.raw()) };
        let queue = NonNull::new(queue).expect("librdkafka gives a queue");
        Asked { queue, client: Rc::clone(client), wakeup: None, seen: None }
    }

    /// As above; the answer will ring.
    fn ringing(client: &Rc<Client>, wakeup: &Arc<Wakeup>) -> Asked {
        let mut asked = Asked::new(client);
        asked.wakeup = Some(Arc::clone(wakeup));
        asked.ring(Some(wakeup));
        asked
    }

    fn ring(&self, wakeup: Option<&Arc<Wakeup>>) {
        let opaque = wakeup.map_or(std::ptr::null_mut(), |wakeup| Arc::as_ptr(wakeup).cast_mut().cast());
        // SAFETY: the queue is ours. The wake-up lives as long as it is set here: it is held beside it, and taken away
        // under the queue's lock before the queue is given up.
        unsafe {
            rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), wakeup.map(|_| on_wakeup as _), opaque);
        }
    }

    pub(super) fn queue(&self) -> *mut rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    /// Waits for the answer, at most so long.
    pub(super) fn answer(&self, ms: u64) -> Result<Answer, Fault> {
        self.poll(ms).unwrap_or_else(|| Err(Fault::of(Code::TIMED_OUT)))
    }

    /// Whether the answer is there. Waits for nothing.
    pub(in super::super) fn is_answered(&mut self) -> bool {
        if self.seen.is_none() {
            self.seen = self.poll(0);
        }
        self.seen.is_some()
    }

    /// The answer that is there.
    pub(in super::super) fn take(mut self) -> Result<Answer, Fault> {
        self.seen.take().unwrap_or_else(|| Err(Fault::of(Code::TIMED_OUT)))
    }

    fn poll(&self, ms: u64) -> Option<Result<Answer, Fault>> {
        // SAFETY: our queue; the event is ours.
        let event = unsafe { rd_kafka_queue_poll(self.queue.as_ptr(), c_ms(ms)) };
        let answer = Answer(NonNull::new(event)?);
        // SAFETY: our event, and its string lives as long.
        let (code, words) =
            unsafe { (rd_kafka_event_error(event), text(rd_kafka_event_error_string(event))) };
        Some(match code {
            0 => Ok(answer),
            code => Err(Fault { text: words, ..Fault::of(Code(code)) }),
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        debug_assert!(Rc::strong_count(&self.client) > 0);
        if self.wakeup.is_some() {
            self.ring(None);
        }
        // SAFETY: ours; an answer that still comes is dropped by the library.
        unsafe { rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// An event with the result of a request.
pub(in super::super) struct Answer(NonNull<rd_kafka_event_t>);

impl Answer {
    pub(super) fn as_ptr(&self) -> *mut rd_kafka_event_t {
        self.0.as_ptr()
    }

    /// The offset that was asked for with [`Client::ask_for_end`].
    pub(in super::super) fn end(&self) -> Result<i64, Fault> {
        let mut count = 0;
        // SAFETY: the result lives as long as the answer, which holds `count` elements.
        let found = unsafe {
            let result = rd_kafka_event_ListOffsets_result(self.as_ptr());
            if result.is_null() {
                return Err(Fault::none());
            }
            let infos = rd_kafka_ListOffsets_result_infos(result, &mut count);
            if count == 0 {
                return Err(Fault::none());
            }
            element(rd_kafka_ListOffsetsResultInfo_topic_partition(*infos))
        };
        match found.code {
            Code::OK if found.offset >= 0 => Ok(found.offset),
            // The library drops the error of a leader that did not answer in time, or whose connection was lost, and
            // leaves what it began with (2.12.1).
            Code::OK => Err(Fault::of(Code::TIMED_OUT)),
            code => Err(Fault::of(code)),
        }
    }

    /// The offsets that were asked for with [`Client::ask_for_committed`].
    pub(in super::super) fn committed(&self, take: impl FnMut(Element<'_>)) -> Result<(), Fault> {
        let mut count = 0;
        // SAFETY: the result lives as long as the answer, which holds `count` elements, each with a list of its own.
        unsafe {
            let result = rd_kafka_event_ListConsumerGroupOffsets_result(self.as_ptr());
            if result.is_null() {
                return Err(Fault::none());
            }
            let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
            if count == 0 {
                return Err(Fault::none());
            }
            let error = rd_kafka_group_result_error(*groups);
            if !error.is_null() {
                return Err(Fault::copy(error));
            }
            elements(rd_kafka_group_result_partitions(*groups)).for_each(take);
        }
        Ok(())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: ours; what was read out of it is copied.
        unsafe { rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

pub(super) struct Options(NonNull<rd_kafka_AdminOptions_t>);

impl Options {
    pub(super) fn as_ptr(&self) -> *mut rd_kafka_AdminOptions_t {
        self.0.as_ptr()
    }

    /// Options of a request that the library gives up after so long: left to itself it goes on for a minute, whoever
    /// has stopped to listen.
    pub(super) fn new(client: &Client, of: rd_kafka_admin_op_t, ms: u64) -> Options {
        // SAFETY: a living client and a request that exists; never null for one. The time is copied; it is refused
        // beyond an hour, and then it is the minute.
        unsafe {
            let options = rd_kafka_AdminOptions_new(client.raw(), of);
            let options = NonNull::new(options).expect("librdkafka gives options");
            let mut words = [0; 128];
            rd_kafka_AdminOptions_set_request_timeout(
                options.as_ptr(),
                c_ms(ms),
                words.as_mut_ptr(),
                words.len(),
            );
            Options(options)
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours; requests copy them.
        unsafe { rd_kafka_AdminOptions_destroy(self.0.as_ptr()) }
    }
}

impl Client {
    /// How many partitions a topic has. Asks a broker, and teaches the client the topic's leaders.
    pub(in super::super) fn partitions(&self, topic: &Topic, ms: u64) -> Result<i32, Fault> {
        let mut found = std::ptr::null();
        // SAFETY: a living client and topic; what is found is ours if it returns 0.
        Fault::check(unsafe { rd_kafka_metadata(self.raw(), 0, topic.as_ptr(), &mut found, c_ms(ms)) })?;
        // SAFETY: as above: it has `topic_cnt` topics; freed after its last use.
        unsafe {
            let answer = match (*found).topic_cnt {
                1.. => {
                    let topic = (*found).topics;
                    match Code::read(&raw const (*topic).err) {
                        Code::OK => Ok((*topic).partition_cnt),
                        code => Err(Fault::of(code)),
                    }
                }
                _ => Err(Fault::none()),
            };
            rd_kafka_metadata_destroy(found);
            answer
        }
    }

    /// Asks for an end of a partition; see [`Answer::end`].
    pub(in super::super) fn ask_for_end(
        self: &Rc<Self>,
        topic: &str,
        partition: i32,
        end: End,
        wakeup: &Arc<Wakeup>,
        ms: u64,
    ) -> Asked {
        // The offset that stands for the end, and how far the broker looks.
        const EARLIEST: i64 = -2;
        const LATEST: i64 = -1;
        let (spec, isolation) = match end {
            End::Start => (EARLIEST, rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED),
            End::High => (LATEST, rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED),
            End::LastStable => (LATEST, rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED),
        };
        let options = Options::new(self, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS, ms);
        let mut list = PartitionList::new();
        list.push_at(topic, partition, spec);
        let asked = Asked::ringing(self, wakeup);
        // SAFETY: all living and copied by the request; the error is ours and says at most that the option is not one
        // of this request, which it is.
        unsafe {
            drop(Fault::take(rd_kafka_AdminOptions_set_isolation_level(options.as_ptr(), isolation)));
            rd_kafka_ListOffsets(self.raw(), list.as_ptr(), options.as_ptr(), asked.queue());
        }
        asked
    }

    /// Commits offsets and waits for the answer, at most so long. (The call that waits by itself waits for as long as a
    /// coordinator is away.)
    pub(in super::super) fn commit(self: &Rc<Self>, offsets: &PartitionList, ms: u64) -> Result<(), Fault> {
        let asked = Asked::new(self);
        // SAFETY: all living, the list is copied; without a callback the answer is an event of the queue.
        let queue = asked.queue.as_ptr();
        Fault::check(unsafe {
            rd_kafka_commit_queue(self.raw(), offsets.as_ptr(), queue, None, std::ptr::null_mut())
        })?;
        asked.answer(ms).map(drop)
    }

    /// Asks who is in a group; see [`Answer::members`].
    pub(in super::super) fn ask_for_members(self: &Rc<Self>, group: &str, wakeup: &Arc<Wakeup>) -> Asked {
        let asked = Asked::ringing(self, wakeup);
        self.send_describe_group(group, false, &asked);
        asked
    }

    /// Asks for the committed offsets of a group; see [`Answer::committed`]. With `stable` an element says
    /// `UNSTABLE_OFFSET_COMMIT` at once where the call for members (`rd_kafka_committed`) would wait.
    pub(in super::super) fn ask_for_committed(
        self: &Rc<Self>,
        group: &str,
        partitions: &PartitionList,
        stable: bool,
        wakeup: &Arc<Wakeup>,
    ) -> Asked {
        let group = c_string(group);
        let of = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
        let options = Options::new(self, of, OF_GROUPS_MS);
        let asked = Asked::ringing(self, wakeup);
        // SAFETY: all living; group and list are copied into the request, which is copied again and freed once. The
        // error says at most that the option is not one of this request, which it is.
        unsafe {
            let stable = c_int::from(stable);
            drop(Fault::take(rd_kafka_AdminOptions_set_require_stable_offsets(options.as_ptr(), stable)));
            let request = rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), partitions.as_ptr());
            let mut requests = [request];
            rd_kafka_ListConsumerGroupOffsets(
                self.raw(),
                requests.as_mut_ptr(),
                requests.len(),
                options.as_ptr(),
                asked.queue(),
            );
            rd_kafka_ListConsumerGroupOffsets_destroy(request);
        }
        asked
    }

    /// Asks what a topic is like; see [`Answer::topics`]. Teaches the client the topic's leaders.
    pub(in super::super) fn ask_about_topic(
        self: &Rc<Self>,
        topic: &str,
        wakeup: &Arc<Wakeup>,
        ms: u64,
    ) -> Asked {
        let asked = Asked::ringing(self, wakeup);
        self.send_describe_topics(&[topic.to_owned()], false, &asked, ms);
        asked
    }

    /// Asks for a topic's settings; see [`Answer::settings`].
    pub(in super::super) fn ask_for_settings(
        self: &Rc<Self>,
        topic: &str,
        wakeup: &Arc<Wakeup>,
        ms: u64,
    ) -> Asked {
        let asked = Asked::ringing(self, wakeup);
        let kind = rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
        self.send_describe_settings(kind, &[topic.to_owned()], &asked, ms);
        asked
    }
}
