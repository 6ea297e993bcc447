//! Requests about topics, groups and brokers: describe, create, delete records.
//!
//! Knows C's requests and how their answers are read. Deliberately does not know what a code means, nor what a topic
//! should be like.

use std::ffi::{CString, c_char, c_int};
use std::ptr::{self, NonNull};
use std::rc::Rc;

use rdkafka::bindings::{
    rd_kafka_AclOperation_t, rd_kafka_AdminOptions_set_include_authorized_operations,
    rd_kafka_ConfigEntry_name, rd_kafka_ConfigEntry_value, rd_kafka_ConfigResource_configs,
    rd_kafka_ConfigResource_destroy_array, rd_kafka_ConfigResource_new,
    rd_kafka_ConsumerGroupDescription_authorized_operations, rd_kafka_ConsumerGroupDescription_error,
    rd_kafka_ConsumerGroupDescription_member, rd_kafka_ConsumerGroupDescription_member_count,
    rd_kafka_ConsumerGroupDescription_t, rd_kafka_CreateTopics, rd_kafka_CreateTopics_result_topics,
    rd_kafka_DeleteRecords, rd_kafka_DeleteRecords_destroy, rd_kafka_DeleteRecords_new,
    rd_kafka_DeleteRecords_result_offsets, rd_kafka_DescribeCluster,
    rd_kafka_DescribeCluster_result_authorized_operations, rd_kafka_DescribeConfigs,
    rd_kafka_DescribeConfigs_result_resources, rd_kafka_DescribeConsumerGroups,
    rd_kafka_DescribeConsumerGroups_result_groups, rd_kafka_DescribeTopics,
    rd_kafka_DescribeTopics_result_topics, rd_kafka_MemberAssignment_partitions,
    rd_kafka_MemberDescription_assignment, rd_kafka_MemberDescription_client_id,
    rd_kafka_MemberDescription_host, rd_kafka_NewTopic_destroy, rd_kafka_NewTopic_new, rd_kafka_NewTopic_t,
    rd_kafka_ResourceType_t, rd_kafka_TopicCollection_destroy, rd_kafka_TopicCollection_of_topic_names,
    rd_kafka_TopicDescription_authorized_operations, rd_kafka_TopicDescription_error,
    rd_kafka_TopicDescription_partitions, rd_kafka_TopicDescription_t, rd_kafka_TopicDescription_topic_id,
    rd_kafka_TopicPartitionInfo_leader, rd_kafka_TopicPartitionInfo_partition,
    rd_kafka_TopicPartitionInfo_replicas, rd_kafka_Uuid_least_significant_bits,
    rd_kafka_Uuid_most_significant_bits, rd_kafka_admin_op_t, rd_kafka_error_t,
    rd_kafka_event_CreateTopics_result, rd_kafka_event_DeleteRecords_result,
    rd_kafka_event_DescribeCluster_result, rd_kafka_event_DescribeConfigs_result,
    rd_kafka_event_DescribeConsumerGroups_result, rd_kafka_event_DescribeTopics_result,
    rd_kafka_metadata_destroy, rd_kafka_topic_result_error_string,
};

use super::ask::{Answer, Asked, OF_GROUPS_MS, Options};
use super::client::Client;
use super::codes::{
    Code, Fault, rd_kafka_AdminOptions_set_validate_only, rd_kafka_ConfigResource_error,
    rd_kafka_NewTopic_set_config, rd_kafka_metadata, rd_kafka_topic_result_error, text,
};
use super::list::{PartitionList, c_ms, c_string, elements};

/// A topic as the brokers describe it.
pub(in super::super) struct Described {
    pub(in super::super) id: u128,
    /// Its partitions, in any order.
    pub(in super::super) partitions: Vec<DescribedPartition>,
    /// Numbers of what is allowed; `None` if the broker does not tell.
    pub(in super::super) operations: Option<Vec<u8>>,
}

pub(in super::super) struct DescribedPartition {
    pub(in super::super) number: u32,
    pub(in super::super) has_leader: bool,
    pub(in super::super) replicas: u32,
}

/// A member as a broker describes it.
pub(in super::super) struct DescribedMember {
    /// What its client calls itself.
    pub(in super::super) client_id: String,
    /// Where it is.
    pub(in super::super) host: String,
    /// What the group has given it.
    pub(in super::super) assigned: Vec<(String, i32)>,
}

/// Names and values.
pub(in super::super) type Settings = Vec<(String, String)>;

/// A topic to be made.
pub(in super::super) struct ToMake<'t> {
    pub(in super::super) name: &'t str,
    pub(in super::super) partitions: u32,
    /// -1: the brokers decide.
    pub(in super::super) replicas: i32,
    pub(in super::super) settings: &'t [(String, String)],
}

impl Client {
    /// The addresses of the brokers, `host:port`, as one of them tells.
    pub(in super::super) fn brokers(&self, ms: u64) -> Result<Vec<String>, Fault> {
        let mut found = ptr::null();
        // SAFETY: a living client; what is found is ours if it returns 0, has `broker_cnt` brokers, and is freed after
        // its last use.
        unsafe {
            Fault::check(rd_kafka_metadata(self.raw(), 0, ptr::null_mut(), &mut found, c_ms(ms)))?;
            let count = usize::try_from((*found).broker_cnt).unwrap_or_default();
            let broker = |at: usize| {
                let broker = (*found).brokers.add(at);
                let host = text((*broker).host);
                match host.contains(':') {
                    true => format!("[{host}]:{}", (*broker).port),
                    false => format!("{host}:{}", (*broker).port),
                }
            };
            let brokers = (0..count).map(broker).collect();
            rd_kafka_metadata_destroy(found);
            Ok(brokers)
        }
    }

    /// Describes topics, each by itself, in their order. Creates none of them.
    pub(in super::super) fn describe_topics(
        self: &Rc<Self>,
        topics: &[String],
        ms: u64,
    ) -> Result<Vec<Result<Described, Fault>>, Fault> {
        let asked = Asked::new(self);
        self.send_describe_topics(topics, true, &asked, ms);
        all(topics, asked.answer(ms)?.topics()?)
    }

    /// The question of [`describe_topics`](Self::describe_topics); `operations`: also what is allowed with them.
    pub(super) fn send_describe_topics(&self, topics: &[String], operations: bool, asked: &Asked, ms: u64) {
        let names: Vec<CString> = topics.iter().map(|name| c_string(name)).collect();
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let options = Options::new(self, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, ms);
        // SAFETY: as many names as it says, which are copied; the request copies collection and options; the
        // collection is freed once.
        unsafe {
            if operations {
                with_operations(&options);
            }
            let names = rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            rd_kafka_DescribeTopics(self.raw(), names, options.as_ptr(), asked.queue());
            rd_kafka_TopicCollection_destroy(names);
        }
    }

    /// The settings of topics, defaults included, each topic by itself, in their order.
    pub(in super::super) fn describe_settings(
        self: &Rc<Self>,
        topics: &[String],
        ms: u64,
    ) -> Result<Vec<Result<Settings, Fault>>, Fault> {
        let asked = Asked::new(self);
        self.send_describe_settings(rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, topics, &asked, ms);
        all(topics, asked.answer(ms)?.settings()?)
    }

    /// The settings of a broker, defaults included.
    pub(in super::super) fn broker_settings(self: &Rc<Self>, ms: u64) -> Result<Settings, Fault> {
        let mut found = ptr::null();
        // SAFETY: a living client; what is found is ours if it returns 0, has `broker_cnt` brokers, and is freed after
        // its last use.
        let id = unsafe {
            Fault::check(rd_kafka_metadata(self.raw(), 0, ptr::null_mut(), &mut found, c_ms(ms)))?;
            let id = ((*found).broker_cnt > 0).then(|| (*(*found).brokers).id);
            rd_kafka_metadata_destroy(found);
            id
        };
        let id = id.ok_or_else(Fault::none)?.to_string();
        let asked = Asked::new(self);
        self.send_describe_settings(rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_BROKER, &[id], &asked, ms);
        asked.answer(ms)?.settings()?.pop().unwrap_or_else(|| Err(Fault::none()))
    }

    /// The question of both.
    pub(super) fn send_describe_settings(
        &self,
        kind: rd_kafka_ResourceType_t,
        names: &[String],
        asked: &Asked,
        ms: u64,
    ) {
        let resource = |name: &String| {
            let name = c_string(name);
            // SAFETY: the name is copied.
            unsafe { rd_kafka_ConfigResource_new(kind, name.as_ptr()) }
        };
        let mut resources: Vec<_> = names.iter().map(resource).collect();
        let options = Options::new(self, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, ms);
        // SAFETY: as many resources as it says, none null, which are copied and freed once.
        unsafe {
            let (first, count) = (resources.as_mut_ptr(), resources.len());
            rd_kafka_DescribeConfigs(self.raw(), first, count, options.as_ptr(), asked.queue());
            rd_kafka_ConfigResource_destroy_array(first, count);
        }
    }

    /// Makes topics; the broker's verdict on each, in their order. With `only_try` it says the same and makes none.
    pub(in super::super) fn create_topics(
        self: &Rc<Self>,
        topics: &[ToMake<'_>],
        only_try: bool,
        ms: u64,
    ) -> Result<Vec<Result<(), Fault>>, Fault> {
        let new = topics.iter().map(NewTopic::new).collect::<Result<Vec<_>, _>>()?;
        let mut pointers: Vec<_> = new.iter().map(|new| new.0.as_ptr()).collect();
        let options = Options::new(self, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATETOPICS, ms);
        let asked = Asked::new(self);
        // SAFETY: living options of this request, and a buffer of the size it says; as many topics as it says, all
        // living, which are copied.
        unsafe {
            let (mut words, only_try) = ([0; 512], c_int::from(only_try));
            let (text, size) = (words.as_mut_ptr(), words.len());
            Fault::check(rd_kafka_AdminOptions_set_validate_only(options.as_ptr(), only_try, text, size))?;
            let (first, count) = (pointers.as_mut_ptr(), pointers.len());
            rd_kafka_CreateTopics(self.raw(), first, count, options.as_ptr(), asked.queue());
        }
        let answer = asked.answer(ms)?;
        // SAFETY: the result lives as long as the answer, and has as many elements as it says.
        unsafe {
            let result = result(&answer, rd_kafka_event_CreateTopics_result)?;
            let mut count = 0;
            let first = rd_kafka_CreateTopics_result_topics(result, &mut count);
            let verdict = |at: usize| {
                let topic = *first.add(at);
                Fault::check(rd_kafka_topic_result_error(topic)).map_err(|fault| {
                    match text(rd_kafka_topic_result_error_string(topic)) {
                        words if words.is_empty() => fault,
                        words => Fault { text: words, ..fault },
                    }
                })
            };
            all(topics, (0..count).map(verdict).collect())
        }
    }

    /// Deletes records before the offsets; the partitions of which they were not, and why.
    pub(in super::super) fn delete_records(
        self: &Rc<Self>,
        before: &PartitionList,
        ms: u64,
    ) -> Result<Vec<(String, i32, Fault)>, Fault> {
        let options = Options::new(self, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETERECORDS, ms);
        let asked = Asked::new(self);
        // SAFETY: the list is copied into the request, which is copied again and freed once.
        unsafe {
            let request = rd_kafka_DeleteRecords_new(before.as_ptr());
            let mut requests = [request];
            let (first, count) = (requests.as_mut_ptr(), requests.len());
            rd_kafka_DeleteRecords(self.raw(), first, count, options.as_ptr(), asked.queue());
            rd_kafka_DeleteRecords_destroy(request);
        }
        let answer = asked.answer(ms)?;
        // SAFETY: the result and its list live as long as the answer.
        unsafe {
            let result = result(&answer, rd_kafka_event_DeleteRecords_result)?;
            let refused = elements(rd_kafka_DeleteRecords_result_offsets(result))
                .filter(|element| element.code != Code::OK);
            let refused =
                refused.map(|element| (element.topic.to_owned(), element.partition, Fault::of(element.code)));
            Ok(refused.collect())
        }
    }

    /// What is allowed with a group; `None` if the broker does not tell.
    pub(in super::super) fn group_operations(
        self: &Rc<Self>,
        group: &str,
        ms: u64,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let asked = Asked::new(self);
        self.send_describe_group(group, true, &asked);
        let answer = asked.answer(ms)?;
        // SAFETY: the description lives as long as the answer, and its list is as long as it says.
        unsafe {
            let described = answer.group()?;
            let mut count = 0;
            let first = rd_kafka_ConsumerGroupDescription_authorized_operations(described, &mut count);
            Ok(operations(first, count))
        }
    }

    /// The members of a group; see [`Answer::members`].
    pub(in super::super) fn group_members(
        self: &Rc<Self>,
        group: &str,
        ms: u64,
    ) -> Result<Vec<DescribedMember>, Fault> {
        let asked = Asked::new(self);
        self.send_describe_group(group, false, &asked);
        asked.answer(ms)?.members()
    }

    /// The question of both; `operations`: also what is allowed with it.
    pub(super) fn send_describe_group(&self, group: &str, operations: bool, asked: &Asked) {
        let group = c_string(group);
        let mut groups = [group.as_ptr()];
        let of = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
        let options = Options::new(self, of, OF_GROUPS_MS);
        // SAFETY: one name, which is copied, as are the options of this request.
        unsafe {
            if operations {
                with_operations(&options);
            }
            let (first, count) = (groups.as_mut_ptr(), groups.len());
            rd_kafka_DescribeConsumerGroups(self.raw(), first, count, options.as_ptr(), asked.queue());
        }
    }

    /// What is allowed with the cluster; `None` if the broker does not tell.
    pub(in super::super) fn cluster_operations(self: &Rc<Self>, ms: u64) -> Result<Option<Vec<u8>>, Fault> {
        let options = Options::new(self, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, ms);
        let asked = Asked::new(self);
        // SAFETY: living client, options and queue.
        unsafe {
            with_operations(&options);
            rd_kafka_DescribeCluster(self.raw(), options.as_ptr(), asked.queue());
        }
        let answer = asked.answer(ms)?;
        // SAFETY: the result lives as long as the answer.
        unsafe {
            let result = result(&answer, rd_kafka_event_DescribeCluster_result)?;
            let mut count = 0;
            let first = rd_kafka_DescribeCluster_result_authorized_operations(result, &mut count);
            Ok(operations(first, count))
        }
    }
}

impl Answer {
    /// The topics that were asked about, each by itself.
    pub(in super::super) fn topics(&self) -> Result<Vec<Result<Described, Fault>>, Fault> {
        // SAFETY: the result lives as long as the answer, and has as many elements as it says.
        unsafe {
            let result = result(self, rd_kafka_event_DescribeTopics_result)?;
            let mut count = 0;
            let first = rd_kafka_DescribeTopics_result_topics(result, &mut count);
            Ok((0..count).map(|at| described(*first.add(at))).collect())
        }
    }

    /// The members of the group that was asked about.
    pub(in super::super) fn members(&self) -> Result<Vec<DescribedMember>, Fault> {
        // SAFETY: the description lives as long as the answer, and has as many members as it says, which belong to it,
        // as do their words.
        unsafe {
            let described = self.group()?;
            let count = rd_kafka_ConsumerGroupDescription_member_count(described);
            let member = |at: usize| {
                let member = rd_kafka_ConsumerGroupDescription_member(described, at);
                let assignment = rd_kafka_MemberDescription_assignment(member);
                let assigned = elements(rd_kafka_MemberAssignment_partitions(assignment));
                DescribedMember {
                    client_id: text(rd_kafka_MemberDescription_client_id(member)),
                    host: text(rd_kafka_MemberDescription_host(member)),
                    assigned: assigned.map(|place| (place.topic.to_owned(), place.partition)).collect(),
                }
            };
            Ok((0..count).map(member).collect())
        }
    }

    /// The group that was asked about. It lives as long as the answer.
    fn group(&self) -> Result<*const rd_kafka_ConsumerGroupDescription_t, Fault> {
        // SAFETY: the result lives as long as the answer, and has as many elements as it says.
        unsafe {
            let result = result(self, rd_kafka_event_DescribeConsumerGroups_result)?;
            let mut count = 0;
            let first = rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
            if count == 0 {
                return Err(Fault::none());
            }
            no_error(rd_kafka_ConsumerGroupDescription_error(*first))?;
            Ok(*first)
        }
    }

    /// The settings that were asked for, of each topic or broker by itself.
    pub(in super::super) fn settings(&self) -> Result<Vec<Result<Settings, Fault>>, Fault> {
        // SAFETY: the result lives as long as the answer, and has as many elements as it says, as has each of them.
        unsafe {
            let result = result(self, rd_kafka_event_DescribeConfigs_result)?;
            let mut count = 0;
            let first = rd_kafka_DescribeConfigs_result_resources(result, &mut count);
            let settings = |at: usize| {
                let resource = *first.add(at);
                Fault::check(rd_kafka_ConfigResource_error(resource))?;
                let mut count = 0;
                let first = rd_kafka_ConfigResource_configs(resource, &mut count);
                let entry = |at: usize| {
                    let entry = *first.add(at);
                    (text(rd_kafka_ConfigEntry_name(entry)), text(rd_kafka_ConfigEntry_value(entry)))
                };
                Ok((0..count).map(entry).collect())
            };
            Ok((0..count).map(settings).collect())
        }
    }
}

/// The result of an answer.
fn result<T>(
    answer: &Answer,
    of: unsafe extern "C" fn(*mut rdkafka::bindings::rd_kafka_event_t) -> *const T,
) -> Result<*const T, Fault> {
    // SAFETY: a living event; null if it is of another kind.
    let result = unsafe { of(answer.as_ptr()) };
    if result.is_null() { Err(Fault::none()) } else { Ok(result) }
}

/// One answer for each question, or none at all.
fn all<Q, A>(questions: &[Q], answers: Vec<A>) -> Result<Vec<A>, Fault> {
    if questions.len() == answers.len() { Ok(answers) } else { Err(Fault::none()) }
}

/// # Safety
/// The options must be of a request that has this one.
unsafe fn with_operations(options: &Options) {
    // SAFETY: living options; the error is ours, and says at most that this request does not have the option.
    unsafe { drop(Fault::take(rd_kafka_AdminOptions_set_include_authorized_operations(options.as_ptr(), 1))) }
}

/// # Safety
/// The description must live.
unsafe fn described(topic: *const rd_kafka_TopicDescription_t) -> Result<Described, Fault> {
    // SAFETY: the caller's promise; what is asked for belongs to it, and lists are as long as they say.
    unsafe {
        no_error(rd_kafka_TopicDescription_error(topic))?;
        let id = rd_kafka_TopicDescription_topic_id(topic);
        let id = match id.is_null() {
            true => 0,
            false => {
                let most = rd_kafka_Uuid_most_significant_bits(id).cast_unsigned();
                let least = rd_kafka_Uuid_least_significant_bits(id).cast_unsigned();
                u128::from(most) << 64 | u128::from(least)
            }
        };
        let mut count = 0;
        let first = rd_kafka_TopicDescription_partitions(topic, &mut count);
        let partition = |at: usize| {
            let partition = *first.add(at);
            let mut replicas = 0;
            rd_kafka_TopicPartitionInfo_replicas(partition, &mut replicas);
            DescribedPartition {
                number: rd_kafka_TopicPartitionInfo_partition(partition).cast_unsigned(),
                has_leader: !rd_kafka_TopicPartitionInfo_leader(partition).is_null(),
                replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
            }
        };
        let partitions = (0..count).map(partition).collect();
        let mut count = 0;
        let first = rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        Ok(Described { id, partitions, operations: operations(first, count) })
    }
}

/// # Safety
/// As many operations must stand there.
unsafe fn operations(first: *const rd_kafka_AclOperation_t, count: usize) -> Option<Vec<u8>> {
    if first.is_null() {
        return None;
    }
    // SAFETY: the caller's promise. Read as the number it is in C: a broker may know more of them than the bindings.
    let number = |at: usize| unsafe { first.add(at).cast::<c_int>().read() };
    Some((0..count).filter_map(|at| u8::try_from(number(at)).ok()).collect())
}

/// # Safety
/// The error must be null or live.
unsafe fn no_error(error: *const rd_kafka_error_t) -> Result<(), Fault> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    match unsafe { Fault::copy(error) } {
        fault if fault.code == Code::OK => Ok(()),
        fault => Err(fault),
    }
}

/// A request for a topic.
struct NewTopic(NonNull<rd_kafka_NewTopic_t>);

impl NewTopic {
    fn new(topic: &ToMake<'_>) -> Result<NewTopic, Fault> {
        const INVALID: Code = Code(-186);
        let (name, partitions) =
            (c_string(topic.name), c_int::try_from(topic.partitions).unwrap_or(c_int::MAX));
        let mut words = [0; 512];
        // SAFETY: the name is copied, the buffer has the size it says and ends with zero.
        let raw = unsafe {
            let (first, size) = (words.as_mut_ptr(), words.len());
            rd_kafka_NewTopic_new(name.as_ptr(), partitions, topic.replicas, first, size)
        };
        // SAFETY: written by the library, with a zero at the end.
        let refused = || Fault { text: unsafe { text(words.as_ptr()) }, ..Fault::of(INVALID) };
        let new = NewTopic(NonNull::new(raw).ok_or_else(refused)?);
        for (name, value) in topic.settings {
            let (name, value) = (c_string(name), c_string(value));
            // SAFETY: a living request; both are copied.
            Fault::check(unsafe {
                rd_kafka_NewTopic_set_config(new.0.as_ptr(), name.as_ptr(), value.as_ptr())
            })?;
        }
        Ok(new)
    }
}

impl Drop for NewTopic {
    fn drop(&mut self) {
        // SAFETY: ours; requests copy it.
        unsafe { rd_kafka_NewTopic_destroy(self.0.as_ptr()) }
    }
}
