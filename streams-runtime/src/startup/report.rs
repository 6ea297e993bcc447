//! What keeps an application from starting, in words: what is, what was expected, and the cure.
//!
//! Knows every problem and Kafka's tools for mending it. Does not know how it was found.

use super::internal::Harm;
use crate::members::Stranger;
use crate::topology::PlanProblem;
use crate::transport::topics::Unreached;
use std::fmt;

/// Everything that keeps an application from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartupError {
    /// Its id.
    pub application: String,
    /// Where its brokers are, for the commands in the cures.
    pub brokers: String,
    /// All of it, in the order of what is mended first.
    pub problems: Vec<Problem>,
}

/// One thing that keeps an application from starting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem(pub(super) What);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Unreached {
        waited_ms: u64,
        reasons: Vec<String>,
    },
    Asking {
        /// They gave no answer, and may give one if they are asked again.
        is_silence: bool,
        words: String,
    },
    Stranger(Stranger),
    /// The first of these operations is known to be missing; the others are needed as well.
    Forbidden {
        resource: Resource,
        all: Vec<&'static str>,
        cause: &'static str,
        words: String,
    },
    Plan(PlanProblem),
    Internal {
        topic: String,
        kind: &'static str,
        live: u32,
        expected: u32,
    },
    Harm {
        topic: String,
        kind: &'static str,
        harm: Harm,
    },
    Replicas {
        topic: String,
        replicas: u32,
        needed: u32,
    },
    Leaderless {
        topic: String,
        partitions: Vec<u32>,
        of: u32,
    },
    NotCreated {
        topic: String,
        words: String,
    },
    NotKnown {
        topic: String,
        waited_ms: u64,
    },
}

/// What a right is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    Topic(String),
    Group(String),
    /// All that begin so.
    TransactionalIds(String),
}

impl From<Unreached> for Problem {
    fn from(unreached: Unreached) -> Problem {
        Problem(What::Unreached { waited_ms: unreached.waited_ms, reasons: unreached.reasons })
    }
}

impl std::error::Error for StartupError {}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the application `{}` cannot start:", self.application)?;
        for Problem(what) in &self.problems {
            let cure = Cure { what, error: self };
            write!(f, "\n  {what}\n    help: {cure}")?;
        }
        Ok(())
    }
}

impl Problem {
    /// True if it may pass by itself: a broker that is being started again.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.0, What::Asking { is_silence: true, .. })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Unreached { waited_ms, reasons } => {
                write!(f, "no broker answered within {}", Time(*waited_ms))?;
                reasons.iter().try_for_each(|reason| write!(f, "\n      {reason}"))
            }
            What::Asking { words, .. } => write!(f, "the brokers could not be asked: {words}"),
            What::Forbidden { resource, all, cause, words } => {
                let operation = all.first().copied().unwrap_or_default();
                write!(f, "{resource} may not be used for `{operation}`, which is needed {cause}")?;
                if words.is_empty() { Ok(()) } else { write!(f, " ({words})") }
            }
            What::Stranger(stranger) if stranger.is_instance() => {
                write!(f, "{stranger} reads other topics together: both would read the same partitions")
            }
            What::Stranger(stranger) => {
                write!(
                    f,
                    "{stranger} is in the group and no instance of it: what it is given nobody would process"
                )
            }
            What::Plan(problem) => problem.fmt(f),
            What::Internal { topic, kind, live, expected } => {
                write!(f, "the {kind} `{topic}` has {live} partitions, but {expected} tasks share its rows")
            }
            What::Harm { topic, kind, harm } => {
                write!(f, "the {kind} `{topic}` has `{} = {}`: {}", harm.setting, harm.is, harm.why)
            }
            What::Replicas { topic, replicas, needed } => write!(
                f,
                "nothing can be written to topic `{topic}`: `min.insync.replicas` is {needed}, and it has {replicas}"
            ),
            What::Leaderless { topic, partitions, of } => {
                write!(f, "topic `{topic}` has no leader for ")?;
                match partitions.len() {
                    1 => write!(f, "partition {} of {of}", partitions[0]),
                    n => write!(f, "{n} of {of} partitions"),
                }
            }
            What::NotCreated { topic, words } => {
                write!(f, "the internal topic `{topic}` could not be created: {words}")
            }
            What::NotKnown { topic, waited_ms } => write!(
                f,
                "the internal topic `{topic}` was created, and not all brokers know it after {}",
                Time(*waited_ms)
            ),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Topic(name) => write!(f, "topic `{name}`"),
            Resource::Group(name) => write!(f, "group `{name}`"),
            Resource::TransactionalIds(prefix) => write!(f, "transactional ids `{prefix}…`"),
        }
    }
}

/// The cure of a problem.
struct Cure<'a> {
    what: &'a What,
    error: &'a StartupError,
}

impl Cure<'_> {
    fn tool(&self, tool: &str) -> String {
        format!("{tool}.sh --bootstrap-server {}", self.error.brokers)
    }
}

impl fmt::Display for Cure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topics = self.tool("kafka-topics");
        match self.what {
            What::Unreached { reasons, .. } if reasons.iter().any(|reason| reason.contains("uthenticat")) => {
                f.write_str("`sasl.mechanism`, `sasl.username` and `sasl.password` say who it is")
            }
            What::Unreached { .. } => write!(
                f,
                "`bootstrap.servers` is `{}`; `default.api.timeout.ms` says how long is waited",
                self.error.brokers
            ),
            What::Asking { .. } => {
                f.write_str("start it again; if that does not help, look into the brokers' logs")
            }
            What::Forbidden { resource, all, .. } => {
                // Of what is the application's own there will be more.
                let own = format!("{}-", self.error.application);
                let (option, name, prefixed) = match resource {
                    Resource::Topic(_) if all.contains(&"Create") => ("topic", &own, true),
                    Resource::Topic(name) => ("topic", name, false),
                    Resource::Group(name) => ("group", name, false),
                    Resource::TransactionalIds(prefix) => ("transactional-id", prefix, true),
                };
                write!(f, "allow it: `{} --add --allow-principal User:…", self.tool("kafka-acls"))?;
                all.iter().try_for_each(|operation| write!(f, " --operation {operation}"))?;
                write!(
                    f,
                    " --{option} {name}{}`",
                    if prefixed { " --resource-pattern-type prefixed" } else { "" }
                )
            }
            What::Stranger(stranger) if stranger.is_instance() => f.write_str(
                "stop all instances of the old topology before the first of the new one is started, or give this one \
                 another application id; one that is stopped already and still there is forgotten when its session \
                 has timed out",
            ),
            What::Stranger(_) => f.write_str("stop it, or give it another `group.id`"),
            What::Plan(PlanProblem::Missing { topic, declared }) => {
                let partitions = declared.map_or("…".to_owned(), |n| n.to_string());
                write!(f, "create it: `{topics} --create --topic {topic} --partitions {partitions}`")
            }
            What::Plan(PlanProblem::Count { topic, live, declared }) => {
                write!(f, "write `partitions = {live}` where it is declared")?;
                if live < declared {
                    write!(
                        f,
                        ", or add partitions if no key has to stay in its own: \
                         `{topics} --alter --topic {topic} --partitions {declared}`"
                    )?;
                }
                Ok(())
            }
            What::Plan(PlanProblem::Unknown { .. }) => {
                f.write_str("remove this `topic_name`, or list the step that uses the topic in `topology!`")
            }
            What::Plan(PlanProblem::Shared { .. }) => f.write_str("give them two names"),
            What::Plan(PlanProblem::Joined { left, right, .. }) => {
                // The right one may be a table, which stays as it is.
                write!(
                    f,
                    "lay the stream that comes from `{}` out anew with `repartition(partitions = {})`, or make both \
                     topics alike",
                    left.0, right.1
                )
            }
            What::Plan(PlanProblem::Unread { topic, .. }) => {
                write!(f, "partitions of `{topic}` that nobody shares out would not be read")
            }
            What::Internal { topic, live, .. } => write!(
                f,
                "give the inputs {live} partitions again; or, if its rows can be made anew from the inputs, stop all \
                 instances, delete it (`{topics} --delete --topic {topic}`) and take the offsets of group `{}` back",
                self.error.application
            ),
            What::Harm { topic, harm, .. } => {
                // The tool splits values at commas unless there are brackets around them.
                let value =
                    if harm.cure.contains(',') { format!("[{}]", harm.cure) } else { harm.cure.clone() };
                let configs = self.tool("kafka-configs");
                write!(f, "`{configs} --alter --topic {topic} --add-config {}={value}`", harm.setting)
            }
            What::Replicas { topic, replicas, .. } => {
                let configs = self.tool("kafka-configs");
                write!(
                    f,
                    "`{configs} --alter --topic {topic} --add-config min.insync.replicas={replicas}`, or give it more \
                     replicas"
                )
            }
            What::Leaderless { topic, .. } => {
                write!(f, "see which brokers are missing: `{topics} --describe --topic {topic}`")
            }
            What::NotCreated { words, .. } => match words.to_ascii_lowercase() {
                words if words.contains("replication") => f.write_str("set `replication.factor`"),
                words if words.contains("authoriz") => {
                    let acls = self.tool("kafka-acls");
                    let prefix = &self.error.application;
                    write!(
                        f,
                        "allow it: `{acls} --add --allow-principal User:… --operation Create --topic {prefix}- \
                         --resource-pattern-type prefixed`"
                    )
                }
                _ => f.write_str("create it by hand, or mend what the broker complains of"),
            },
            What::NotKnown { topic, .. } => {
                write!(f, "start it again; `{topics} --describe --topic {topic}` says what is missing")
            }
        }
    }
}

/// A time for people.
struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms % 1000 == 0 => write!(f, "{} s", ms / 1000),
            ms => write!(f, "{ms} ms"),
        }
    }
}
