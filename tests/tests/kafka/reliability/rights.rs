//! An application with a name and a password, and brokers that allow it only so much.

use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use streams_tests::broker::Broker;
use streams_tests::broker::tools::{Right, allow, group, topics};

use super::application::Application;
use super::words::Words;

const ID: &str = "wary";

/// Longer than a start that is refused takes.
const SOON: Duration = Duration::from_secs(30);

/// Everything `word-count` needs, right by right.
const RIGHTS: [&str; 9] = [
    "--operation Describe --topic lines",
    "--operation Read --topic lines",
    "--operation Describe --topic word-counts",
    "--operation Write --topic word-counts",
    "--operation Describe --operation Read --operation Write --topic wary- --resource-pattern-type prefixed",
    "--operation Create --topic wary- --resource-pattern-type prefixed",
    "--operation Describe --group wary",
    "--operation Read --group wary",
    "--operation Write --transactional-id wary- --resource-pattern-type prefixed",
];

struct Guarded {
    broker: Broker,
    app: Application,
    topics: Vec<String>,
}

impl Guarded {
    fn new() -> (Self, Words) {
        // Tools speak to the first listener, and are nobody, who may do everything; the application speaks to the first
        // proxy, behind which it has to say who it is.
        let protocols: Vec<String> = (1..8).map(|proxy| format!(",PROXY{proxy}:PLAINTEXT")).collect();
        let protocols =
            format!("PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXY0:SASL_PLAINTEXT{}", protocols.concat());
        let login = "org.apache.kafka.common.security.plain.PlainLoginModule required user_anna=\"secret\";";
        let broker = Broker::with(&[
            ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
            ("super.users", "User:ANONYMOUS"),
            ("listener.security.protocol.map", &protocols),
            ("listener.name.proxy0.sasl.enabled.mechanisms", "PLAIN"),
            ("listener.name.proxy0.plain.sasl.jaas.config", login),
        ]);
        let words = Words::lines(&broker.bootstrap(), 21);
        let proxy = broker.proxy();
        let mut app = Application::new("word-count", ID, &proxy.bootstrap()).on_disk();
        app.set("security.protocol", "SASL_PLAINTEXT").set("sasl.mechanism", "PLAIN");
        app.set("sasl.username", "anna").set("sasl.password", "secret");
        let topics = topics(&broker.bootstrap());
        (Guarded { broker, app, topics }, words)
    }

    fn allow(&self, rights: &[Right]) {
        allow(&self.broker.bootstrap(), "User:anna", rights);
    }

    /// Starts it, and returns why it does not run. Nothing was joined and nothing made.
    fn refused(&mut self) -> String {
        self.app.start();
        assert_eq!(self.app.exit(SOON), Some(1), "{}", self.app.log());
        let log = self.app.log();
        let reports: Vec<&str> = log.split("Error: ").skip(1).collect();
        assert_eq!(reports.len(), 1, "{log}");
        let bootstrap = self.broker.bootstrap();
        assert_eq!(group(&bootstrap, ID), None);
        assert_eq!(topics(&bootstrap), self.topics);
        let brokers = self.app.setting("bootstrap.servers");
        reports[0].trim_end().replace(&brokers, "b:9092")
    }

    fn refuses(&mut self, expected: &Expect) {
        let report = self.refused();
        println!("{report}");
        expected.assert_eq(&report);
    }
}

fn all_but(taken: &[usize]) -> Vec<Right> {
    let left = (0..RIGHTS.len()).filter(|at| !taken.contains(at));
    left.flat_map(|at| Right::parse(RIGHTS[at])).collect()
}

#[test]
fn a_missing_right_is_told_before_the_group_is_joined_and_the_cures_are_enough() {
    let (mut guarded, mut words) = Guarded::new();
    for (taken, expected) in [
        (
            &[1][..],
            expect![[r#"
            the application `wary` cannot start:
              topic `lines` may not be used for `Read`, which is needed to read its records
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Read --topic lines`"#]],
        ),
        (
            &[3],
            expect![[r#"
            the application `wary` cannot start:
              topic `word-counts` may not be used for `Write`, which is needed to write records to it
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Write --topic word-counts`"#]],
        ),
        (
            &[0, 1],
            expect![[r#"
                the application `wary` cannot start:
                  topic `lines` may not be used for `Describe`, which is needed to see how many partitions it has (Broker: Topic authorization failed)
                    help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Describe --operation Read --topic lines`"#]],
        ),
        (
            &[5],
            expect![[r#"
                the application `wary` cannot start:
                  the internal topic `wary-by_word-repartition` could not be created: Authorization failed.
                    help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Create --topic wary- --resource-pattern-type prefixed`
                  the internal topic `wary-word-counts-changelog` could not be created: Authorization failed.
                    help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Create --topic wary- --resource-pattern-type prefixed`"#]],
        ),
        (
            &[7],
            expect![[r#"
            the application `wary` cannot start:
              group `wary` may not be used for `Read`, which is needed to share out partitions
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Read --group wary`"#]],
        ),
        (
            &[8],
            expect![[r#"
            the application `wary` cannot start:
              transactional ids `wary-…` may not be used for `Write`, which is needed to commit
                help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Write --transactional-id wary- --resource-pattern-type prefixed`"#]],
        ),
    ] {
        guarded.allow(&all_but(taken));
        guarded.refuses(&expected);
    }
    // One of each kind at once.
    guarded.allow(&all_but(&[1, 3, 5, 7, 8]));
    guarded.refuses(&expect![[r#"
        the application `wary` cannot start:
          topic `lines` may not be used for `Read`, which is needed to read its records
            help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Read --topic lines`
          topic `word-counts` may not be used for `Write`, which is needed to write records to it
            help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Write --topic word-counts`
          group `wary` may not be used for `Read`, which is needed to share out partitions
            help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Read --group wary`
          transactional ids `wary-…` may not be used for `Write`, which is needed to commit
            help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Write --transactional-id wary- --resource-pattern-type prefixed`
          the internal topic `wary-by_word-repartition` could not be created: Authorization failed.
            help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Create --topic wary- --resource-pattern-type prefixed`
          the internal topic `wary-word-counts-changelog` could not be created: Authorization failed.
            help: allow it: `kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:… --operation Create --topic wary- --resource-pattern-type prefixed`"#]]);
    // It may do nothing at all; then what the report says, and nothing else.
    guarded.allow(&[]);
    let report = guarded.refused();
    println!("{report}");
    let cures: Vec<Right> = report
        .lines()
        .filter(|line| line.contains("--add"))
        .flat_map(|line| Right::parse(&line.replace('`', " ")))
        .collect();
    guarded.allow(&cures);

    guarded.app.start();
    words.write(50);
    words.until_counted();
    // What a restart does needs no right that a first start does not need.
    guarded.app.kill();
    guarded.app.start();
    words.write(50);
    words.check(&[&guarded.app]);

    // Who writes without transactions needs no right for them.
    guarded.allow(&all_but(&[8]));
    guarded.app.set("processing.guarantee", "at_least_once");
    guarded.app.start();
    words.write(50);
    words.check(&[&guarded.app]);
}

#[test]
fn a_wrong_password_is_told_at_once() {
    let (mut guarded, _) = Guarded::new();
    guarded.app.set("sasl.password", "wrong");
    let start = Instant::now();
    let report = guarded.refused();
    println!("{report}");
    // It is not tried for as long as a broker that does not answer.
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let told = "Authentication failed: Invalid username or password";
    let cure = "help: `sasl.mechanism`, `sasl.username` and `sasl.password` say who it is";
    assert!(report.contains(told) && report.ends_with(cure), "{report}");
}
