//! For how long nothing comes out of a partition when its instance ends, dies or another one joins.
//!
//! Votes come at a steady rate into both partitions and are counted; a reader of committed records notes when each
//! count came. What is told is the longest time without one in either partition, from the event on.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use super::trace::Trace;
use crate::broker::Broker;
use crate::broker::application::Application;
use crate::broker::supervised::{Signal, Supervised};
use crate::broker::tools::{Follower, Isolation, Message, PATIENCE, Producer, create_topic, until};

const PARTITIONS: i32 = 2;

/// How often a vote comes into each partition.
const BETWEEN: Duration = Duration::from_millis(10);

/// Without a pause for so long, whatever was disturbed is over.
const CALM: Duration = Duration::from_secs(4);

/// Longer than an instance needs from its start until it joins.
const JOINED: Duration = Duration::from_secs(12);

/// Longer than between two commits, on a machine that does other things.
const PAUSE: Duration = Duration::from_millis(500);

/// In milliseconds; decides how long one that died is waited for.
const SESSION: u64 = 6_000;

/// What was measured: one time for each round.
#[derive(Clone, Debug, Default)]
pub struct Pauses {
    /// Nothing happens.
    pub undisturbed: Vec<Duration>,
    /// A second instance joins.
    pub joins: Vec<Duration>,
    /// One of two is asked to end and gives its tasks up.
    pub leaves: Vec<Duration>,
    /// One of two is killed.
    pub dies: Vec<Duration>,
    /// One is killed and started again at once, with its disk.
    pub restarts: Vec<Duration>,
}

impl fmt::Display for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("undisturbed", &self.undisturbed),
            ("joins", &self.joins),
            ("leaves", &self.leaves),
            ("dies", &self.dies),
            ("dies, is back at once", &self.restarts),
        ];
        writeln!(f, "without a result, in ms: median (least to most) of {} rounds", self.joins.len())?;
        for (what, times) in rows {
            let mut times: Vec<u128> = times.iter().map(Duration::as_millis).collect();
            times.sort_unstable();
            if let (Some(least), Some(most)) = (times.first(), times.last()) {
                writeln!(f, "  {what}: {} ({least} to {most})", times[times.len() / 2])?;
            }
        }
        Ok(())
    }
}

/// One instance, of this product or of another.
enum Member {
    Ours(Box<Application>),
    Other(Supervised, Vec<String>),
}

impl Member {
    /// `other` is the command of a program that takes the variables of the comparison on a broker (`benches`). `set` are
    /// more settings.
    fn new(number: usize, bootstrap: &str, other: Option<&[String]>, set: &[(String, String)]) -> Self {
        let Some(command) = other else {
            let name = format!("pauses-{number}");
            let mut app = Application::named("tally", "pauses", &name, bootstrap).on_disk();
            app.set("commit.interval.ms", "100").set("leave.group.on.close", "true");
            app.set("consumer.session.timeout.ms", &SESSION.to_string());
            app.unset("consumer.heartbeat.interval.ms").unset("producer.transaction.timeout.ms");
            for (name, value) in set {
                app.set(name, value);
            }
            return Member::Ours(Box::new(app));
        };
        let process = Supervised::new(&format!("pauses-other-{number}"), false);
        let state = process.folder().join("state");
        let mut settings = format!("session.timeout.ms={SESSION};internal.leave.group.on.close=true");
        set.iter().for_each(|(name, value)| settings.push_str(&format!(";{name}={value}")));
        let variables = [
            ("APPLICATION_ID", "pauses".to_owned()),
            ("BOOTSTRAP_SERVERS", bootstrap.to_owned()),
            ("INPUT_TOPICS", "votes".to_owned()),
            ("OUTPUT_TOPIC", "tally".to_owned()),
            ("BENCH_WORKLOAD", "W2".to_owned()),
            ("GUARANTEE", "exactly_once".to_owned()),
            ("COMMIT_INTERVAL_MS", "100".to_owned()),
            ("CACHE_BYTES", "0".to_owned()),
            ("STATE_DIR", state.display().to_string()),
            ("STREAMS_CONF", settings),
        ];
        let variables = variables.map(|(name, value)| format!("{name}={value}"));
        let words = ["env".to_owned()].into_iter().chain(variables).chain(command.iter().cloned());
        let words = words.collect();
        Member::Other(process, words)
    }

    fn start(&mut self) {
        match self {
            Member::Ours(app) => app.start(),
            Member::Other(process, words) => process.run(words.iter()),
        }
    }

    fn kill(&self) {
        match self {
            Member::Ours(app) => app.kill(),
            Member::Other(process, _) => process.kill(),
        }
    }

    fn ask_to_end(&self) {
        match self {
            Member::Ours(app) => app.signal(Signal::Terminate),
            Member::Other(process, _) => process.signal(Signal::Terminate),
        }
    }

    fn ended(&self) {
        let code = match self {
            Member::Ours(app) => app.exit(PATIENCE),
            Member::Other(process, _) => process.ended(PATIENCE),
        };
        assert!(code.is_some(), "an instance does not end");
    }
}

/// Two instances, of which the first counts votes that come in.
struct Poll {
    members: [Member; 2],
    results: Results,
    _votes: Votes,
    /// Dropped last.
    _broker: Broker,
}

impl Poll {
    fn start(other: Option<&[String]>, set: &[(String, String)]) -> Self {
        let broker = Broker::start();
        let bootstrap = broker.bootstrap();
        create_topic(&bootstrap, "votes", PARTITIONS, &[]);
        create_topic(&bootstrap, "tally", PARTITIONS, &[]);
        let mut members = [0, 1].map(|number| Member::new(number, &bootstrap, other, set));
        members[0].start();
        let votes = Votes::start(&bootstrap);
        let mut results = Results::of(&bootstrap);
        results.until_steady();
        Self { members, results, _votes: votes, _broker: broker }
    }
}

/// For how long nothing comes out of a partition when a second instance joins, as an application is set by default.
pub fn pause_of_a_join() -> Duration {
    let Poll { members: [_, second], results, .. } = &mut Poll::start(None, &[]);
    results.pause_after(|| second.start(), JOINED)
}

/// Measures so many rounds, with more settings.
pub fn pauses(rounds: usize, other: Option<&[String]>, set: &[(String, String)]) -> Pauses {
    let trace = Trace::start();
    let Poll { members, results, .. } = &mut Poll::start(other, set);
    let mut pauses = Pauses::default();
    for round in 0..rounds {
        pauses.undisturbed.push(results.pause_since(Instant::now(), CALM));
        pauses.joins.push(results.pause_after(|| members[1].start(), JOINED));
        pauses.leaves.push(results.pause_after(|| members[1].ask_to_end(), CALM));
        members[1].ended();

        members[1].start();
        results.until_steady();
        pauses.dies.push(results.pause_after(|| members[1].kill(), CALM));

        members[1].start();
        results.until_steady();
        pauses.restarts.push(results.pause_after(
            || {
                members[1].kill();
                members[1].start();
            },
            JOINED,
        ));
        members[1].ask_to_end();
        members[1].ended();
        results.until_steady();
        trace.say(&format!("round {}", round + 1));
    }
    pauses
}

/// Votes that keep coming.
struct Votes {
    stop: std::sync::mpsc::Sender<()>,
    writer: Option<thread::JoinHandle<()>>,
}

impl Votes {
    fn start(bootstrap: &str) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let producer = Producer::new(bootstrap);
        let writer = thread::spawn(move || {
            let waits = |time| stopped.recv_timeout(time) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
            while waits(BETWEEN) {
                let vote = |partition| Message::to("votes").partition(partition).key(format!("{partition}"));
                producer.write((0..PARTITIONS).map(|partition| vote(partition).value("yes")));
            }
        });
        Self { stop, writer: Some(writer) }
    }
}

impl Drop for Votes {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if !thread::panicking() {
            let _ = self.writer.take().map(thread::JoinHandle::join);
        }
    }
}

/// When counts came.
struct Results {
    follower: Follower,
}

impl Results {
    fn of(bootstrap: &str) -> Self {
        Self { follower: Follower::start(bootstrap, "tally", Isolation::Committed) }
    }

    fn pause_after(&mut self, deed: impl FnOnce(), at_least: Duration) -> Duration {
        let begun = Instant::now();
        deed();
        self.pause_since(begun, at_least)
    }

    /// The longest time without a count in one of the partitions from then on, until all has been calm for a while, but
    /// for so long at least.
    fn pause_since(&mut self, begun: Instant, at_least: Duration) -> Duration {
        let mut longest = Duration::ZERO;
        let mut before = [begun; PARTITIONS as usize];
        let mut disturbed = begun;
        while disturbed.elapsed() < CALM || begun.elapsed() < at_least {
            assert!(begun.elapsed() < PATIENCE * 2, "results do not come in peace");
            for (at, record) in self.follower.news() {
                let before = &mut before[usize::try_from(record.partition).expect("a partition")];
                longest = longest.max(at.saturating_duration_since(*before));
                *before = at.max(*before);
            }
            // The one that has not ended yet, too.
            let lasts = before.iter().map(Instant::elapsed).max().expect("partitions");
            longest = longest.max(lasts);
            if lasts > PAUSE {
                disturbed = Instant::now();
            }
            thread::sleep(Duration::from_millis(5));
        }
        longest
    }

    /// Waits until counts of all partitions come, and an instance that was just started has its share.
    fn until_steady(&mut self) {
        let mut come = [false; PARTITIONS as usize];
        until("results of all partitions", PATIENCE * 2, || {
            for (_, record) in self.follower.news() {
                come[usize::try_from(record.partition).expect("a partition")] = true;
            }
            come.iter().all(|come| *come).then_some(())
        });
        self.pause_since(Instant::now(), JOINED);
    }
}
