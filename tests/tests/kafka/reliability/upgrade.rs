//! An application is replaced by a version that reads other topics together.
//!
//! Whoever is there goes on, the other one is refused; and on the disk of an instance that ended its next version starts,
//! although the group still remembers the one before it.

use std::time::{Duration, Instant};

use streams_tests::broker::Broker;
use streams_tests::broker::tools::group;

use super::PATIENCE;
use super::application::Application;
use super::pairs::Pairs;

fn upgrade(protocol: &str) {
    let broker = Broker::start();
    let mut pairs = Pairs::new(&broker.bootstrap());
    let instance = |topology: &str, name: &str| {
        let mut app = Application::named(topology, "pairs", name, &broker.bootstrap()).on_disk();
        if protocol != "classic" {
            // Under the newer one these are the broker's.
            app.unset("consumer.session.timeout.ms").unset("consumer.heartbeat.interval.ms");
            app.set("group.protocol", protocol);
        }
        app
    };
    let mut old = instance("apart", "old");
    old.start();
    pairs.write();
    pairs.until_counted();

    let mut new = instance("together", "new");
    new.start();
    assert_eq!(new.exit(PATIENCE), Some(1), "{}", new.log());
    let said = new.log();
    for words in [
        "the application `pairs` cannot start:",
        "member `pairs-",
        ";leaders=",
        "` at `/127.0.0.1` reads other topics together",
        "stop all instances of the old topology before the first of the new one is started",
    ] {
        assert!(said.contains(words), "{words} is missing in:\n{said}");
    }
    pairs.write();
    pairs.until_counted();
    assert_eq!(old.exit(Duration::ZERO), None, "{}", old.log());

    // Asked to end, it stays a member; killed as well.
    for kill in [false, true] {
        match kill {
            false => old.stop(),
            true => old.kill(),
        }
        if protocol == "classic" {
            assert_eq!(group(&broker.bootstrap(), "pairs").expect("a group").members.len(), 1);
        }
        pairs.write();
        // The same disk, and the other version.
        let next = if kill { "apart" } else { "together" };
        old.run_as(next);
        let start = Instant::now();
        old.start();
        pairs.until_counted();
        println!("{protocol}: went on as `{next}` {:?} after the start", start.elapsed());
        pairs.write();
        pairs.until_counted();
        assert_eq!(old.exit(Duration::ZERO), None, "{}", old.log());
    }
}

#[test]
fn another_map_is_refused_beside_the_old_one_and_takes_its_place_afterwards() {
    upgrade("classic");
}

#[test]
fn another_map_is_refused_under_the_consumer_protocol_too() {
    upgrade("consumer");
}
