//! Before the group is joined: are the brokers there, are the topics as they should be, may they be used, is everybody in
//! the group an instance of the same? Makes the internal topics that are missing, and tells everything else that does not
//! fit at once.
//!
//! ```text
//! reach → describe → plan → problems? ─yes→ one report
//!                             └─no→ create repartition topics → plan → create changelogs → all brokers know them
//! ```
//!
//! Instances start at the same time, so each step asks what is there now: whoever comes second finds the topic made and
//! checks it as if it had been there for ever. The number of partitions of a repartition topic is what the topic has,
//! not what this instance would have made of it; the changelogs behind it follow from that, so they come after it.
//!
//! Knows a plan and what looks after topics. Does not know clients, workers or records.

mod internal;
mod report;

pub use report::{Problem, StartupError};

use self::internal::Kind;
use self::report::{Resource, What};
use crate::guarantee::Guarantee;
use crate::members::{left_behind, strangers, thread_of};
use crate::settings::Settings;
use crate::stream::TopicSpec;
use crate::topology::{Plan, PlannedTopic, Topology};
use crate::transport::TransportError;
use crate::transport::topics::{
    Creation, Found, MayWrite, NewTopic, Operation, Operations, TopicDescription, Topics,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a start rests before it asks brokers again that gave no answer.
const AGAIN: Duration = Duration::from_millis(500);

/// What a start needs to know beside the topology.
#[derive(Clone, Copy, Debug)]
pub struct Startup<'a> {
    /// The application's id.
    pub application: &'a str,
    /// The id of the process, the same at each start on one state directory: what is left in the group of an earlier run
    /// is nobody else.
    pub process_id: &'a str,
    /// How many of its threads take the place of one of an earlier run: all of them if they are static members, or none.
    pub returning: usize,
    /// Where its brokers are, for the words of a report.
    pub brokers: &'a str,
    /// What is promised, which decides whether it writes in transactions.
    pub guarantee: Guarantee,
    /// How many brokers keep each internal topic; `None`: they decide.
    pub replication: Option<u16>,
    /// Further settings of internal topics.
    pub topics: &'a [(String, String)],
    /// How long is waited for brokers, and again for new topics.
    pub patience_ms: u64,
}

/// What was found and made.
#[derive(Clone, Debug)]
pub struct Started {
    /// All topics with their counts.
    pub plan: Plan,
    /// What each topic is like.
    pub topics: BTreeMap<String, TopicDescription>,
    /// For how long the brokers keep offsets of topics that nobody in their group subscribes to
    /// (`offsets.retention.minutes`); `None` if that may not be read.
    pub offsets_retention_ms: Option<u64>,
    /// What will work and is probably not wanted; for a log.
    pub warnings: Vec<String>,
}

impl<'a> Startup<'a> {
    /// The start of an application with these settings.
    pub fn new(application: &'a str, process_id: &'a str, returning: usize, settings: &'a Settings) -> Self {
        Startup {
            application,
            process_id,
            returning,
            brokers: settings.brokers.as_deref().unwrap_or_default(),
            guarantee: settings.guarantee,
            replication: settings.replication,
            topics: &settings.topics,
            patience_ms: settings.patience_ms,
        }
    }

    /// Checks everything and makes the internal topics that are missing.
    ///
    /// # Errors
    /// Everything that does not fit, at once. Nothing was made then, unless the making itself failed.
    pub fn run(&self, topics: &mut dyn Topics, topology: &Topology) -> Result<Started, StartupError> {
        let until = Instant::now() + Duration::from_millis(self.patience_ms);
        loop {
            match self.try_once(topics, topology) {
                // A broker that answered and then went away is waited for like one that was not there. Whatever was made
                // already is found.
                Err(error) if error.problems.iter().all(Problem::may_pass) && Instant::now() < until => {
                    tracing::warn!(application = self.application, "{error}; asks again");
                    std::thread::sleep(AGAIN);
                }
                ended => return ended,
            }
        }
    }

    fn try_once(&self, topics: &mut dyn Topics, topology: &Topology) -> Result<Started, StartupError> {
        let failed = |mut problems: Vec<Problem>| {
            problems.sort();
            problems.dedup();
            StartupError {
                application: self.application.to_owned(),
                brokers: self.brokers.to_owned(),
                problems,
            }
        };
        topics.reach(self.patience_ms).map_err(|unreached| failed(vec![unreached.into()]))?;
        let mut seen = Seen::default();
        let may_write = self.may_write(topics);
        let looked = self.look(topics, topology, &mut seen);
        let plan = match (looked, self.transactions(may_write).map_err(&failed)?) {
            (Ok(plan), None) => plan,
            (looked, transactions) => {
                let problems = looked.err().into_iter().flatten().chain(transactions);
                return Err(failed(problems.collect()));
            }
        };
        let repartition = self.missing(&plan, &seen, |kind| kind == Kind::Repartition);
        let plan = self.make(topics, topology, plan, &repartition, &mut seen).map_err(&failed)?;
        let changelogs = self.missing(&plan, &seen, |kind| kind != Kind::Repartition);
        let plan = self.make(topics, topology, plan, &changelogs, &mut seen).map_err(&failed)?;
        let minutes = topics.broker_setting("offsets.retention.minutes").map_err(asking).map_err(&failed)?;
        let minutes = minutes.and_then(|minutes| minutes.parse::<u64>().ok());
        let offsets_retention_ms = minutes.map(|minutes| minutes.saturating_mul(60_000));
        let warnings = self.warnings(&plan, &seen);
        Ok(Started { plan, topics: seen.topics, offsets_retention_ms, warnings })
    }

    /// Asks whether it may write in transactions. The ids of threads begin like the one that is asked for; it is
    /// nobody's, so that no instance that runs is fenced by one that starts.
    fn may_write(&self, topics: &mut dyn Topics) -> Option<MayWrite> {
        let exactly_once = self.guarantee == Guarantee::ExactlyOnce;
        exactly_once.then(|| topics.may_write_under(&format!("{}-start", self.application)))
    }

    fn transactions(&self, may_write: Option<MayWrite>) -> Result<Option<Problem>, Vec<Problem>> {
        let allowed = may_write.map_or(Ok(None), |answer| answer()).map_err(asking)?;
        let ids = Resource::TransactionalIds(format!("{}-", self.application));
        Ok((allowed == Some(false)).then(|| not_allowed(ids, Operation::Write, "to commit")))
    }

    /// Describes every topic the topology names, and checks all of it.
    fn look(
        &self,
        topics: &mut dyn Topics,
        topology: &Topology,
        seen: &mut Seen,
    ) -> Result<Plan, Vec<Problem>> {
        // The names do not depend on counts.
        let (plan, _) = Plan::with_problems(topology, self.application, |_, n| n, |_| None);
        let names = plan.internal.iter().map(|topic| topic.name.clone()).chain(external(topology));
        let names: Vec<String> = names.collect::<BTreeSet<_>>().into_iter().collect();
        let found = topics.describe(&names).map_err(asking)?;
        *seen = Seen::default();
        for (name, found) in names.into_iter().zip(found) {
            match found {
                Found::Missing => {}
                Found::Forbidden(words) => drop(seen.forbidden.insert(name, words)),
                Found::Topic(topic) => drop(seen.topics.insert(name, topic)),
            }
        }
        let rights = topics.rights(self.application).map_err(asking)?;
        let members = topics.members(self.application).map_err(asking)?;
        let (leaders, number) =
            (plan.leaders_hash(), |name: &str| thread_of(name, self.application, self.process_id));
        seen.left = left_behind(&members, leaders, self.returning, number);
        let others = strangers(members, leaders, |name| number(name).is_some());
        let (plan, mut problems) = self.check(topology, seen, rights.group);
        let missing = self.missing(&plan, seen, |_| true);
        problems.extend(self.refused(&missing, topics.try_create(&missing).map_err(asking)?));
        problems.extend(others.into_iter().map(|stranger| Problem(What::Stranger(stranger))));
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    fn check(&self, topology: &Topology, seen: &Seen, group: Option<Operations>) -> (Plan, Vec<Problem>) {
        let live = |name: &str| seen.topics.get(name).map(|topic| topic.partitions);
        // What may not be seen is not missing, and has whatever count is asked for.
        let declared = |name: &str, n: Option<u32>| match seen.forbidden.contains_key(name) {
            true => n.or(Some(1)),
            false => live(name),
        };
        let (plan, unfit) = Plan::with_problems(topology, self.application, declared, live);
        let (read, written) = uses(topology);
        let forbidden = |(name, words): (&String, &String)| {
            let resource = Resource::Topic(name.clone());
            // Whoever may read or write may describe as well; what else is missing is told with it.
            let all = match (read.contains(name), written.contains(name)) {
                (true, false) => &[Operation::Describe, Operation::Read][..],
                (false, true) => &[Operation::Describe, Operation::Write],
                (true, true) => &[Operation::Describe, Operation::Read, Operation::Write],
                (false, false) => {
                    &[Operation::Describe, Operation::Read, Operation::Write, Operation::Create]
                }
            };
            let cause = "to see how many partitions it has";
            Problem(What::Forbidden { resource, all: named(all), cause, words: words.clone() })
        };
        let mut problems: Vec<Problem> = seen.forbidden.iter().map(forbidden).collect();
        if group.is_some_and(|group| !group.allow(Operation::Read)) {
            let resource = Resource::Group(self.application.to_owned());
            problems.push(not_allowed(resource, Operation::Read, "to share out partitions"));
        }
        let counted = unfit.is_empty() && seen.forbidden.is_empty();
        problems.extend(unfit.into_iter().map(|problem| Problem(What::Plan(problem))));
        for topic in &plan.internal {
            let Some(described) = seen.topics.get(&topic.name) else { continue };
            let kind = Kind::of(&plan, topic);
            // What a changelog should have is known only once its inputs are counted.
            if counted && described.partitions != topic.partitions {
                problems.push(Problem(What::Internal {
                    topic: topic.name.clone(),
                    kind: kind.name(),
                    live: described.partitions,
                    expected: topic.partitions,
                }));
            }
            problems.extend(
                kind.harmful(described)
                    .into_iter()
                    .map(|harm| Problem(What::Harm { topic: topic.name.clone(), kind: kind.name(), harm })),
            );
            problems.extend(unusable(&topic.name, described, true, true));
        }
        for name in read.union(&written) {
            let Some(described) = seen.topics.get(name) else { continue };
            problems.extend(unusable(name, described, read.contains(name), written.contains(name)));
        }
        (plan, problems)
    }

    /// Internal topics that are not there.
    fn missing(&self, plan: &Plan, seen: &Seen, wanted: impl Fn(Kind) -> bool) -> Vec<NewTopic> {
        let missing = |topic: &&PlannedTopic| {
            !seen.topics.contains_key(&topic.name) && !seen.forbidden.contains_key(&topic.name)
        };
        let new = |topic: &PlannedTopic| {
            let kind = Kind::of(plan, topic);
            wanted(kind).then(|| kind.new_topic(topic, self.replication, self.topics))
        };
        plan.internal.iter().filter(missing).filter_map(new).collect()
    }

    /// Creates topics and looks at everything again, as another instance may have made them otherwise.
    fn make(
        &self,
        topics: &mut dyn Topics,
        topology: &Topology,
        plan: Plan,
        new: &[NewTopic],
        seen: &mut Seen,
    ) -> Result<Plan, Vec<Problem>> {
        if new.is_empty() {
            return Ok(plan);
        }
        let problems = self.refused(new, topics.create(new).map_err(asking)?);
        if !problems.is_empty() {
            return Err(problems);
        }
        // Somebody else may have made it with fewer partitions: one is what all brokers have to know of, and the
        // count is looked at below.
        let known: Vec<_> = new.iter().map(|topic| (topic.name.clone(), 1)).collect();
        self.await_known(topics, &known)?;
        let plan = self.look(topics, topology, seen)?;
        let counts = new.iter().filter_map(|new| {
            let topic = plan.internal.iter().find(|topic| topic.name == new.name)?;
            Some((topic.name.clone(), topic.partitions))
        });
        self.await_known(topics, &counts.collect::<Vec<_>>())?;
        Ok(plan)
    }

    fn refused(&self, new: &[NewTopic], came: Vec<Creation>) -> Vec<Problem> {
        let refused = |(topic, came): (&NewTopic, Creation)| match came {
            Creation::Refused(words) => Some(Problem(What::NotCreated { topic: topic.name.clone(), words })),
            Creation::Created | Creation::Exists => None,
        };
        new.iter().zip(came).filter_map(refused).collect()
    }

    fn await_known(&self, topics: &mut dyn Topics, known: &[(String, u32)]) -> Result<(), Vec<Problem>> {
        match topics.await_known(known, self.patience_ms) {
            Err(error) => Err(asking(error)),
            Ok(unknown) if unknown.is_empty() => Ok(()),
            Ok(unknown) => Err(unknown
                .into_iter()
                .map(|topic| Problem(What::NotKnown { topic, waited_ms: self.patience_ms }))
                .collect()),
        }
    }

    /// What will work and is probably not wanted.
    fn warnings(&self, plan: &Plan, seen: &Seen) -> Vec<String> {
        let mut warnings = Vec::new();
        for topic in &plan.internal {
            let Some(described) = seen.topics.get(&topic.name) else { continue };
            let (name, kind) = (&topic.name, Kind::of(plan, topic));
            if let Some(wanted) = self.replication
                && described.replicas < u32::from(wanted)
            {
                warnings.push(format!(
                    "the {} `{name}` was made before and has {} replicas; `replication.factor` is {wanted}",
                    kind.name(),
                    described.replicas,
                ));
            }
            if kind == Kind::Repartition
                && described.rights.is_some_and(|rights| !rights.allow(Operation::Delete))
            {
                warnings.push(format!(
                    "records of the {} `{name}` stay after they were read: that needs `Delete` for the topic",
                    kind.name(),
                ));
            }
        }
        for member in &seen.left {
            warnings.push(format!(
                "member `{member}` is left of an earlier run of this instance: what the group gave it stands still until its \
                 session has ended (`session.timeout.ms`)"
            ));
        }
        warnings
    }
}

fn asking(error: TransportError) -> Vec<Problem> {
    let is_silence = error.timed_out().is_some();
    vec![Problem(What::Asking { is_silence, words: error.to_string() })]
}

/// What was found by the last look.
#[derive(Default)]
struct Seen {
    topics: BTreeMap<String, TopicDescription>,
    /// What may not be described, and the broker's words.
    forbidden: BTreeMap<String, String>,
    /// Members of an earlier run that nobody will take the place of.
    left: Vec<String>,
}

fn not_allowed(resource: Resource, operation: Operation, cause: &'static str) -> Problem {
    Problem(What::Forbidden { resource, all: named(&[operation]), cause, words: String::new() })
}

fn named(operations: &[Operation]) -> Vec<&'static str> {
    operations.iter().map(|operation| operation.name()).collect()
}

/// Why a topic that is there cannot be read or written.
fn unusable(name: &str, topic: &TopicDescription, read: bool, written: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(rights) = topic.rights {
        let needed = [
            (read, Operation::Read, "to read its records"),
            (written, Operation::Write, "to write records to it"),
        ];
        for (needed, operation, cause) in needed {
            if needed && !rights.allow(operation) {
                problems.push(not_allowed(Resource::Topic(name.to_owned()), operation, cause));
            }
        }
    }
    if !topic.leaderless.is_empty() {
        problems.push(Problem(What::Leaderless {
            topic: name.to_owned(),
            partitions: topic.leaderless.clone(),
            of: topic.partitions,
        }));
    }
    let needed = topic.setting("min.insync.replicas").and_then(|n| n.parse().ok()).unwrap_or(0);
    if written && needed > topic.replicas {
        let (topic, replicas) = (name.to_owned(), topic.replicas);
        problems.push(Problem(What::Replicas { topic, replicas, needed }));
    }
    problems
}

/// The declared topics.
fn external(topology: &Topology) -> impl Iterator<Item = String> {
    let (read, written) = uses(topology);
    read.into_iter().chain(written)
}

/// Which declared topics are read, and which are written.
fn uses(topology: &Topology) -> (BTreeSet<String>, BTreeSet<String>) {
    let specs = || topology.entries().iter().map(|entry| entry.spec);
    let names = |topics: &mut dyn Iterator<Item = TopicSpec>| {
        topics.map(|topic| topology.called(topic.name).to_owned()).collect()
    };
    let read = names(&mut specs().flat_map(|spec| spec.reads.iter().filter_map(|read| read.topic)));
    let written = names(&mut specs().filter_map(|spec| spec.to));
    (read, written)
}
