//! What is checked and made before the group is joined, on real brokers.

use expect_test::{Expect, expect};
use std::thread;
use streams_runtime::Guarantee;
use streams_runtime::prelude::*;
use streams_runtime::startup::{Started, Startup, StartupError};
use streams_runtime::transport::TopicPartition;
use streams_runtime::transport::kafka::{ClientSettings, KafkaAdmin, KafkaClients};
use streams_runtime::transport::topics::{
    Creation, Found, NewTopic, Operation, TopicDescription, Topics as _,
};
use streams_tests::broker::Broker;

#[topic(name = "startup-orders", key = String, value = String, partitions = 4)]
struct Orders;
#[topic(name = "startup-shops", key = String, value = Option<String>)]
struct ShopsTopic;
#[topic(name = "startup-reports", key = String, value = String)]
struct Reports;

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

#[ktable(store = "totals", from = Orders, count)]
#[window(tumbling = "1h", grace = "5m")]
struct Totals;

topology!(App = [by_shop, Shops, with_shop, Totals]);

/// Of which nothing is there.
mod missing {
    use streams_runtime::prelude::*;

    #[topic(name = "startup-nowhere", key = String, value = String, partitions = 3)]
    struct Nowhere;
    #[topic(name = "startup-orders", key = String, value = String, partitions = 6)]
    struct Orders;
    #[ktable(store = "all", from = Nowhere, count)]
    struct All;
    #[ktable(store = "orders", from = Orders, count)]
    struct OrdersByKey;
    topology!(pub App = [All, OrdersByKey]);
}

fn admin() -> KafkaAdmin {
    let brokers = Broker::shared().bootstrap();
    KafkaClients::new(ClientSettings { brokers, ..ClientSettings::default() }).admin().unwrap()
}

fn new(name: &str, partitions: u32, settings: &[(&str, &str)]) -> NewTopic {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    NewTopic { name: name.to_owned(), partitions, replicas: None, settings }
}

/// What must be there before; several tests may arrive at once.
fn declared_topics(admin: &mut KafkaAdmin) {
    admin.reach(30_000).unwrap();
    let topics = [("startup-orders", 4), ("startup-shops", 3), ("startup-reports", 1)];
    let new: Vec<_> = topics.iter().map(|(name, partitions)| new(name, *partitions, &[])).collect();
    for made in admin.create(&new).unwrap() {
        assert!(matches!(made, Creation::Created | Creation::Exists), "{made:?}");
    }
    let known = topics.map(|(name, partitions)| (name.to_owned(), partitions));
    assert_eq!(admin.await_known(&known, 30_000).unwrap(), [""; 0]);
}

fn start(
    admin: &mut KafkaAdmin,
    application: &str,
    topology: &streams_runtime::Topology,
) -> Result<Started, StartupError> {
    let brokers = Broker::shared().bootstrap();
    let startup = Startup {
        application,
        process_id: "p-1",
        returning: 1,
        brokers: &brokers,
        guarantee: Guarantee::ExactlyOnce,
        replication: None,
        topics: &[],
        patience_ms: 30_000,
    };
    startup.run(admin, topology)
}

fn fails(error: &StartupError, expected: Expect) {
    expected.assert_eq(&error.to_string().replace(&Broker::shared().bootstrap(), "b:9092"));
}

fn describe(admin: &mut KafkaAdmin, topic: &str) -> TopicDescription {
    match admin.describe(&[topic.to_owned()]).unwrap().remove(0) {
        Found::Topic(topic) => topic,
        other => panic!("{topic}: {other:?}"),
    }
}

#[test]
fn internal_topics_are_made_once_and_found_again() {
    let admin = &mut admin();
    declared_topics(admin);
    let first = start(admin, "startup-made", &App::topology()).unwrap();
    let told = |topic: &str| {
        let topic = &first.topics[topic];
        let settings = ["cleanup.policy", "message.timestamp.type", "retention.ms", "segment.bytes"]
            .map(|name| topic.setting(name).unwrap_or_default());
        (topic.partitions, settings.join(" "))
    };
    let windows = 3_600_000 + 300_000 + 24 * 3_600_000;
    let repartition = told("startup-made-by_shop-repartition");
    assert_eq!(repartition, (3, "delete CreateTime -1 52428800".to_owned()));
    let (partitions, shops) = told("startup-made-shops-changelog");
    assert!(partitions == 3 && shops.starts_with("compact CreateTime "), "{partitions} {shops}");
    let (partitions, totals) = told("startup-made-totals-changelog");
    let expected = format!("compact,delete CreateTime {windows} ");
    assert!(partitions == 4 && totals.starts_with(&expected), "{partitions} {totals}");
    assert_eq!(first.warnings, [""; 0]);
    let orders = &first.topics["startup-orders"];
    assert!(orders.setting("max.message.bytes").is_some() && orders.setting("delete.retention.ms").is_some());
    assert!(orders.rights.unwrap().allow(Operation::Read));
    assert!(first.topics.values().all(|topic| topic.id != 0));

    let second = start(admin, "startup-made", &App::topology()).unwrap();
    assert_eq!(second.topics, first.topics);
}

#[test]
fn instances_that_start_together_find_the_same() {
    declared_topics(&mut admin());
    let started: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| start(&mut admin(), "startup-race", &App::topology()).unwrap().topics))
        .collect();
    let mut topics = started.into_iter().map(|thread| thread.join().unwrap());
    let first = topics.next().unwrap();
    assert!(topics.all(|other| other == first));
}

#[test]
fn everything_that_does_not_fit_is_told_at_once_and_nothing_is_made() {
    let admin = &mut admin();
    declared_topics(admin);
    let error = start(admin, "startup-missing", &missing::App::topology()).unwrap_err();
    fails(
        &error,
        expect![[r#"
        the application `startup-missing` cannot start:
          topic `startup-orders` has 4 partitions, but is declared with 6
            help: write `partitions = 4` where it is declared, or add partitions if no key has to stay in its own: `kafka-topics.sh --bootstrap-server b:9092 --alter --topic startup-orders --partitions 6`
          topic `startup-nowhere` does not exist
            help: create it: `kafka-topics.sh --bootstrap-server b:9092 --create --topic startup-nowhere --partitions 3`"#]],
    );

    let wrong = [
        new("startup-wrong-shops-changelog", 3, &[("cleanup.policy", "delete")]),
        new(
            "startup-wrong-totals-changelog",
            2,
            &[("cleanup.policy", "compact,delete"), ("retention.ms", "1000")],
        ),
    ];
    admin.create(&wrong).unwrap();
    admin.await_known(&wrong.map(|topic| (topic.name, topic.partitions)), 30_000).unwrap();
    let error = start(admin, "startup-wrong", &App::topology()).unwrap_err();
    fails(
        &error,
        expect![[r#"
        the application `startup-wrong` cannot start:
          the changelog of windows `startup-wrong-totals-changelog` has 2 partitions, but 4 tasks share its rows
            help: give the inputs 2 partitions again; or, if its rows can be made anew from the inputs, stop all instances, delete it (`kafka-topics.sh --bootstrap-server b:9092 --delete --topic startup-wrong-totals-changelog`) and take the offsets of group `startup-wrong` back
          the changelog `startup-wrong-shops-changelog` has `cleanup.policy = delete`: rows that do not change for a while would be deleted
            help: `kafka-configs.sh --bootstrap-server b:9092 --alter --topic startup-wrong-shops-changelog --add-config cleanup.policy=compact`
          the changelog of windows `startup-wrong-totals-changelog` has `retention.ms = 1000`: windows would be deleted that the store keeps
            help: `kafka-configs.sh --bootstrap-server b:9092 --alter --topic startup-wrong-totals-changelog --add-config retention.ms=90300000`"#]],
    );
    let names = ["startup-missing-all-changelog", "startup-wrong-by_shop-repartition"].map(str::to_owned);
    assert_eq!(admin.describe(&names).unwrap(), [Found::Missing, Found::Missing]);
}

#[test]
fn brokers_say_why_a_topic_is_not_made() {
    let admin = &mut admin();
    declared_topics(admin);
    let brokers = Broker::shared().bootstrap();
    let topics = [("segment.bytes".to_owned(), "few".to_owned())];
    let startup = Startup {
        process_id: "p-1",
        returning: 1,
        application: "startup-refused",
        brokers: &brokers,
        guarantee: Guarantee::ExactlyOnce,
        replication: Some(3),
        topics: &[],
        patience_ms: 30_000,
    };
    fails(
        &startup.run(admin, &App::topology()).unwrap_err(),
        expect![[r#"
            the application `startup-refused` cannot start:
              the internal topic `startup-refused-by_shop-repartition` could not be created: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.
                help: set `replication.factor`
              the internal topic `startup-refused-shops-changelog` could not be created: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.
                help: set `replication.factor`
              the internal topic `startup-refused-totals-changelog` could not be created: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.
                help: set `replication.factor`"#]],
    );
    let startup = Startup { replication: None, topics: &topics, ..startup };
    fails(
        &startup.run(admin, &App::topology()).unwrap_err(),
        expect![[r#"
            the application `startup-refused` cannot start:
              the internal topic `startup-refused-by_shop-repartition` could not be created: Invalid value few for configuration segment.bytes: Not a number of type INT
                help: create it by hand, or mend what the broker complains of
              the internal topic `startup-refused-shops-changelog` could not be created: Invalid value few for configuration segment.bytes: Not a number of type INT
                help: create it by hand, or mend what the broker complains of
              the internal topic `startup-refused-totals-changelog` could not be created: Invalid value few for configuration segment.bytes: Not a number of type INT
                help: create it by hand, or mend what the broker complains of"#]],
    );
}

#[test]
fn a_group_that_nobody_joined_has_rights() {
    let admin = &mut admin();
    admin.reach(30_000).unwrap();
    let rights = admin.rights("startup-nobody").unwrap();
    assert!(rights.group.is_none_or(|group| group.allow(Operation::Read)), "{rights:?}");
    assert!(rights.cluster.unwrap().allow(Operation::Create));
}

#[test]
fn records_are_deleted() {
    let admin = &mut admin();
    admin.reach(30_000).unwrap();
    let topic = new("startup-delete", 1, &[]);
    admin.create(std::slice::from_ref(&topic)).unwrap();
    admin.await_known(&[(topic.name.clone(), 1)], 30_000).unwrap();
    let partition = TopicPartition { topic: topic.name, partition: 0 };
    admin.delete_records(&[(partition.clone(), 0)]).unwrap();
    let beyond = admin.delete_records(&[(partition, 7)]).unwrap_err();
    assert!(beyond.to_string().contains("OFFSET_OUT_OF_RANGE"), "{beyond}");
    assert_eq!(describe(admin, "startup-delete").partitions, 1);
}
