//! What is checked and made before the group is joined, on the in-process log and with brokers that misbehave.

use expect_test::{Expect, expect};
use std::collections::BTreeMap;
use std::mem;
use streams_runtime::prelude::*;
use streams_runtime::startup::{Started, Startup, StartupError};
use streams_runtime::topology::Plan;
use streams_runtime::transport::memory::{MemoryConsumer, MemoryLog, TopicSettings};
use streams_runtime::transport::topics::{
    Cluster, Creation, Found, GroupMember, MayWrite, NewTopic, Operations, Rights, TopicDescription, Topics,
    Unreached,
};
use streams_runtime::transport::{Consumer as _, Isolation, TopicPartition, TransportError};
use streams_runtime::worker::member_id;
use streams_runtime::{Guarantee, Topology};

#[topic(name = "orders", key = String, value = String, partitions = 4)]
struct Orders;
#[topic(name = "shops", key = String, value = Option<String>)]
struct ShopsTopic;
#[topic(name = "reports", key = String, value = String)]
struct Reports;
#[topic(name = "totals", key = TimeWindowed<String, 3_600_000>, value = i64)]
struct TotalsTopic;

#[processor(from = Orders, select_key, repartition)]
fn by_shop(order: &str) -> String {
    order[..1].to_owned()
}

#[ktable(store = "shops", from = ShopsTopic)]
struct Shops;

#[processor(from = by_shop, left_join = Shops, to = Reports)]
fn with_shop(order: &str, shop: Option<&str>) -> String {
    format!("{order} {shop:?}")
}

#[ktable(store = "totals", from = Orders, count, to = TotalsTopic)]
#[window(tumbling = "1h", grace = "5m")]
struct Totals;

topology!(App = [by_shop, Shops, with_shop, Totals]);

const REPARTITION: &str = "shop-by_shop-repartition";
const SHOPS: &str = "shop-shops-changelog";
const TOTALS: &str = "shop-totals-changelog";

fn start(topics: &mut dyn Topics) -> Result<Started, StartupError> {
    let settings = [("min.insync.replicas".to_owned(), "1".to_owned())];
    let startup = Startup {
        application: "shop",
        process_id: "p-1",
        returning: 1,
        brokers: "b:9092",
        guarantee: Guarantee::ExactlyOnce,
        replication: Some(1),
        topics: &settings,
        patience_ms: 1000,
    };
    startup.run(topics, &App::topology())
}

fn fails(topics: &mut dyn Topics, expected: Expect) {
    expected.assert_eq(&start(topics).unwrap_err().to_string());
}

fn log(topics: &[(&str, u32)]) -> MemoryLog {
    let log = MemoryLog::new();
    topics.iter().for_each(|(name, partitions)| log.create_topic(name, *partitions).unwrap());
    log
}

/// Everything that must be there before.
fn complete() -> MemoryLog {
    log(&[("orders", 4), ("shops", 3), ("reports", 1), ("totals", 1)])
}

fn create(log: &MemoryLog, name: &str, partitions: u32, others: &[(&str, &str)]) {
    let others = others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    log.create_topic_with(name, TopicSettings { others, ..TopicSettings::new(partitions) }).unwrap();
}

#[test]
fn what_is_missing_is_made_as_kafka_streams_makes_it() {
    let mut log = complete();
    let started = start(&mut log).unwrap();
    let made: BTreeMap<_, _> = [REPARTITION, SHOPS, TOTALS]
        .into_iter()
        .map(|name| (name, (started.topics[name].partitions, started.topics[name].settings.clone().unwrap())))
        .collect();
    expect![[r#"
        {
            "shop-by_shop-repartition": (
                3,
                {
                    "cleanup.policy": "delete",
                    "message.timestamp.type": "CreateTime",
                    "min.insync.replicas": "1",
                    "retention.ms": "-1",
                    "segment.bytes": "52428800",
                },
            ),
            "shop-shops-changelog": (
                3,
                {
                    "cleanup.policy": "compact",
                    "message.timestamp.type": "CreateTime",
                    "min.insync.replicas": "1",
                },
            ),
            "shop-totals-changelog": (
                4,
                {
                    "cleanup.policy": "compact,delete",
                    "message.timestamp.type": "CreateTime",
                    "min.insync.replicas": "1",
                    "retention.ms": "90300000",
                },
            ),
        }
    "#]]
    .assert_debug_eq(&made);
    assert_eq!(started.plan.subs.iter().map(|sub| sub.tasks).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(started.warnings, [""; 0]);
}

#[test]
fn a_second_start_makes_nothing_and_finds_the_same() {
    let mut log = complete();
    let first = start(&mut log).unwrap();
    let topics = log.topics();
    let second = start(&mut log).unwrap();
    assert_eq!(log.topics(), topics);
    assert_eq!(first.topics, second.topics);
}

#[test]
fn everything_that_does_not_fit_is_told_at_once_and_nothing_is_made() {
    let mut log = log(&[("orders", 6), ("reports", 1)]);
    create(&log, SHOPS, 3, &[("cleanup.policy", "delete"), ("retention.ms", "604800000")]);
    create(
        &log,
        TOTALS,
        2,
        &[("cleanup.policy", "compact,delete"), ("retention.ms", "3600000"), ("retention.bytes", "1000000")],
    );
    create(
        &log,
        REPARTITION,
        4,
        &[
            ("cleanup.policy", "delete"),
            ("retention.ms", "604800000"),
            ("message.timestamp.type", "LogAppendTime"),
        ],
    );
    let before = log.topics();
    fails(
        &mut log,
        expect![[r#"
        the application `shop` cannot start:
          topic `orders` has 6 partitions, but is declared with 4
            help: write `partitions = 6` where it is declared
          topic `shops` does not exist
            help: create it: `kafka-topics.sh --bootstrap-server b:9092 --create --topic shops --partitions …`
          topic `totals` does not exist
            help: create it: `kafka-topics.sh --bootstrap-server b:9092 --create --topic totals --partitions …`
          the repartition topic `shop-by_shop-repartition` has `message.timestamp.type = LogAppendTime`: records would lose the time they carry
            help: `kafka-configs.sh --bootstrap-server b:9092 --alter --topic shop-by_shop-repartition --add-config message.timestamp.type=CreateTime`
          the repartition topic `shop-by_shop-repartition` has `retention.ms = 604800000`: records would be deleted before they are read
            help: `kafka-configs.sh --bootstrap-server b:9092 --alter --topic shop-by_shop-repartition --add-config retention.ms=-1`
          the changelog `shop-shops-changelog` has `cleanup.policy = delete`: rows that do not change for a while would be deleted
            help: `kafka-configs.sh --bootstrap-server b:9092 --alter --topic shop-shops-changelog --add-config cleanup.policy=compact`
          the changelog of windows `shop-totals-changelog` has `retention.bytes = 1000000`: what does not fit would be deleted, read or not
            help: `kafka-configs.sh --bootstrap-server b:9092 --alter --topic shop-totals-changelog --add-config retention.bytes=-1`
          the changelog of windows `shop-totals-changelog` has `retention.ms = 3600000`: windows would be deleted that the store keeps
            help: `kafka-configs.sh --bootstrap-server b:9092 --alter --topic shop-totals-changelog --add-config retention.ms=90300000`"#]],
    );
    assert_eq!(log.topics(), before);
}

#[test]
fn inputs_of_a_join_have_one_count() {
    let mut log = complete();
    create(&log, REPARTITION, 2, &[]);
    fails(
        &mut log,
        expect![[r#"
        the application `shop` cannot start:
          `with_shop` joins topics of unlike partitions: `shop-by_shop-repartition` has 2 and `shops` has 3
            help: lay the stream that comes from `shop-by_shop-repartition` out anew with `repartition(partitions = 3)`, or make both topics alike
          `shops` has 3 partitions, but is read together with `shop-by_shop-repartition`, which leads, has 2, and is the one that is shared out: declare `partitions = 3` for it
            help: partitions of `shops` that nobody shares out would not be read"#]],
    );
}

#[test]
fn a_changelog_has_a_partition_for_each_task() {
    let mut log = complete();
    create(&log, TOTALS, 2, &[("cleanup.policy", "compact,delete"), ("retention.ms", "90300000")]);
    fails(
        &mut log,
        expect![[r#"
        the application `shop` cannot start:
          the changelog of windows `shop-totals-changelog` has 2 partitions, but 4 tasks share its rows
            help: give the inputs 2 partitions again; or, if its rows can be made anew from the inputs, stop all instances, delete it (`kafka-topics.sh --bootstrap-server b:9092 --delete --topic shop-totals-changelog`) and take the offsets of group `shop` back"#]],
    );
}

#[test]
fn settings_that_lose_nothing_are_left_alone() {
    let mut log = complete();
    create(&log, TOTALS, 4, &[("cleanup.policy", "compact")]);
    create(&log, SHOPS, 3, &[("cleanup.policy", "compact"), ("retention.bytes", "1")]);
    create(&log, REPARTITION, 3, &[("cleanup.policy", "delete"), ("retention.ms", "-1")]);
    start(&mut log).unwrap();
}

/// A log whose brokers misbehave in one way.
struct Flawed {
    log: MemoryLog,
    unreached: bool,
    /// Topics that somebody else makes just before this instance does: name, partitions.
    faster: Vec<(&'static str, u32)>,
    /// What is said of topics that are made.
    refused: Option<&'static str>,
    /// What is said before any is made.
    not_allowed: Option<&'static str>,
    transactions: Option<bool>,
    unknown: bool,
    described: fn(&str, &mut TopicDescription),
    forbidden: Option<&'static str>,
    rights: Rights,
}

impl Topics for Flawed {
    fn reach(&mut self, patience_ms: u64) -> Result<Cluster, Unreached> {
        if !self.unreached {
            return self.log.reach(patience_ms);
        }
        let reason = "b:9092/bootstrap: Connect to ipv4#10.0.0.1:9092 failed: Connection refused";
        Err(Unreached { waited_ms: patience_ms, reasons: vec![reason.to_owned()] })
    }

    fn describe(&mut self, topics: &[String]) -> Result<Vec<Found>, TransportError> {
        let found = self.log.describe(topics)?;
        let flawed = topics.iter().zip(found).map(|(name, found)| match found {
            _ if self.forbidden == Some(name) => Found::Forbidden("Topic authorization failed".to_owned()),
            Found::Topic(mut topic) => {
                (self.described)(name, &mut topic);
                Found::Topic(topic)
            }
            found => found,
        });
        Ok(flawed.collect())
    }

    fn create(&mut self, topics: &[NewTopic]) -> Result<Vec<Creation>, TransportError> {
        if let Some(words) = self.refused {
            return Ok(topics.iter().map(|_| Creation::Refused(words.to_owned())).collect());
        }
        for (name, partitions) in mem::take(&mut self.faster) {
            create(&self.log, name, partitions, &[("cleanup.policy", "compact")]);
        }
        self.log.create(topics)
    }

    fn try_create(&mut self, topics: &[NewTopic]) -> Result<Vec<Creation>, TransportError> {
        match self.not_allowed {
            Some(words) => Ok(topics.iter().map(|_| Creation::Refused(words.to_owned())).collect()),
            None => self.log.try_create(topics),
        }
    }

    fn may_write_under(&mut self, transactional_id: &str) -> MayWrite {
        assert_eq!(transactional_id, "shop-start");
        let transactions = self.transactions;
        Box::new(move || Ok(transactions))
    }

    fn await_known(&mut self, topics: &[(String, u32)], _: u64) -> Result<Vec<String>, TransportError> {
        Ok(topics.iter().filter(|_| self.unknown).map(|(name, _)| name.clone()).collect())
    }

    fn rights(&mut self, _: &str) -> Result<Rights, TransportError> {
        Ok(self.rights.clone())
    }

    fn members(&mut self, group: &str) -> Result<Vec<GroupMember>, TransportError> {
        self.log.members(group)
    }

    fn broker_setting(&mut self, name: &str) -> Result<Option<String>, TransportError> {
        self.log.broker_setting(name)
    }

    fn delete_records(&mut self, before: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        Topics::delete_records(&mut self.log, before)
    }
}

fn flawed() -> Flawed {
    Flawed {
        log: complete(),
        unreached: false,
        faster: Vec::new(),
        refused: None,
        not_allowed: None,
        transactions: None,
        unknown: false,
        described: |_, _| (),
        forbidden: None,
        rights: Rights::default(),
    }
}

#[test]
fn no_broker_answers() {
    fails(
        &mut Flawed { unreached: true, ..flawed() },
        expect![[r#"
        the application `shop` cannot start:
          no broker answered within 1 s
              b:9092/bootstrap: Connect to ipv4#10.0.0.1:9092 failed: Connection refused
            help: `bootstrap.servers` is `b:9092`; `default.api.timeout.ms` says how long is waited"#]],
    );
}

#[test]
fn who_comes_second_takes_what_the_first_has_made() {
    // Somebody who has seen `shops` with 3 partitions and `orders` with 4.
    let mut topics = Flawed { faster: vec![(SHOPS, 3), (TOTALS, 4)], ..flawed() };
    let plan = start(&mut topics).unwrap().plan;
    let counts: Vec<_> = plan.internal.iter().map(|topic| (&*topic.name, topic.partitions)).collect();
    assert_eq!(counts, [(REPARTITION, 3), (TOTALS, 4), (SHOPS, 3)]);
}

#[test]
fn who_comes_second_checks_what_the_first_has_made() {
    fails(
        &mut Flawed { faster: vec![(TOTALS, 8)], ..flawed() },
        expect![[r#"
        the application `shop` cannot start:
          the changelog of windows `shop-totals-changelog` has 8 partitions, but 4 tasks share its rows
            help: give the inputs 8 partitions again; or, if its rows can be made anew from the inputs, stop all instances, delete it (`kafka-topics.sh --bootstrap-server b:9092 --delete --topic shop-totals-changelog`) and take the offsets of group `shop` back"#]],
    );
}

#[test]
fn a_repartition_topic_that_feeds_no_join_keeps_its_count_while_the_input_grows() {
    #[processor(from = Orders, select_key, repartition)]
    fn alone(order: &str) -> String {
        order.to_owned()
    }
    #[ktable(store = "alone", from = alone, count)]
    struct Alone;
    topology!(Small = [alone, Alone]);

    let counts = |orders: u32, repartition: u32| {
        let live = move |name: &str| (name == "x-alone-repartition").then_some(repartition);
        let (plan, problems) = Plan::with_problems(&Small::topology(), "x", |_, _| Some(orders), live);
        assert_eq!(problems.len(), usize::from(orders != 4), "{problems:?}");
        plan.internal.iter().map(|topic| topic.partitions).collect::<Vec<_>>()
    };
    assert_eq!(counts(4, 4), [4, 4]);
    assert_eq!(counts(8, 4), [4, 4]);
}

#[test]
fn a_topic_is_refused() {
    let words = "Replication factor 3 is larger than the number of available brokers: 1";
    fails(
        &mut Flawed { refused: Some(words), ..flawed() },
        expect![[r#"
        the application `shop` cannot start:
          the internal topic `shop-by_shop-repartition` could not be created: Replication factor 3 is larger than the number of available brokers: 1
            help: set `replication.factor`"#]],
    );
    fails(
        &mut Flawed { refused: Some("Topic authorization failed"), ..flawed() },
        expect![[r#"
        the application `shop` cannot start:
          the internal topic `shop-by_shop-repartition` could not be created: Topic authorization failed
            help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Create --topic shop- --resource-pattern-type prefixed`"#]],
    );
}

#[test]
fn the_brokers_say_how_long_offsets_are_kept() {
    let mut log = complete();
    assert_eq!(start(&mut log).unwrap().offsets_retention_ms, None);
    log.set_offsets_retention_ms(120_000);
    assert_eq!(start(&mut log).unwrap().offsets_retention_ms, Some(120_000));
}

#[test]
fn not_all_brokers_know_a_new_topic() {
    fails(
        &mut Flawed { unknown: true, ..flawed() },
        expect![[r#"
        the application `shop` cannot start:
          the internal topic `shop-by_shop-repartition` was created, and not all brokers know it after 1 s
            help: start it again; `kafka-topics.sh --bootstrap-server b:9092 --describe --topic shop-by_shop-repartition` says what is missing"#]],
    );
}

#[test]
fn rights_are_missing() {
    let nobody = Rights { group: Some(Operations::numbered([8])), cluster: None };
    let read_only = |name: &str, topic: &mut TopicDescription| {
        topic.rights = Some(Operations::numbered(if name == "shops" { [4, 8] } else { [3, 8] }));
    };
    let mut topics = Flawed {
        rights: nobody,
        described: read_only,
        forbidden: Some("orders"),
        not_allowed: Some("Authorization failed."),
        transactions: Some(false),
        ..flawed()
    };
    let before = topics.log.topics();
    fails(
        &mut topics,
        expect![[r#"
            the application `shop` cannot start:
              topic `orders` may not be used for `Describe`, which is needed to see how many partitions it has (Topic authorization failed)
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Describe --operation Read --topic orders`
              topic `reports` may not be used for `Write`, which is needed to write records to it
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Write --topic reports`
              topic `shops` may not be used for `Read`, which is needed to read its records
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Read --topic shops`
              topic `totals` may not be used for `Write`, which is needed to write records to it
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Write --topic totals`
              group `shop` may not be used for `Read`, which is needed to share out partitions
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Read --group shop`
              transactional ids `shop-…` may not be used for `Write`, which is needed to commit
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Write --transactional-id shop- --resource-pattern-type prefixed`
              the internal topic `shop-by_shop-repartition` could not be created: Authorization failed.
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Create --topic shop- --resource-pattern-type prefixed`
              the internal topic `shop-shops-changelog` could not be created: Authorization failed.
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Create --topic shop- --resource-pattern-type prefixed`
              the internal topic `shop-totals-changelog` could not be created: Authorization failed.
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Create --topic shop- --resource-pattern-type prefixed`"#]],
    );
    assert_eq!(topics.log.topics(), before);
}

/// Joins, and stays as long as it lives.
fn join(log: &MemoryLog, client_id: &str) -> MemoryConsumer {
    let mut member = log.consumer("shop", client_id, Isolation::ReadCommitted);
    member.subscribe(&["reports".to_owned()]).unwrap();
    member.poll(&mut Vec::new(), 1).unwrap();
    member
}

#[test]
fn members_that_read_other_topics_together_are_named_with_everything_else() {
    let mut log = log(&[("orders", 6), ("shops", 3), ("reports", 1), ("totals", 1)]);
    let _members = ["shop-p-2-0;leaders=1f", "console-consumer"].map(|client_id| join(&log, client_id));
    fails(
        &mut log,
        expect![[r#"
        the application `shop` cannot start:
          member `console-consumer` at `this process` is in the group and no instance of it: what it is given nobody would process
            help: stop it, or give it another `group.id`
          member `shop-p-2-0;leaders=1f` at `this process` reads other topics together: both would read the same partitions
            help: stop all instances of the old topology before the first of the new one is started, or give this one another application id; one that is stopped already and still there is forgotten when its session has timed out
          topic `orders` has 6 partitions, but is declared with 4
            help: write `partitions = 6` where it is declared"#]],
    );
}

#[test]
fn equals_and_what_is_left_of_an_earlier_run_are_no_strangers() {
    let mut log = complete();
    let leaders = start(&mut log).unwrap().plan.leaders_hash();
    let _equal = join(&log, &member_id("shop-p-2-0", leaders));
    let _comes_back = join(&log, &member_id("shop-p-1-0", leaders));
    let _left = join(&log, &member_id("shop-p-1-0", 0x1f));
    let _another_thread = join(&log, &member_id("shop-p-1-1", leaders));
    let warnings = start(&mut log).unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    expect!["member `shop-p-1-0;leaders=1f` is left of an earlier run of this instance: what the group gave it stands still until its session has ended (`session.timeout.ms`)"].assert_eq(&warnings[0]);
    assert!(warnings[1].starts_with("member `shop-p-1-1;leaders="), "{warnings:?}");
}

#[test]
fn what_works_and_is_probably_not_wanted() {
    let settings = [];
    let startup = Startup {
        application: "shop",
        process_id: "p-1",
        returning: 1,
        brokers: "b:9092",
        guarantee: Guarantee::ExactlyOnce,
        replication: Some(3),
        topics: &settings,
        patience_ms: 1000,
    };
    let described = |_: &str, topic: &mut TopicDescription| topic.rights = Some(Operations::numbered([3, 4]));
    let mut topics = Flawed { described, ..flawed() };
    create(&topics.log, SHOPS, 3, &[]);
    let warnings = startup.run(&mut topics, &App::topology()).unwrap().warnings;
    expect![[r#"
        the repartition topic `shop-by_shop-repartition` was made before and has 1 replicas; `replication.factor` is 3
        records of the repartition topic `shop-by_shop-repartition` stay after they were read: that needs `Delete` for the topic
        the changelog of windows `shop-totals-changelog` was made before and has 1 replicas; `replication.factor` is 3
        the changelog `shop-shops-changelog` was made before and has 1 replicas; `replication.factor` is 3"#]].assert_eq(&warnings.join("\n"));
}

#[test]
fn a_topic_cannot_be_written_or_has_no_leader() {
    let described = |name: &str, topic: &mut TopicDescription| match name {
        "reports" => {
            let setting = ("min.insync.replicas".to_owned(), "2".to_owned());
            topic.settings.get_or_insert_default().extend([setting]);
        }
        "orders" => topic.leaderless = vec![1, 3],
        "shops" => topic.leaderless = vec![2],
        _ => {}
    };
    fails(
        &mut Flawed { described, ..flawed() },
        expect![[r#"
        the application `shop` cannot start:
          nothing can be written to topic `reports`: `min.insync.replicas` is 2, and it has 1
            help: `kafka-configs.sh --bootstrap-server b:9092 --alter --topic reports --add-config min.insync.replicas=1`, or give it more replicas
          topic `orders` has no leader for 2 of 4 partitions
            help: see which brokers are missing: `kafka-topics.sh --bootstrap-server b:9092 --describe --topic orders`
          topic `shops` has no leader for partition 2 of 3
            help: see which brokers are missing: `kafka-topics.sh --bootstrap-server b:9092 --describe --topic shops`"#]],
    );
}

#[test]
fn a_hash_tells_which_topic_leads() {
    let plan = |topology: &Topology, application: &str| {
        Plan::of(topology, application, |_, declared| Some(declared.unwrap_or(3))).unwrap()
    };
    let shop = plan(&App::topology(), "shop");
    expect![[r#"
        [
            (
                "orders",
                "orders",
            ),
            (
                "shop-by_shop-repartition",
                "shop-by_shop-repartition",
            ),
            (
                "shops",
                "shop-by_shop-repartition",
            ),
        ]
    "#]]
    .assert_debug_eq(&shop.leaders());
    assert_eq!(shop.leaders_hash(), plan(&App::topology(), "shop").leaders_hash());
    assert_ne!(shop.leaders_hash(), plan(&App::topology(), "other").leaders_hash());
    expect!["445c86a5ffd4f509"].assert_eq(&format!("{:016x}", shop.leaders_hash()));
}
