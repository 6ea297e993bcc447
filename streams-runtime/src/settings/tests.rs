//! What comes of settings, and the exact words for those that are wrong.

mod ours;

use super::properties::{canonical, clients};
use super::*;
use crate::Builder;
use expect_test::{Expect, expect};
use std::ffi::OsString;
use std::time::Duration;

/// A build with Kafka, and a librdkafka that knows the listed names and refuses the value `refused`.
fn build() -> Build {
    let judge = |name: &str, value: &str| match clients(canonical(name)) {
        None => Verdict::Unknown,
        Some(_) if value == "refused" => Verdict::Refused(format!("Invalid value for {name}")),
        Some(_) if value == "tls" => Verdict::Refused("not supported in this build".to_owned()),
        Some(_) => Verdict::Fine,
    };
    Build { kafka: true, tls: false, judge }
}

fn variables(said: &[(&str, &str)]) -> Vec<(String, OsString)> {
    said.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect()
}

fn sources(code: &[(&str, &str)], file: &str, environment: &[(&str, &str)]) -> Sources {
    let mut given = Given::default();
    code.iter().for_each(|(name, value)| given.say(name, value));
    given.file = (!file.is_empty()).then(|| "app.properties".into());
    Sources::of(&given, &variables(environment), |_| Ok(file.to_owned()))
}

fn settings(code: &[(&str, &str)], file: &str, environment: &[(&str, &str)]) -> Settings {
    resolve(&sources(code, file, environment), &build()).unwrap()
}

fn wrong_in(sources: &Sources, expected: Expect) {
    expected.assert_eq(&resolve(sources, &build()).unwrap_err().to_string());
}

/// The words for settings in code.
fn wrong(code: &[(&str, &str)], expected: Expect) {
    wrong_in(&sources(code, "", &[]), expected);
}

fn property<'a>(properties: &'a [(String, String)], name: &str) -> Option<&'a str> {
    properties.iter().find(|(property, _)| property == name).map(|(_, value)| value.as_str())
}

#[test]
fn nothing_said_is_exactly_once_on_the_in_process_log() {
    expect![[r#"
        Settings {
            brokers: None,
            guarantee: ExactlyOnce,
            commit_interval_ms: 100,
            threads: 1,
            state_dir: None,
            unreadable: Refuse,
            cleanup_delay_ms: 600000,
            memory_bytes: 268435456,
            replication: None,
            patience_ms: 60000,
            leave_on_close: false,
            topics: [],
            clients: ClientSettings {
                brokers: "",
                common: {},
                consumer: {},
                producer: {
                    "transaction.timeout.ms": "10000",
                },
                admin: {},
            },
        }
    "#]]
    .assert_debug_eq(&settings(&[], "", &[]));
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_code() {
    let name = "commit.interval.ms";
    let code = &[(name, "1")];
    let file = "commit.interval.ms = 2";
    let environment = &[("STREAMS_COMMIT_INTERVAL_MS", "3")];
    assert_eq!(settings(code, "", &[]).commit_interval_ms, 1);
    assert_eq!(settings(code, file, &[]).commit_interval_ms, 2);
    assert_eq!(settings(code, file, environment).commit_interval_ms, 3);
    assert_eq!(settings(code, "", environment).commit_interval_ms, 3);
    assert_eq!(settings(&[], "", environment).commit_interval_ms, 3);
}

#[test]
fn only_the_value_that_counts_is_judged() {
    assert_eq!(settings(&[("num.stream.threads", "many")], "num.stream.threads=2", &[]).threads, 2);
}

#[test]
fn the_environment_names_another_file_not_a_second_one() {
    let given = Given { file: Some("code.properties".into()), ..Given::default() };
    let sources = Sources::of(&given, &variables(&[("STREAMS_SETTINGS", "/etc/app")]), |path| {
        assert_eq!(path, std::path::Path::new("/etc/app"));
        Ok("num.stream.threads = 3".to_owned())
    });
    assert_eq!(resolve(&sources, &build()).unwrap().threads, 3);
}

#[test]
fn a_file_is_lines_of_name_and_value() {
    let file = "\u{feff}# brokers of the test cluster\n\n  bootstrap.servers=a:9092, b:9092 \n! old comment\n\
                producer.linger.ms = 20\r\nsasl.password = a=b # c\n";
    let settings = settings(&[], file, &[]);
    assert_eq!(settings.brokers.as_deref(), Some("a:9092,b:9092"));
    assert_eq!(settings.clients.brokers, "a:9092,b:9092");
    assert_eq!(property(&settings.clients.producer, "linger.ms"), Some("20"));
    assert_eq!(property(&settings.clients.common, "sasl.password"), Some("a=b # c"));
}

#[test]
fn properties_go_to_the_clients_they_are_for() {
    let said = [
        ("socket.keepalive.enable", "true"),
        ("consumer.socket.keepalive.enable", "false"),
        ("linger.ms", "5"),
        ("fetch.min.bytes", "7"),
        ("admin.socket.timeout.ms", "9"),
        ("topic.min.insync.replicas", "2"),
        ("topic.metadata.refresh.interval.ms", "1000"),
    ];
    let settings = settings(&said, "", &[]);
    let clients = &settings.clients;
    assert_eq!(property(&clients.common, "socket.keepalive.enable"), Some("true"));
    assert_eq!(property(&clients.common, "topic.metadata.refresh.interval.ms"), Some("1000"));
    assert_eq!(property(&clients.consumer, "socket.keepalive.enable"), Some("false"));
    assert_eq!(property(&clients.consumer, "fetch.min.bytes"), Some("7"));
    assert_eq!(property(&clients.producer, "linger.ms"), Some("5"));
    assert_eq!(property(&clients.admin, "socket.timeout.ms"), Some("9"));
    assert_eq!(settings.topics, [("min.insync.replicas".to_owned(), "2".to_owned())]);
    let count = |properties: &[(String, String)]| properties.len();
    assert_eq!((count(&clients.common), count(&clients.consumer)), (2, 2));
    assert_eq!((count(&clients.producer), count(&clients.admin)), (2, 1));
}

#[test]
fn a_prefix_wins_wherever_it_was_said() {
    let settings = settings(&[("producer.linger.ms", "1")], "", &[("STREAMS_LINGER_MS", "2")]);
    assert_eq!(property(&settings.clients.producer, "linger.ms"), Some("1"));
}

#[test]
fn a_property_has_one_name_whatever_it_was_called() {
    let settings = settings(&[("producer.queue.buffering.max.ms", "1")], "producer.linger.ms=2", &[]);
    assert_eq!(property(&settings.clients.producer, "linger.ms"), Some("2"));
    assert_eq!(settings.clients.producer.len(), 2);
}

#[test]
fn values_that_change_nothing_are_allowed() {
    let said = [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("consumer.isolation.level", "read_committed"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("replication.factor", "-1"),
        ("enable.auto.commit", "false"),
        ("group.protocol", "consumer"),
    ];
    assert_eq!(settings(&said, "", &[]).replication, None);
}

#[test]
fn the_builder_says_the_same_names() {
    let builder = Builder::new(crate::Topology::of("App", &[]), "app")
        .brokers("b:9092")
        .guarantee(Guarantee::AtLeastOnce)
        .commit_interval(Duration::from_secs(1))
        .threads(2)
        .threads(3)
        .memory(64 << 20)
        .state_dir("/var/lib/app")
        .property("producer.linger.ms", "20");
    let settings = resolve(&Sources::of(&builder.settings, &[], |_| unreachable!()), &build()).unwrap();
    assert_eq!(settings.brokers.as_deref(), Some("b:9092"));
    assert_eq!(settings.guarantee, Guarantee::AtLeastOnce);
    assert_eq!((settings.commit_interval_ms, settings.threads), (1000, 3));
    assert_eq!(settings.memory_bytes, 64 << 20);
    assert_eq!(settings.state_dir.as_deref(), Some(std::path::Path::new("/var/lib/app")));
    assert_eq!(property(&settings.clients.producer, "linger.ms"), Some("20"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let sources = sources(
        &[("commit.interval.ms", "soon"), ("consumer.isolation.level", "read_uncommitted")],
        "num.stream.threads = 0\nproducer.lingerms = 5\nprocessing guarantee\n",
        &[
            ("STREAMS_BOOTSTRAP_SERVER", "b:9092"),
            ("STREAMS_PROCESSING_GUARANTEE", "twice"),
            ("PATH", "/bin"),
        ],
    );
    wrong_in(
        &sources,
        expect![[r#"
            some settings are wrong:
              `commit.interval.ms = soon` in the code: it is not a whole number
                help: write a whole number of milliseconds from 0 to 86400000
              `consumer.isolation.level = read_uncommitted` in the code: nobody may change it: records of transactions that were taken back would be processed
                help: remove it
              `num.stream.threads = 0` in `app.properties`, line 1: it is out of range
                help: write a whole number from 1 to 1024
              `producer.lingerms = 5` in `app.properties`, line 2: there is no such setting
                help: is `producer.linger.ms` meant?
              `processing guarantee` in `app.properties`, line 3: not a setting
                help: write `name = value`, or `#` before a comment
              `bootstrap.server = b:9092` in the environment, `STREAMS_BOOTSTRAP_SERVER`: there is no such setting
                help: is `STREAMS_BOOTSTRAP_SERVERS` meant (`bootstrap.servers`)?
              `processing.guarantee = twice` in the environment, `STREAMS_PROCESSING_GUARANTEE`: there is no such guarantee
                help: write `exactly_once_v2` or `at_least_once`"#]],
    );
}

#[test]
fn names() {
    wrong(
        &[
            ("banana", "1"),
            ("comit.interval.ms", "1"),
            ("application.id", "x"),
            ("default.key.serde", "x"),
            ("consumer.max.poll.records", "1"),
            ("main.consumer.fetch.min.bytes", "1"),
            ("producer.fetch.min.bytes", "1"),
            ("consumer.linger.ms", "1"),
            ("admin.linger.ms", "1"),
            ("admin.default.api.timeout.ms", "1"),
            ("producer.bootstrap.servers", "b:9092"),
            ("ssl.truststore.location", "x"),
            ("sasl.pasword", "hunter2"),
            ("topic.", "1"),
        ],
        expect![[r#"
            some settings are wrong:
              `banana = 1` in the code: there is no such setting
                help: see `docs/settings.md` for ours and librdkafka's `CONFIGURATION.md` for those of its clients
              `comit.interval.ms = 1` in the code: there is no such setting
                help: is `commit.interval.ms` meant?
              `application.id = x` in the code: there is no such setting here
                help: give the id where the application is built: `App::builder("…")`
              `default.key.serde = x` in the code: there is no such setting here
                help: remove it; formats are types: `#[topic(key = String, value = Json<Order>)]`
              `consumer.max.poll.records = 1` in the code: there is no such setting here
                help: remove it; `memory.max.bytes` bounds the records that wait to be processed, and `consumer.queued.max.messages.kbytes` those that are fetched ahead of them
              `main.consumer.fetch.min.bytes = 1` in the code: there is no `main.consumer.` here: all consumers of an application are alike
                help: write `consumer.fetch.min.bytes`
              `producer.fetch.min.bytes = 1` in the code: it is a property of a consumer
                help: write `consumer.fetch.min.bytes`
              `consumer.linger.ms = 1` in the code: it is a property of a producer
                help: write `producer.linger.ms`
              `admin.linger.ms = 1` in the code: it is a property of a producer
                help: write `producer.linger.ms`
              `admin.default.api.timeout.ms = 1` in the code: `default.api.timeout.ms` is not a property of one kind of client
                help: write `default.api.timeout.ms`
              `ssl.truststore.location = x` in the code: there is no such setting here
                help: librdkafka has `ssl.ca.location`: a file of certificates in PEM form
              `sasl.pasword = …` in the code: there is no such setting
                help: is `sasl.password` meant?
              `topic. = 1` in the code: there is no such setting
                help: see `docs/settings.md` for ours and librdkafka's `CONFIGURATION.md` for those of its clients
              `producer.bootstrap.servers = b:9092` in the code: nobody may change it: all clients of an application talk to one cluster
                help: write `bootstrap.servers`, without a prefix"#]],
    );
}

#[test]
fn values_of_ours() {
    wrong(
        &[
            ("processing.guarantee", "exactly_once"),
            ("commit.interval.ms", "-1"),
            ("num.stream.threads", "4096"),
            ("memory.max.bytes", "64m"),
            ("default.api.timeout.ms", "99999999999999999999"),
            ("replication.factor", "0"),
            ("state.dir", ""),
        ],
        expect![[r#"
            some settings are wrong:
              `processing.guarantee = exactly_once` in the code: that way of keeping the promise is no more
                help: write `exactly_once_v2`
              `commit.interval.ms = -1` in the code: it is out of range
                help: write a whole number of milliseconds from 0 to 86400000
              `num.stream.threads = 4096` in the code: it is out of range
                help: write a whole number from 1 to 1024
              `default.api.timeout.ms = 99999999999999999999` in the code: it is out of range
                help: write a whole number of milliseconds from 1000 to 3600000
              `memory.max.bytes = 64m` in the code: it is not a whole number
                help: write a whole number of bytes from 16777216 to 1099511627776
              `state.dir = ` in the code: it has no value
                help: remove it, or give it a value
              `replication.factor = 0` in the code: it is out of range
                help: write a whole number from 1 to 1000, or -1 to leave it to the brokers"#]],
    );
}

#[test]
fn memory_is_said_anywhere_and_has_a_floor() {
    let memory = |said: &str, file: &str, environment: &[(&str, &str)]| {
        settings(&[("memory.max.bytes", said)], file, environment).memory_bytes
    };
    assert_eq!(memory("16777216", "", &[]), 16 << 20);
    assert_eq!(memory("16777216", "memory.max.bytes = 33554432", &[]), 32 << 20);
    let variable = [("STREAMS_MEMORY_MAX_BYTES", "67108864")];
    assert_eq!(memory("16777216", "memory.max.bytes = 33554432", &variable), 64 << 20);
    wrong(
        &[("memory.max.bytes", "16777215")],
        expect![[r#"
        a setting is wrong:
          `memory.max.bytes = 16777215` in the code: it is out of range
            help: write a whole number of bytes from 16777216 to 1099511627776"#]],
    );
}

#[test]
fn addresses() {
    for fine in ["b", "b:9092", "a:1,b:2", "[::1]:9092", "PLAINTEXT://b:9092", "[::1]", "10.0.0.1:9092"] {
        assert!(settings(&[("bootstrap.servers", fine)], "", &[]).brokers.is_some(), "{fine}");
    }
    wrong(
        &[("bootstrap.servers", "b:http")],
        expect![[r#"
        a setting is wrong:
          `bootstrap.servers = b:http` in the code: `b:http` has no port that could be one
            help: write `host:port`, and commas between several"#]],
    );
    wrong(
        &[("bootstrap.servers", "http://b:9092")],
        expect![[r#"
        a setting is wrong:
          `bootstrap.servers = http://b:9092` in the code: `http://` is not how brokers are spoken to
            help: write `host:port`, and commas between several"#]],
    );
    wrong(
        &[("bootstrap.servers", "a:1,,b:2")],
        expect![[r#"
        a setting is wrong:
          `bootstrap.servers = a:1,,b:2` in the code: there is a comma too many
            help: write `host:port`, and commas between several"#]],
    );
    wrong(
        &[("bootstrap.servers", ":9092")],
        expect![[r#"
        a setting is wrong:
          `bootstrap.servers = :9092` in the code: `:9092` names no host
            help: write `host:port`, and commas between several"#]],
    );
}

#[test]
fn what_nobody_may_change() {
    wrong(
        &[
            ("consumer.group.id", "x"),
            ("consumer.group.instance.id", "x"),
            ("producer.transactional.id", "x"),
            ("client.id", "x"),
            ("consumer.enable.auto.commit", "true"),
            ("consumer.auto.commit.interval.ms", "5000"),
            ("consumer.auto.offset.reset", "latest"),
            ("consumer.enable.partition.eof", "false"),
            ("partition.assignment.strategy", "range"),
            ("group.protocol", "streams"),
            ("group.remote.assignor", "range"),
            ("enable.idempotence", "false"),
            ("producer.acks", "1"),
            ("producer.request.required.acks", "0"),
            ("partitioner", "random"),
            ("topic.cleanup.policy", "delete"),
            ("topic.retention.ms", "1"),
        ],
        expect![[r#"
            some settings are wrong:
              `producer.request.required.acks = 0` in the code: the same as `producer.acks` in the code
                help: keep one of them
              `topic.cleanup.policy = delete` in the code: nobody may change it: a changelog is compacted, a repartition topic is not
                help: remove it
              `topic.retention.ms = 1` in the code: nobody may change it: a changelog of windows keeps them as long as its store, and nothing else may be lost by age
                help: remove it; `retention = ..` in `#[window(..)]` says how long windows are kept
              `client.id = x` in the code: nobody may change it: it tells the other members of the group which topics are read together
                help: remove it
              `enable.idempotence = false` in the code: nobody may change it: records could be written twice, or in another order
                help: remove it
              `group.protocol = streams` in the code: nobody may change it: there are two protocols of consumers
                help: write `classic`, or `consumer` on brokers from 4.0 on
              `group.remote.assignor = range` in the code: nobody may change it: more partitions than necessary would move at each rebalance
                help: remove it
              `partition.assignment.strategy = range` in the code: nobody may change it: everything would stop at each rebalance
                help: remove it
              `partitioner = random` in the code: nobody may change it: a record's partition follows from its key, as Kafka Streams', or a join would miss it
                help: remove it
              `consumer.auto.commit.interval.ms = 5000` in the code: nobody may change it: offsets are committed together with what was made of the records
                help: `commit.interval.ms` says how often
              `consumer.auto.offset.reset = latest` in the code: nobody may change it: an input that was never read is read from its start; where it was, committed offsets say, and if they are gone, going on elsewhere would lose or repeat records
                help: remove it
              `consumer.enable.auto.commit = true` in the code: nobody may change it: offsets are committed together with what was made of the records; committed by a clock, records would be lost
                help: remove it
              `consumer.enable.partition.eof = false` in the code: nobody may change it: a task could not tell an empty input from a slow one
                help: remove it
              `consumer.group.id = x` in the code: nobody may change it: the group is called as the application
                help: remove it; the id is given where the application is built: `App::builder("…")`
              `consumer.group.instance.id = x` in the code: nobody may change it: each worker has its own, which it keeps beside its state
                help: remove it
              `producer.request.required.acks = 0` in the code: nobody may change it: a record would count as written before it is safe
                help: remove it
              `producer.transactional.id = x` in the code: nobody may change it: each worker has its own; two with one id would fence each other
                help: remove it"#]],
    );
}

#[test]
fn values_of_properties() {
    wrong(
        &[
            ("producer.compression.type", "refused"),
            ("sasl.password", "refused"),
            ("security.protocol", "SASL_SSL"),
            ("ssl.ca.location", "tls"),
            ("max.in.flight", "6"),
            ("retries", "0"),
            ("socket.timeout.ms", ""),
        ],
        expect![[r#"
            some settings are wrong:
              `max.in.flight = 6` in the code: more than five may arrive in another order
                help: write at most 5
              `retries = 0` in the code: a record whose first attempt fails would be lost
                help: remove it; `delivery.timeout.ms` says how long is tried
              `sasl.password = …` in the code: librdkafka does not take it (…)
                help: its values stand in librdkafka's `CONFIGURATION.md`
              `security.protocol = SASL_SSL` in the code: this program was built without TLS and SASL
                help: build it with the feature `tls` of `streams-runtime`
              `socket.timeout.ms = ` in the code: it has no value
                help: remove it, or give it a value
              `ssl.ca.location = tls` in the code: this program was built without TLS and SASL
                help: build it with the feature `tls` of `streams-runtime`
              `producer.compression.type = refused` in the code: librdkafka does not take it (Invalid value for compression.type)
                help: its values stand in librdkafka's `CONFIGURATION.md`"#]],
    );
}

#[test]
fn a_transaction_outlasts_the_commit_interval() {
    wrong(
        &[("commit.interval.ms", "10000")],
        expect![[r#"
            a setting is wrong:
              `commit.interval.ms = 10000` in the code: a transaction would be open for 10000 ms, and the broker takes it back after 10000 ms (`producer.transaction.timeout.ms`)
                help: commit more often, or give transactions more time"#]],
    );
    wrong(
        &[("producer.transaction.timeout.ms", "50")],
        expect![[r#"
            a setting is wrong:
              `producer.transaction.timeout.ms = 50` in the code: a transaction would be open for 100 ms, and the broker takes it back after 50 ms (`producer.transaction.timeout.ms`)
                help: commit more often, or give transactions more time"#]],
    );
    let said = [("commit.interval.ms", "10000"), ("transaction.timeout.ms", "20000")];
    assert_eq!(settings(&said, "", &[]).commit_interval_ms, 10_000);
    let said = [("commit.interval.ms", "10000"), ("processing.guarantee", "at_least_once")];
    assert_eq!(settings(&said, "", &[]).commit_interval_ms, 10_000);
}

#[test]
fn times_that_do_not_go_together() {
    wrong(
        &[("producer.delivery.timeout.ms", "60000"), ("consumer.max.poll.interval.ms", "30000")],
        expect![[r#"
            some settings are wrong:
              `producer.delivery.timeout.ms = 60000` in the code: no record can take longer than its transaction, which the broker takes back after 10000 ms (`producer.transaction.timeout.ms`)
                help: remove it, or give transactions more time
              `consumer.max.poll.interval.ms = 30000` in the code: a session of 45000 ms (`consumer.session.timeout.ms`) would outlast the 30000 ms within which a member must show up (`consumer.max.poll.interval.ms`)
                help: make the session the shorter one"#]],
    );
}

#[test]
fn one_place_says_a_thing_once() {
    let file = "linger.ms=1\nlinger.ms=2\nproducer.queue.buffering.max.ms=1\nproducer.linger.ms=2\n";
    wrong_in(
        &sources(&[], file, &[]),
        expect![[r#"
        some settings are wrong:
          `linger.ms = 2` in `app.properties`, line 2: said twice, first in `app.properties`, line 1
            help: keep one of them
          `producer.linger.ms = 2` in `app.properties`, line 4: the same as `producer.queue.buffering.max.ms` in `app.properties`, line 3
            help: keep one of them"#]],
    );
}

#[test]
fn lines_that_are_no_settings() {
    let file = "just words\n= 5\nsasl.password = begun \\\n  continued\n";
    wrong_in(
        &sources(&[], file, &[]),
        expect![[r#"
        some settings are wrong:
          `just words` in `app.properties`, line 1: not a setting
            help: write `name = value`, or `#` before a comment
          `= 5` in `app.properties`, line 2: not a setting
            help: write `name = value`, or `#` before a comment
          `sasl.password = …` in `app.properties`, line 3: a value ends with its line, and this one ends with `\`
            help: write it into one line
          `continued` in `app.properties`, line 4: not a setting
            help: write `name = value`, or `#` before a comment"#]],
    );
}

#[test]
fn an_empty_variable() {
    wrong_in(
        &sources(&[], "", &[("STREAMS_BOOTSTRAP_SERVERS", "")]),
        expect![[r#"
        a setting is wrong:
          `bootstrap.servers = ` in the environment, `STREAMS_BOOTSTRAP_SERVERS`: it has no value
            help: unset the variable, or give it a value"#]],
    );
}

#[test]
fn a_file_that_is_not_there() {
    let sources = Sources::of(&Given::default(), &variables(&[("STREAMS_SETTINGS", "/etc/ap")]), |_| {
        Err(std::io::Error::from(std::io::ErrorKind::NotFound))
    });
    wrong_in(
        &sources,
        expect![[r#"
        a setting is wrong:
          `/etc/ap` in the environment, `STREAMS_SETTINGS`: the file cannot be read (entity not found)
            help: name a file of `name = value` lines"#]],
    );
}

#[test]
fn brokers_need_the_feature() {
    let without = Build { kafka: false, ..build() };
    let error = resolve(&sources(&[("bootstrap.servers", "b:9092")], "", &[]), &without).unwrap_err();
    expect![[r#"
        a setting is wrong:
          `bootstrap.servers = b:9092` in the code: this program was built without Kafka
            help: build it with the feature `kafka` of `streams-runtime`, or remove it to run on the in-process log"#]].assert_eq(&error.to_string());
}

#[cfg(unix)]
#[test]
fn a_path_may_be_anything_a_text_is_utf_8() {
    use std::os::unix::ffi::OsStringExt;

    let odd = || OsString::from_vec(b"/var/\xff".to_vec());
    let say = |name: &str| {
        let mut given = Given::default();
        given.say(name, odd());
        resolve(&Sources::of(&given, &[], |_| unreachable!()), &build())
    };
    assert_eq!(say("state.dir").unwrap().state_dir, Some(odd().into()));
    expect![[r#"
        a setting is wrong:
          `bootstrap.servers = /var/�` in the code: it is not text in UTF-8
            help: write it in UTF-8"#]]
    .assert_eq(&say("bootstrap.servers").unwrap_err().to_string());
}

#[cfg(feature = "kafka")]
#[test]
fn librdkafka_judges_values_and_knows_more_names() {
    let this = |said: &[(&str, &str)]| resolve(&sources(said, "", &[]), &Build::this());
    assert!(this(&[("socket.blocking.max.ms", "10")]).is_ok());
    assert!(this(&[("producer.compression.type", "zstd"), ("security.protocol", "PLAINTEXT")]).is_ok());
    let error = this(&[
        ("producer.linger.ms", "1000000000"),
        ("producer.compression.type", "rar"),
        ("consumer.dr_cb", "x"),
        ("producer.lingerms", "1"),
    ]);
    expect![[r#"
        some settings are wrong:
          `producer.lingerms = 1` in the code: there is no such setting
            help: is `producer.linger.ms` meant?
          `consumer.dr_cb = x` in the code: nobody may change it: it belongs to the runtime
            help: remove it
          `producer.compression.type = rar` in the code: librdkafka does not take it (Invalid value "rar" for configuration property "compression.codec")
            help: its values stand in librdkafka's `CONFIGURATION.md`
          `producer.linger.ms = 1000000000` in the code: librdkafka does not take it (Configuration property "queue.buffering.max.ms" value 1e+09 is outside allowed range 0..900000)
            help: its values stand in librdkafka's `CONFIGURATION.md`"#]].assert_eq(&error.unwrap_err().to_string());
}
