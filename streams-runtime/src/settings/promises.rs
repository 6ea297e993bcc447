//! Properties of librdkafka that nobody may change, because a promise rests on them.
//!
//! Knows each of them, why it is as it is, and what to do instead. Does not know who said what.

/// What may be said for a property.
pub(super) struct Promise {
    /// Values that change nothing; none: the name itself is taken.
    pub(super) allowed: &'static [&'static str],
    /// What another value would do.
    pub(super) why: &'static str,
    /// What to do instead.
    pub(super) cure: &'static str,
}

/// The promise that rests on a property, by its canonical name.
pub(super) fn about(property: &str) -> Option<Promise> {
    PROMISES.iter().find(|(names, ..)| names.contains(&property)).map(|&(_, allowed, why, cure)| Promise {
        allowed,
        why,
        cure,
    })
}

const REMOVE: &str = "remove it";
const OURS: &str = "it belongs to the runtime";

#[rustfmt::skip]
const PROMISES: &[(&[&str], &[&str], &str, &str)] = &[
    // Who a client is.
    (&["group.id"], &[], "the group is called as the application",
     "remove it; the id is given where the application is built: `App::builder(\"…\")`"),
    (&["group.instance.id"], &[], "each worker has its own, which it keeps beside its state", REMOVE),
    (&["transactional.id"], &[], "each worker has its own; two with one id would fence each other", REMOVE),
    (&["client.id"], &[], "it tells the other members of the group which topics are read together", REMOVE),
    (&["bootstrap.servers"], &[], "all clients of an application talk to one cluster",
     "write `bootstrap.servers`, without a prefix"),

    // What is read, and when it counts as read.
    (&["isolation.level"], &["read_committed"], "records of transactions that were taken back would be processed", REMOVE),
    (&["enable.auto.commit"], &["false"],
     "offsets are committed together with what was made of the records; committed by a clock, records would be lost", REMOVE),
    (&["auto.commit.interval.ms"], &[], "offsets are committed together with what was made of the records",
     "`commit.interval.ms` says how often"),
    (&["enable.auto.offset.store"], &["false"],
     "offsets are committed together with what was made of the records; stored when they are read, records would be lost", REMOVE),
    (&["auto.offset.reset"], &[],
     "an input that was never read is read from its start; where it was, committed offsets say, and if they are gone, \
      going on elsewhere would lose or repeat records", REMOVE),
    (&["enable.partition.eof"], &["true"], "a task could not tell an empty input from a slow one", REMOVE),
    (&["offset.store.method"], &["broker"], "offsets are committed to the brokers", REMOVE),
    (&["allow.auto.create.topics"], &["false"],
     "a misspelt topic would be created, with the wrong number of partitions", "create the topic; the start says which are missing"),
    (&["topic.blacklist"], &[], "an input without records looks like an empty one", REMOVE),

    // Who reads what.
    (&["partition.assignment.strategy"], &["cooperative-sticky"], "everything would stop at each rebalance", REMOVE),
    (&["group.protocol"], &["classic", "consumer"], "there are two protocols of consumers",
     "write `classic`, or `consumer` on brokers from 4.0 on"),
    (&["group.remote.assignor"], &["uniform"], "more partitions than necessary would move at each rebalance", REMOVE),
    (&["group.protocol.type"], &[], OURS, REMOVE),

    // What is written.
    (&["enable.idempotence"], &["true"], "records could be written twice, or in another order", REMOVE),
    (&["acks"], &["all", "-1"], "a record would count as written before it is safe", REMOVE),
    (&["queuing.strategy"], &["fifo"], "records would be written in another order", REMOVE),
    (&["partitioner"], &[], "a record's partition follows from its key, as Kafka Streams', or a join would miss it", REMOVE),
    (&["delivery.report.only.error"], &["false"], "nobody would know what arrived", REMOVE),

    // How librdkafka talks to the program.
    (&["enabled_events", "log.queue", "consume.callback.max.messages", "opaque", "default_topic_conf",
       "ssl_engine_callback_data", "error_cb", "throttle_cb", "stats_cb", "log_cb", "background_event_cb", "socket_cb",
       "connect_cb", "closesocket_cb", "open_cb", "resolve_cb", "ssl.certificate.verify_cb",
       "oauthbearer_token_refresh_cb", "consume_cb", "rebalance_cb", "offset_commit_cb", "dr_cb", "dr_msg_cb",
       "partitioner_cb", "msg_order_cmp"], &[], OURS, REMOVE),
];

/// Settings of internal topics that nobody may change, why, and what to do instead.
pub(super) fn about_topics(setting: &str) -> Option<(&'static str, &'static str)> {
    Some(match setting {
        "cleanup.policy" => ("a changelog is compacted, a repartition topic is not", REMOVE),
        "retention.ms" => (
            "a changelog of windows keeps them as long as its store, and nothing else may be lost by age",
            "remove it; `retention = ..` in `#[window(..)]` says how long windows are kept",
        ),
        "retention.bytes" => ("what was not read yet would be lost", REMOVE),
        "message.timestamp.type" => ("records keep their own time through a repartition", REMOVE),
        _ => return None,
    })
}
