//! Requests with one answer: topics, ends of logs, committed offsets and their commit.
//!
//! Each goes to a queue of its own, so that a late answer meets nobody who might take it for his.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::rc::Rc;

use rdkafka::bindings::{
    rd_kafka_AdminOptions_destroy, rd_kafka_AdminOptions_new, rd_kafka_AdminOptions_set_isolation_level,
    rd_kafka_AdminOptions_set_require_stable_offsets, rd_kafka_AdminOptions_t, rd_kafka_DescribeTopics,
    rd_kafka_DescribeTopics_result_topics, rd_kafka_IsolationLevel_t, rd_kafka_ListConsumerGroupOffsets,
    rd_kafka_ListConsumerGroupOffsets_destroy, rd_kafka_ListConsumerGroupOffsets_new,
    rd_kafka_ListConsumerGroupOffsets_result_groups, rd_kafka_ListOffsets, rd_kafka_ListOffsets_result_infos,
    rd_kafka_ListOffsetsResultInfo_topic_partition, rd_kafka_TopicCollection_destroy,
    rd_kafka_TopicCollection_of_topic_names, rd_kafka_TopicDescription_error,
    rd_kafka_TopicDescription_topic_id, rd_kafka_Uuid_least_significant_bits,
    rd_kafka_Uuid_most_significant_bits, rd_kafka_admin_op_t, rd_kafka_event_DescribeTopics_result,
    rd_kafka_event_ListConsumerGroupOffsets_result, rd_kafka_event_ListOffsets_result,
    rd_kafka_event_destroy, rd_kafka_event_error_string, rd_kafka_event_t, rd_kafka_group_result_error,
    rd_kafka_group_result_partitions, rd_kafka_metadata_destroy, rd_kafka_queue_destroy, rd_kafka_queue_new,
    rd_kafka_queue_poll, rd_kafka_queue_t,
};

use super::client::Client;
use super::codes::{Code, Fault, rd_kafka_commit_queue, rd_kafka_event_error, rd_kafka_metadata, text};
use super::list::{Element, PartitionList, c_ms, c_string, element, elements};
use super::produce::Topic;

const TIMED_OUT: Code = Code(-185);
pub(super) const NO_ANSWER: Code = Code(-196);

/// Which end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum End {
    Start,
    LastStable,
    High,
}

/// A question whose answer has not come yet.
pub(super) struct Asked {
    queue: NonNull<rd_kafka_queue_t>,
    client: Rc<Client>,
}

impl Asked {
    pub(super) fn new(client: &Rc<Client>) -> Asked {
        // SAFETY: a living client; never null.
        let queue = unsafe { rd_kafka_queue_new(client.raw()) };
        Asked { queue: NonNull::new(queue).expect("librdkafka gives a queue"), client: Rc::clone(client) }
    }

    pub(super) fn queue(&self) -> *mut rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    pub(super) fn answer(&self, ms: u64) -> Result<Answer, Fault> {
        // SAFETY: our queue; the event is ours.
        let event = unsafe { rd_kafka_queue_poll(self.queue.as_ptr(), c_ms(ms)) };
        let answer = Answer(NonNull::new(event).ok_or_else(|| Fault::of(TIMED_OUT))?);
        // SAFETY: our event, and its string lives as long.
        let (code, words) =
            unsafe { (rd_kafka_event_error(event), text(rd_kafka_event_error_string(event))) };
        match code {
            0 => Ok(answer),
            code => Err(Fault { text: words, ..Fault::of(Code(code)) }),
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        debug_assert!(Rc::strong_count(&self.client) > 0);
        // SAFETY: ours; an answer that still comes is dropped by the library.
        unsafe { rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// An event with the result of a request.
pub(super) struct Answer(NonNull<rd_kafka_event_t>);

impl Answer {
    pub(super) fn as_ptr(&self) -> *mut rd_kafka_event_t {
        self.0.as_ptr()
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

    pub(super) fn new(client: &Client, of: rd_kafka_admin_op_t) -> Options {
        // SAFETY: a living client and a request that exists; never null for one.
        let options = unsafe { rd_kafka_AdminOptions_new(client.raw(), of) };
        Options(NonNull::new(options).expect("librdkafka gives options"))
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours; requests copy them.
        unsafe { rd_kafka_AdminOptions_destroy(self.0.as_ptr()) }
    }
}

/// The ends of one partition, asked for together.
pub(in super::super) struct Ends(Vec<(End, Asked)>);

impl Ends {
    /// Asks for the ends that are named; they are on their way together.
    pub(in super::super) fn ask(client: &Rc<Client>, topic: &str, partition: i32, ends: &[End]) -> Ends {
        let ask = |&end: &End| {
            // The offset that stands for the end, and how far the broker looks.
            const EARLIEST: i64 = -2;
            const LATEST: i64 = -1;
            let (spec, isolation) = match end {
                End::Start => {
                    (EARLIEST, rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED)
                }
                End::High => (LATEST, rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED),
                End::LastStable => {
                    (LATEST, rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED)
                }
            };
            let options = Options::new(client, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS);
            let mut list = PartitionList::new();
            list.push_at(topic, partition, spec);
            let asked = Asked::new(client);
            // SAFETY: all living and copied by the request; the error is ours and says at most that the option is
            // not one of this request, which it is.
            unsafe {
                drop(Fault::take(rd_kafka_AdminOptions_set_isolation_level(options.0.as_ptr(), isolation)));
                rd_kafka_ListOffsets(client.raw(), list.as_ptr(), options.0.as_ptr(), asked.queue.as_ptr());
            }
            (end, asked)
        };
        Ends(ends.iter().map(ask).collect())
    }

    /// Waits for each, at most so long.
    pub(in super::super) fn answers(self, ms: u64, mut take: impl FnMut(End, i64)) -> Result<(), Fault> {
        for (end, asked) in self.0 {
            let answer = asked.answer(ms)?;
            let mut count = 0;
            // SAFETY: the result lives as long as the answer, which holds `count` elements.
            let found = unsafe {
                let result = rd_kafka_event_ListOffsets_result(answer.0.as_ptr());
                if result.is_null() {
                    return Err(Fault::of(NO_ANSWER));
                }
                let infos = rd_kafka_ListOffsets_result_infos(result, &mut count);
                if count == 0 {
                    return Err(Fault::of(NO_ANSWER));
                }
                element(rd_kafka_ListOffsetsResultInfo_topic_partition(*infos))
            };
            match found.code {
                Code::OK => take(end, found.offset),
                code => return Err(Fault::of(code)),
            }
        }
        Ok(())
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
                _ => Err(Fault::of(NO_ANSWER)),
            };
            rd_kafka_metadata_destroy(found);
            answer
        }
    }

    /// The id of a topic.
    pub(in super::super) fn topic_id(self: &Rc<Self>, topic: &str, ms: u64) -> Result<u128, Fault> {
        let name = c_string(topic);
        let mut names = [name.as_ptr()];
        let asked = Asked::new(self);
        // SAFETY: one name, which is copied; the request copies the collection, which is freed once.
        unsafe {
            let topics = rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
            rd_kafka_DescribeTopics(self.raw(), topics, std::ptr::null(), asked.queue.as_ptr());
            rd_kafka_TopicCollection_destroy(topics);
        }
        let answer = asked.answer(ms)?;
        let mut count = 0;
        // SAFETY: the result lives as long as the answer, which holds `count` elements; the id belongs to it.
        unsafe {
            let result = rd_kafka_event_DescribeTopics_result(answer.0.as_ptr());
            if result.is_null() {
                return Err(Fault::of(NO_ANSWER));
            }
            let topics = rd_kafka_DescribeTopics_result_topics(result, &mut count);
            if count == 0 {
                return Err(Fault::of(NO_ANSWER));
            }
            let error = rd_kafka_TopicDescription_error(*topics);
            if !error.is_null() {
                let fault = Fault::copy(error);
                if fault.code != Code::OK {
                    return Err(fault);
                }
            }
            let id = rd_kafka_TopicDescription_topic_id(*topics);
            if id.is_null() {
                return Ok(0);
            }
            let (most, least) =
                (rd_kafka_Uuid_most_significant_bits(id), rd_kafka_Uuid_least_significant_bits(id));
            Ok(u128::from(most.cast_unsigned()) << 64 | u128::from(least.cast_unsigned()))
        }
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

    /// The committed offsets of a group. With `stable` an element says `UNSTABLE_OFFSET_COMMIT` at once where the
    /// call for members (`rd_kafka_committed`) would wait.
    pub(in super::super) fn committed(
        self: &Rc<Self>,
        group: &str,
        partitions: &PartitionList,
        stable: bool,
        ms: u64,
        mut take: impl FnMut(Element<'_>),
    ) -> Result<(), Fault> {
        let group = c_string(group);
        let options = Options::new(self, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
        let asked = Asked::new(self);
        // SAFETY: all living; group and list are copied into the request, which is copied again and freed once. The
        // error says at most that the option is not one of this request, which it is.
        unsafe {
            let stable = c_int::from(stable);
            drop(Fault::take(rd_kafka_AdminOptions_set_require_stable_offsets(options.0.as_ptr(), stable)));
            let request = rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), partitions.as_ptr());
            let mut requests = [request];
            rd_kafka_ListConsumerGroupOffsets(
                self.raw(),
                requests.as_mut_ptr(),
                requests.len(),
                options.0.as_ptr(),
                asked.queue.as_ptr(),
            );
            rd_kafka_ListConsumerGroupOffsets_destroy(request);
        }
        let answer = asked.answer(ms)?;
        let mut count = 0;
        // SAFETY: the result lives as long as the answer, which holds `count` elements, each with a list of its own.
        unsafe {
            let result = rd_kafka_event_ListConsumerGroupOffsets_result(answer.0.as_ptr());
            if result.is_null() {
                return Err(Fault::of(NO_ANSWER));
            }
            let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
            if count == 0 {
                return Err(Fault::of(NO_ANSWER));
            }
            let error = rd_kafka_group_result_error(*groups);
            if !error.is_null() {
                return Err(Fault::copy(error));
            }
            elements(rd_kafka_group_result_partitions(*groups)).for_each(&mut take);
        }
        Ok(())
    }
}
