//! The newer protocol of groups (`group.protocol = consumer`), where the broker shares tasks out.

use std::collections::BTreeSet;
use std::time::Duration;

use streams_tests::broker::Broker;
use streams_tests::broker::tools::{PATIENCE, until};

use super::application::Application;
use super::words::{STORES, Words};

const ID: &str = "consumer-protocol";

fn instance(name: &str, broker: &Broker) -> Application {
    let mut app = Application::named("tally", ID, name, &broker.bootstrap()).on_disk();
    // The broker says how long a session is; under this protocol a member may not.
    app.unset("consumer.session.timeout.ms").unset("consumer.heartbeat.interval.ms");
    app.set("group.protocol", "consumer").set("commit.interval.ms", "50");
    app
}

/// The partitions whose store it has opened and not given back in this run.
fn tasks(app: &Application) -> BTreeSet<String> {
    let mut tasks = BTreeSet::new();
    for line in app.log().lines() {
        let task = |words: &str| line.split_once(words).map(|(_, task)| task.to_owned());
        tasks.extend(task(" running task="));
        if let Some(task) = task(" given back task=") {
            tasks.remove(&task);
        }
    }
    tasks
}

#[test]
fn words_are_counted_once_though_instances_are_killed_and_come_and_go() {
    let broker = Broker::start();
    let mut words = Words::votes(&broker.bootstrap(), 51);
    let (mut first, mut second) = (instance("first", &broker), instance("second", &broker));
    first.start();
    first.until_restored(STORES);
    words.write(100);
    words.until_counted();

    for kill in 0..2 {
        let flow = words.flow(300);
        std::thread::sleep(Duration::from_millis(700));
        first.kill();
        first.start();
        let restored = first.until_restored(STORES);
        println!("kill {kill}: {restored:?}");
        words = flow.stop();
        words.until_counted();
    }

    second.start();
    let share = |app: &Application| {
        let tasks = tasks(app);
        (tasks.len() == 1).then_some(tasks)
    };
    let (its, other) =
        until("two instances to share the tasks", PATIENCE, || Some((share(&first)?, share(&second)?)));
    assert!(its.is_disjoint(&other), "{its:?} {other:?}");
    words.write(100);
    words.until_counted();

    // One is killed while both work, and the other has everything when the session is over.
    let flow = words.flow(300);
    std::thread::sleep(Duration::from_millis(500));
    first.kill();
    until("one instance to have everything", PATIENCE, || (tasks(&second).len() == STORES).then_some(()));
    words = flow.stop();
    words.until_counted();

    first.start();
    until("two instances to share the tasks", PATIENCE, || Some((share(&first)?, share(&second)?)));
    words.write(100);
    words.check(&[&first, &second]);
}
