//! Several instances share the tasks of one application while instances come, go and hang.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use streams_tests::broker::Broker;
use streams_tests::broker::supervised::Signal;
use streams_tests::broker::tools::{Group, PATIENCE, committed, group, until};

use super::application::Application;
use super::orders::{PARTITIONS, Shops};

const ID: &str = "sharing";

/// How long one that hangs is waited for.
const SESSION: Duration = Duration::from_secs(10);

type Partitions = BTreeSet<(String, i32)>;

fn described(broker: &Broker) -> Option<Group> {
    group(&broker.bootstrap(), ID)
}

/// Waits until so many members have something each, and returns what, by client id.
#[track_caller]
fn until_shared(broker: &Broker, members: usize) -> BTreeMap<String, Partitions> {
    until("the group to settle", PATIENCE, || {
        let group = described(broker)?;
        let all = group.members.len() == members && group.state == "Stable";
        let shares: BTreeMap<_, _> =
            group.members.into_iter().map(|member| (member.client_id, member.assigned)).collect();
        // The cooperative protocol takes away first and gives in a second round.
        let given: usize = shares.values().map(BTreeSet::len).sum();
        let topics = shares.values().flatten().map(|(topic, _)| topic).collect::<BTreeSet<_>>().len();
        (all && given == topics * PARTITIONS as usize && shares.values().all(|share| !share.is_empty()))
            .then_some(shares)
    })
}

/// Waits until these partitions of the orders are committed up to these ends.
#[track_caller]
fn until_committed(broker: &Broker, ends: &BTreeMap<i32, i64>, of: &[i32]) {
    until("offsets to move", PATIENCE, || {
        let offsets = committed(&broker.bootstrap(), ID, "orders");
        of.iter().all(|partition| offsets.get(partition) == ends.get(partition)).then_some(())
    });
}

fn orders_of(share: &Partitions) -> Vec<i32> {
    share.iter().filter(|(topic, _)| topic == "orders").map(|(_, partition)| *partition).collect()
}

#[test]
fn instances_come_and_go_and_every_order_is_added_up_once() {
    let broker = Broker::start();
    let mut shops = Shops::open(&broker.bootstrap());
    let instance = |name: &str| {
        let mut app = Application::named("orders", ID, name, &broker.bootstrap()).on_disk();
        app.set("commit.interval.ms", "100").set("leave.group.on.close", "true");
        app
    };
    let (mut first, mut second, mut third) = (instance("first"), instance("second"), instance("third"));
    for app in [&mut first, &mut second] {
        // For so long a rebalance waits for one that hangs.
        app.set("consumer.session.timeout.ms", &SESSION.as_millis().to_string());
    }
    // Nobody gives this one up.
    third.set("consumer.session.timeout.ms", "45000");
    first.start();
    shops.write(30);
    shops.until_added_up();
    let (first_id, everything) = until_shared(&broker, 1).pop_first().expect("one member");
    // What is read together is shared out by one topic: the six that are laid out by location follow the stores, and
    // cannot go elsewhere.
    let leaders: BTreeSet<&str> = everything.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(leaders, BTreeSet::from(["orders", "stores"]));

    second.start();
    let shares = until_shared(&broker, 2);
    let (its, other) = (&shares[&first_id], shares.iter().find(|(id, _)| **id != first_id).expect("two").1);
    assert!(its.is_disjoint(other));
    shops.write(30);
    shops.until_added_up();

    // The one with fewer orders hangs, and a third one wants to join: nothing can be shared out until the one that
    // hangs is given up.
    let (steady, hanging, kept) = match orders_of(its).len() >= orders_of(other).len() {
        true => (&first, &second, orders_of(its)),
        false => (&second, &first, orders_of(other)),
    };
    hanging.signal(Signal::Stop);
    third.start();
    until("a rebalance", PATIENCE, || is_rebalancing(&broker).then_some(()));
    let mut went_on = 0;
    loop {
        shops.write(1);
        until_committed(&broker, &shops.ends(), &kept);
        if !is_rebalancing(&broker) {
            break;
        }
        went_on += 1;
    }
    println!("offsets of {kept:?} went on {went_on} times during one rebalance");
    assert!(went_on >= 3, "{went_on}");
    until_shared(&broker, 2);
    shops.write(10);
    shops.until_added_up();

    // It wakes up and has its share again.
    hanging.signal(Signal::Continue);
    until_shared(&broker, 3);
    shops.write(10);
    shops.until_added_up();

    // Two leave for good; the one that stays has everything, and waits for no time-out.
    let leaving = Instant::now();
    third.stop();
    hanging.stop();
    let shares = until_shared(&broker, 1);
    println!("two left and one has everything: {:?}", leaving.elapsed());
    assert!(leaving.elapsed() < SESSION, "{:?}", leaving.elapsed());
    assert_eq!(shares.into_values().next(), Some(everything));
    shops.write(10);
    shops.check(&[steady]);
}

fn is_rebalancing(broker: &Broker) -> bool {
    described(broker).is_some_and(|group| group.state == "PreparingRebalance")
}
