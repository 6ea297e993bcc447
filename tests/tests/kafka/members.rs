//! What a broker does with members that the conformance suite cannot ask for: static ones, and ones that wait.
//!
//! Knows the public clients of the transport. Knows nothing of workers.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use streams_runtime::transport::kafka::{ClientSettings, KafkaClients, KafkaConsumer, KafkaMessage};
use streams_runtime::transport::topics::Topics as _;
use streams_runtime::transport::{Consumer, Event, Isolation, Message as _, TopicPartition, TransportError};
use streams_tests::broker::Broker;
use streams_tests::broker::proxy::{Api, Fault};
use streams_tests::broker::tools::{Message, Producer, create_topic, unique};

const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than anything here may take, so that nothing happens because of it.
const SESSION: &[(&str, &str)] = &[("session.timeout.ms", "45000"), ("heartbeat.interval.ms", "300")];

struct Member {
    consumer: KafkaConsumer,
    owned: Vec<TopicPartition>,
    /// How often the group had anything to say.
    told: usize,
}

impl Member {
    fn join(clients: &KafkaClients, group: &str, instance: Option<&str>, topic: &str) -> Self {
        Self::join_as(instance.unwrap_or("dynamic"), clients, group, instance, topic)
    }

    fn join_as(
        client_id: &str,
        clients: &KafkaClients,
        group: &str,
        instance: Option<&str>,
        topic: &str,
    ) -> Self {
        let mut consumer =
            clients.consumer(group, client_id, instance, Isolation::ReadCommitted).expect("a consumer");
        consumer.subscribe(&[topic.to_owned()]).expect("a subscription");
        Member { consumer, owned: Vec::new(), told: 0 }
    }

    fn step(&mut self) {
        let mut events: Vec<Event<KafkaMessage>> = Vec::new();
        self.consumer.poll(&mut events, 10).expect("a poll");
        for event in events {
            self.told += 1;
            match event {
                Event::Assigned(more) => self.owned.extend(more),
                Event::Revoked(less) => {
                    self.owned.retain(|place| !less.contains(place));
                    self.consumer.revoked(&less).expect("an answer");
                }
                Event::Lost(less) => self.owned.retain(|place| !less.contains(place)),
                Event::Record { .. } | Event::End { .. } => {}
            }
        }
        self.owned.sort();
        self.consumer.wait(5);
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
    }
    start.elapsed()
}

fn clients(broker: &Broker, consumer: &[(&str, &str)]) -> KafkaClients {
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    KafkaClients::new(ClientSettings {
        brokers: broker.bootstrap(),
        consumer: consumer.iter().map(own).collect(),
        ..ClientSettings::default()
    })
}

#[test]
fn a_static_member_that_closes_is_back_with_what_it_had() {
    let broker = Broker::shared();
    let (group, topic) = (unique("static"), unique("static"));
    create_topic(&broker.bootstrap(), &topic, 4, &[]);
    let clients = clients(broker, SESSION);
    let mut a = Member::join(&clients, &group, Some("a"), &topic);
    let mut b = Member::join(&clients, &group, Some("b"), &topic);
    until("an assignment", || {
        a.step();
        b.step();
        a.owned.len() == 2 && b.owned.len() == 2
    });
    let (had, told) = (b.owned.clone(), a.told);
    b.consumer.close().expect("a close");
    drop(b);
    let mut b = Member::join(&clients, &group, Some("b"), &topic);
    until("what it had", || {
        a.step();
        b.step();
        b.owned == had
    });
    assert_eq!(a.told, told, "the others are not disturbed");
}

/// So a name must never be given on to somebody who tells something else.
#[test]
fn a_static_member_is_described_as_the_first_of_its_name_under_the_classic_protocol() {
    let broker = Broker::shared();
    let (group, topic) = (unique("described"), unique("described"));
    create_topic(&broker.bootstrap(), &topic, 1, &[]);
    let clients = clients(broker, SESSION);
    let mut admin = clients.admin().expect("an admin client");
    let mut described = || {
        let members = admin.members(&group).expect("an answer");
        let mut names: Vec<String> = members.into_iter().map(|member| member.client_id).collect();
        names.sort();
        names
    };
    assert_eq!(described(), [""; 0]);
    let mut member = Member::join_as("first", &clients, &group, Some("a"), &topic);
    until("an assignment", || {
        member.step();
        member.owned.len() == 1
    });
    member.consumer.close().expect("a close");
    let mut member = Member::join_as("second", &clients, &group, Some("a"), &topic);
    until("an assignment", || {
        member.step();
        member.owned.len() == 1
    });
    assert_eq!(described(), ["first"]);
    member.consumer.close().expect("a close");
    let mut other = Member::join_as("third", &clients, &group, Some("b"), &topic);
    until("a second member", || {
        other.step();
        described() == ["first", "third"]
    });
}

#[test]
fn a_static_member_that_leaves_is_gone_at_once() {
    let broker = Broker::shared();
    let (group, topic) = (unique("left"), unique("left"));
    create_topic(&broker.bootstrap(), &topic, 4, &[]);
    let clients = clients(broker, SESSION);
    let mut a = Member::join(&clients, &group, Some("a"), &topic);
    let mut b = Member::join(&clients, &group, Some("b"), &topic);
    until("an assignment", || {
        a.step();
        b.step();
        a.owned.len() == 2 && b.owned.len() == 2
    });
    b.consumer.leave().expect("a leave");
    let took = until("all partitions", || {
        a.step();
        a.owned.len() == 4
    });
    assert!(took < Duration::from_secs(30), "{took:?}: the session had to time out");
}

#[test]
fn two_members_of_one_name_do_not_throw_each_other_out_for_ever() {
    let broker = Broker::shared();
    let (group, topic) = (unique("twins"), unique("twins"));
    create_topic(&broker.bootstrap(), &topic, 2, &[]);
    let clients = clients(broker, SESSION);
    let mut old = Member::join(&clients, &group, Some("twin"), &topic);
    until("an assignment", || {
        old.step();
        old.owned.len() == 2
    });
    let mut new = Member::join(&clients, &group, Some("twin"), &topic);
    let mut events: Vec<Event<KafkaMessage>> = Vec::new();
    let mut said = String::new();
    until("a refusal", || {
        new.step();
        match old.consumer.poll(&mut events, 10) {
            Err(error) => said = error.to_string(),
            Ok(_) => thread::sleep(Duration::from_millis(5)),
        }
        !said.is_empty() && new.owned.len() == 2
    });
    assert!(said.contains("FENCED_INSTANCE_ID"), "{said}");
    assert!(events.iter().any(|event| matches!(event, Event::Lost(lost) if lost.len() == 2)), "{events:?}");
    assert!(old.consumer.group_metadata().is_none());
    assert!(old.consumer.poll(&mut events, 10).is_err(), "it does not join again");
    // Nothing is left that it could give up, and the place of the other one is not its own.
    let told = new.told;
    old.consumer.leave().expect("an end");
    let wait = Instant::now();
    while wait.elapsed() < Duration::from_secs(1) {
        new.step();
    }
    assert_eq!((new.told, new.owned.len()), (told, 2));
    assert!(new.consumer.group_metadata().is_some());
}

/// Runs it on a thread of its own: what hangs is left there.
#[track_caller]
fn ends(what: &str, body: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        body();
        done.send(()).expect("somebody waits");
    });
    match ended.recv_timeout(Duration::from_secs(30)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} hangs"),
        _ => thread.join().expect("a thread that ends"),
    }
}

/// A crash while the group has decided something that nobody has heard, or that nobody has answered.
#[test]
fn a_member_that_is_dropped_before_it_answered_the_group_ends() {
    let broker = Broker::shared();
    let topic = unique("unanswered");
    create_topic(&broker.bootstrap(), &topic, 2, &[]);
    let newer = &[("group.protocol", "consumer")];
    for (settings, instance) in [(SESSION, None), (SESSION, Some("a")), (newer, None), (newer, Some("a"))] {
        let (clients, topic) = (clients(broker, settings), topic.clone());
        ends("a member that was given partitions and does not know it", move || {
            let group = unique("unanswered");
            let member = Member::join(&clients, &group, instance, &topic);
            until("news", || {
                thread::sleep(Duration::from_millis(5));
                member.consumer.has_news()
            });
            drop(member);
            assert_eq!(clients.admin().unwrap().members(&group).expect("an answer").len(), 1, "it crashed");
        });
    }
    for heard in [false, true] {
        let (clients, topic) = (clients(broker, SESSION), topic.clone());
        ends("a member that was asked for partitions", move || {
            let group = unique("unanswered");
            let mut member = Member::join(&clients, &group, None, &topic);
            until("an assignment", || {
                member.step();
                member.owned.len() == 2
            });
            let mut other = Member::join(&clients, &group, None, &topic);
            let mut events: Vec<Event<KafkaMessage>> = Vec::new();
            until("a revocation", || {
                other.step();
                if heard {
                    member.consumer.poll(&mut events, 10).expect("a poll");
                    events.iter().any(|event| matches!(event, Event::Revoked(_)))
                } else {
                    member.consumer.has_news()
                }
            });
            drop(member);
            assert_eq!(clients.admin().unwrap().members(&group).expect("an answer").len(), 2, "it crashed");
            other.step();
            assert!(other.owned.is_empty(), "{:?}: nobody has given them back", other.owned);
        });
    }
}

/// At any moment: it is given and asked for partitions by threads that nobody sees.
#[test]
fn members_that_are_dropped_in_the_middle_of_a_rebalance_end() {
    let broker = Broker::shared();
    let topic = unique("dropped");
    create_topic(&broker.bootstrap(), &topic, 4, &[]);
    for round in 0..40 {
        let (clients, topic) = (clients(broker, SESSION), topic.clone());
        ends("a member that is dropped", move || {
            let group = unique("dropped");
            let mut first = Member::join(&clients, &group, None, &topic);
            until("an assignment", || {
                first.step();
                first.owned.len() == 4
            });
            let second = Member::join(&clients, &group, None, &topic);
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(round * 15) {
                first.step();
            }
            drop(second);
            drop(first);
        });
    }
}

#[test]
fn who_waits_is_woken_by_a_record() {
    let broker = Broker::shared();
    let topic = unique("woken");
    create_topic(&broker.bootstrap(), &topic, 1, &[]);
    let clients = clients(broker, &[]);
    let mut consumer =
        clients.consumer(&unique("woken"), "w", None, Isolation::ReadCommitted).expect("a consumer");
    consumer.assign(&TopicPartition { topic: topic.clone(), partition: 0 }, 0).expect("an assignment");
    let mut events = Vec::new();
    until("the end", || {
        consumer.poll(&mut events, 10).expect("a poll");
        consumer.wait(5);
        events.iter().any(|event| matches!(event, Event::End { .. }))
    });
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(200));
            Producer::new(&broker.bootstrap()).write([Message::to(&topic).value("x")]);
        });
        let took = until("a record", || {
            consumer.wait(PATIENCE.as_millis() as u64);
            consumer.poll(&mut events, 10).expect("a poll") > 0
        });
        assert!(took < PATIENCE / 2, "{took:?}");
    });
}

/// A client can be told wrong of a leader and then says nothing for ever; a fetch whose answer never comes looks the same
/// from here, and would be waited for for a minute.
#[test]
fn a_partition_that_is_silent_though_there_is_more_is_read_by_another_client() {
    let broker = Broker::shared();
    let (proxy, topic) = (broker.proxy(), unique("silent"));
    create_topic(&broker.bootstrap(), &topic, 1, &[]);
    let clients =
        KafkaClients::new(ClientSettings { brokers: proxy.bootstrap(), ..ClientSettings::default() });
    let mut consumer =
        clients.consumer(&unique("silent"), "s", None, Isolation::ReadCommitted).expect("a consumer");
    consumer.assign(&TopicPartition { topic: topic.clone(), partition: 0 }, 0).expect("an assignment");
    let producer = Producer::new(&broker.bootstrap());
    let mut offsets = Vec::new();
    let mut read_to = |consumer: &mut KafkaConsumer, end: i64| {
        let mut events = Vec::new();
        until("records", || {
            consumer.poll(&mut events, 10).expect("a poll");
            offsets.extend(events.drain(..).filter_map(|event| match event {
                Event::Record { message, .. } => Some(message.offset()),
                _ => None,
            }));
            consumer.wait(5);
            offsets.last() == Some(&(end - 1))
        })
    };
    producer.write((0..5).map(|_| Message::to(&topic).value("x")));
    read_to(&mut consumer, 5);
    proxy.next(Api::FETCH, 1, Fault::WithholdAnswer);
    let withheld = Instant::now();
    while proxy.struck(Api::FETCH) == 0 {
        consumer.poll(&mut Vec::new(), 10).expect("a poll");
        assert!(withheld.elapsed() < PATIENCE, "nothing is fetched");
    }
    producer.write((0..5).map(|_| Message::to(&topic).value("y")));
    let took = read_to(&mut consumer, 10);
    println!("read after {took:?}");
    assert!(took < Duration::from_secs(35), "{took:?}");
    // Each once, in their order.
    assert_eq!(offsets, (0..10).collect::<Vec<i64>>());
}

#[test]
fn a_topic_tells_how_long_it_keeps_what() {
    let broker = Broker::shared();
    let (plain, compacted) = (unique("kept"), unique("kept"));
    create_topic(&broker.bootstrap(), &plain, 1, &[("retention.ms", "123456")]);
    let settings = [("cleanup.policy", "compact"), ("delete.retention.ms", "777"), ("retention.ms", "1")];
    create_topic(&broker.bootstrap(), &compacted, 1, &settings);
    let clients = clients(broker, &[]);
    let mut consumer = clients.consumer(&unique("kept"), "k", None, Isolation::ReadCommitted).expect("one");
    assert_eq!(answer(|| consumer.retention_ms(&plain)), Some(123_456));
    assert_eq!(answer(|| consumer.retention_ms(&compacted)), None);
    assert_eq!(answer(|| consumer.delete_retention_ms(&compacted)), Some(777));
    let ids = [&plain, &compacted].map(|topic| answer(|| consumer.topic_id(topic)));
    assert!(ids[0] != 0 && ids[0] != ids[1], "{ids:?}");
}

/// What is asked of a broker is answered later.
#[track_caller]
fn answer<T>(mut ask: impl FnMut() -> Result<T, TransportError>) -> T {
    let mut answer = None;
    until("an answer", || {
        match ask() {
            Err(error) if error.timed_out().is_some() => thread::sleep(Duration::from_millis(1)),
            answered => answer = Some(answered.expect("an answer")),
        }
        answer.is_some()
    });
    answer.expect("it was waited for")
}
