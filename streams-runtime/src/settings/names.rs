//! The names of settings: ours, those of Kafka Streams that do not exist here, and the nearest to a misspelt one.
//!
//! Knows names. Does not know values.

use super::properties;

/// Some brokers.
pub(crate) const BROKERS: &str = "bootstrap.servers";
/// What is promised.
pub(crate) const GUARANTEE: &str = "processing.guarantee";
/// How often is committed.
pub(crate) const COMMIT_INTERVAL: &str = "commit.interval.ms";
/// How many workers there are.
pub(crate) const THREADS: &str = "num.stream.threads";
/// Where stores rest.
pub(crate) const STATE_DIR: &str = "state.dir";
/// What becomes of a store that cannot be used.
pub(crate) const UNREADABLE: &str = "state.unreadable";
/// For how long a store may not be here before it is deleted.
pub(super) const CLEANUP_DELAY: &str = "state.cleanup.delay.ms";
/// How many brokers keep an internal topic.
pub(super) const REPLICATION: &str = "replication.factor";
/// How long the start waits for brokers.
pub(super) const PATIENCE: &str = "default.api.timeout.ms";
/// How much memory records and rows may take.
pub(crate) const MEMORY: &str = "memory.max.bytes";
/// Whether a close gives up what a static member would find again.
pub(crate) const LEAVE: &str = "leave.group.on.close";

/// Ours; everything else goes to librdkafka or to internal topics.
pub(super) const OURS: [&str; 11] = [
    BROKERS,
    GUARANTEE,
    COMMIT_INTERVAL,
    THREADS,
    STATE_DIR,
    CLEANUP_DELAY,
    UNREADABLE,
    MEMORY,
    REPLICATION,
    PATIENCE,
    LEAVE,
];

/// What stands before the settings of internal topics.
pub(super) const TOPIC_PREFIX: &str = "topic.";

/// What to do instead, for a name that Kafka Streams or the Java client has and that does not exist here.
pub(super) fn elsewhere(name: &str) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(names, _)| names.contains(&name)).map(|(_, cure)| *cure)
}

#[rustfmt::skip]
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["application.id"], "give the id where the application is built: `App::builder(\"…\")`"),
    (&["default.key.serde", "default.value.serde", "default.list.key.serde.inner", "default.list.value.serde.inner",
       "default.windowed.key.serde.inner", "default.windowed.value.serde.inner", "windowed.inner.class.serde",
       "key.serializer", "value.serializer", "key.deserializer", "value.deserializer"],
     "remove it; formats are types: `#[topic(key = String, value = Json<Order>)]`"),
    (&["default.timestamp.extractor"], "write `timestamp = f` into `#[topic(..)]`"),
    (&["default.deserialization.exception.handler", "deserialization.exception.handler"],
     "write `decode = skip` into `#[topic(..)]`"),
    (&["processing.exception.handler"], "write `error = skip` where the step is"),
    (&["default.production.exception.handler", "production.exception.handler"],
     "write `encode = skip` into `#[topic(..)]`"),
    (&["topology.optimization"], "remove it; `repartition` stands where it is wanted, and nothing is added behind it"),
    (&["ensure.explicit.internal.resource.naming"], "remove it; every internal topic is named after a step or a store"),
    (&["num.standby.replicas", "acceptable.recovery.lag", "max.warmup.replicas", "probing.rebalance.interval.ms",
       "rack.aware.assignment.tags", "rack.aware.assignment.strategy", "task.assignor.class", "application.server"],
     "remove it; standbys and queries between instances are not built yet"),
    (&["statestore.cache.max.bytes", "cache.max.bytes.buffering"],
     "remove it; a table emits each update, and `memory.max.bytes` bounds the rows that are kept in memory"),
    (&["statestore.uncommitted.max.bytes"],
     "remove it; `memory.max.bytes` bounds the rows that are kept in memory, and commits early where it must"),
    (&["rocksdb.config.setter", "default.dsl.store", "dsl.store.suppliers.class",
       "allow.os.group.write.access"],
     "remove it; `state.dir` says where stores rest, `memory.max.bytes` how much memory they take"),
    (&["max.task.idle.ms"], "remove it; a task always waits until it knows what each of its inputs has next"),
    (&["buffered.records.per.partition", "input.buffer.max.bytes", "max.poll.records"],
     "remove it; `memory.max.bytes` bounds the records that wait to be processed, and \
      `consumer.queued.max.messages.kbytes` those that are fetched ahead of them"),
    (&["poll.ms", "task.timeout.ms", "upgrade.from", "processor.wrapper.class", "window.size.ms",
       "windowstore.changelog.additional.retention.ms", "repartition.purge.interval.ms", "log.summary.interval.ms"],
     "remove it; there is nothing to set"),
    (&["metric.reporters", "metrics.recording.level", "metrics.num.samples", "metrics.sample.window.ms",
       "built.in.metrics.version"],
     "remove it"),
    (&["fetch.max.wait.ms"], "librdkafka calls it `consumer.fetch.wait.max.ms`"),
    (&["max.request.size"], "librdkafka calls it `producer.message.max.bytes`"),
    (&["buffer.memory"], "librdkafka has `producer.queue.buffering.max.kbytes`, in KiB"),
    (&["max.block.ms"], "remove it; no call waits for room"),
    (&["receive.buffer.bytes"], "librdkafka calls it `socket.receive.buffer.bytes`"),
    (&["send.buffer.bytes"], "librdkafka calls it `socket.send.buffer.bytes`"),
    (&["sasl.jaas.config"], "librdkafka has `sasl.username` and `sasl.password`"),
    (&["ssl.truststore.location", "ssl.truststore.password", "ssl.truststore.type"],
     "librdkafka has `ssl.ca.location`: a file of certificates in PEM form"),
    (&["ssl.truststore.certificates"], "librdkafka calls it `ssl.ca.pem`"),
    (&["ssl.keystore.certificate.chain"], "librdkafka calls it `ssl.certificate.pem`"),
    (&["ssl.keystore.key"], "librdkafka calls it `ssl.key.pem`"),
    (&["ssl.keystore.type"], "remove it; librdkafka reads PKCS#12 from `ssl.keystore.location`, PEM from `ssl.key.location`"),
    (&["interceptor.classes"], "remove it; there are no interceptors"),
];

/// Prefixes of Kafka Streams for single consumers, which are all alike here.
pub(super) const JAVA_PREFIXES: [&str; 3] = ["main.consumer.", "restore.consumer.", "global.consumer."];

/// The known name that differs least, if it differs little.
pub(super) fn nearest(name: &str) -> Option<String> {
    let (prefix, rest) = split_prefix(name);
    let plain = properties::names().chain(OURS);
    let plain = plain.map(|known| (distance(rest, known), format!("{prefix}{known}")));
    // A misspelt prefix makes the whole name a plain one.
    let prefixed = ["consumer.", "producer.", "admin."].into_iter().flat_map(|prefix| {
        let known = properties::names().map(move |known| format!("{prefix}{known}"));
        known.filter(|_| prefix.len() < name.len()).map(|known| (distance(name, &known), known))
    });
    let (differs, best) = plain.chain(prefixed).min()?;
    (differs <= 2.max(rest.len() / 4)).then_some(best)
}

/// A prefix for one kind of client, and what stands behind it.
pub(super) fn split_prefix(name: &str) -> (&str, &str) {
    let prefixes = super::properties::Client::ALL.map(super::properties::Client::prefix);
    match prefixes.iter().find(|prefix| name.starts_with(**prefix)) {
        Some(prefix) => name.split_at(prefix.len()),
        None => ("", name),
    }
}

/// How many characters have to be added, taken away or replaced (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        for (written, meant) in [
            ("commit.intervall.ms", Some("commit.interval.ms")),
            ("commit.interval", Some("commit.interval.ms")),
            ("bootstrap.server", Some("bootstrap.servers")),
            ("consumer.fetch.min.byte", Some("consumer.fetch.min.bytes")),
            ("producers.linger.ms", Some("producer.linger.ms")),
            ("lingerms", Some("linger.ms")),
            ("password", None),
            ("banana", None),
        ] {
            assert_eq!(nearest(written).as_deref(), meant, "{written}");
        }
    }

    #[test]
    fn what_exists_is_not_elsewhere() {
        for (names, _) in ELSEWHERE {
            for name in *names {
                assert!(!OURS.contains(name) && properties::clients(name).is_none(), "{name}");
            }
        }
    }
}
