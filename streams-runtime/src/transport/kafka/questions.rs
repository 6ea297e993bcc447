//! What a consumer has asked brokers, and when it asks again.
//!
//! ```text
//!  take ──→ asked ──answers are there──→ handed out by the next `take`, and over
//!             ↑                            │ they say: not yet
//!             └──── it rested ←── again ───┘
//! ```
//!
//! Nobody waits here: a question stays asked until somebody who has the same one takes its answers, or until it is
//! given up, because nobody wants it any more or what it asked for must be true from now on.
//!
//! Knows how each question is put, and for how long it rests. Does not know what an answer means.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::HashMap;

use super::handles::ANSWER_MS;
use super::sys::{Answer, Asked, Client, End, Fault, PartitionList, Wakeup};
use crate::transport::TopicPartition;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// Who is in the group; one answer.
    Members,
    /// The committed offsets of these partitions; one answer.
    Committed(Vec<TopicPartition>),
    /// The start, last stable offset and high watermark of a partition; an answer for each, in this order.
    Ends(TopicPartition),
    /// A topic's id and partitions, and for the client its leaders; one answer.
    Topic(String),
    /// A topic's settings; one answer.
    Settings(String),
}

impl Subject {
    fn is_about(&self, partition: &TopicPartition) -> bool {
        match self {
            // Whoever came since may have been given it before.
            Subject::Members => true,
            Subject::Committed(partitions) => partitions.contains(partition),
            Subject::Ends(of) => of == partition,
            Subject::Topic(topic) | Subject::Settings(topic) => *topic == partition.topic,
        }
    }
}

/// What came of a question.
pub(super) enum Reply {
    /// It is asked. For what it waits, as far as is known.
    NotYet(&'static str),
    /// It is over.
    Answered(Answered),
}

/// All answers to a question.
pub(super) struct Answered {
    pub(super) answers: Result<Vec<Answer>, Fault>,
    /// When it was asked first.
    pub(super) since: Instant,
}

struct Question {
    /// Empty while it rests.
    asked: Vec<Asked>,
    since: Instant,
    rests_until: Instant,
    /// When somebody last wanted to know.
    wanted: Instant,
    waits_for: &'static str,
}

/// The questions of one consumer.
pub(super) struct Questions {
    client: Rc<Client>,
    /// The one that asks the group's coordinator.
    group_client: Rc<Client>,
    wakeup: Arc<Wakeup>,
    /// The group whose offsets are asked for.
    group: Rc<str>,
    /// Whether offsets of open transactions are waited for.
    stable: bool,
    open: HashMap<Subject, Question>,
    /// When those that nobody wants were last looked for.
    swept: Instant,
}

/// How long a question rests before it is put again: an eighth of what it has taken so far, within these. It costs a
/// broker little then, and who waits hardly more time.
const RESTS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What nobody has wanted to know for so long is given up; the library has given it up as well.
const UNWANTED: Duration = Duration::from_millis(2 * ANSWER_MS);

impl Questions {
    pub(super) fn new(client: &Rc<Client>, wakeup: &Arc<Wakeup>, group: &str, stable: bool) -> Self {
        Questions {
            client: Rc::clone(client),
            group_client: Rc::clone(client),
            wakeup: Arc::clone(wakeup),
            group: group.into(),
            stable,
            open: HashMap::default(),
            swept: Instant::now(),
        }
    }

    /// Answers to what is asked from now on ring this one.
    pub(super) fn ring(&mut self, wakeup: &Arc<Wakeup>) {
        self.wakeup = Arc::clone(wakeup);
    }

    /// From now on the group is asked by another client. One that has found a coordinator goes on asking it
    /// when the group has another one (librdkafka 2.12.1: nothing but a commit in a transaction forgets it).
    pub(super) fn ask_group_with(&mut self, client: Client) {
        self.group_client = Rc::new(client);
    }

    #[cfg(test)]
    pub(super) fn group_client(&self) -> &Rc<Client> {
        &self.group_client
    }

    /// Sees to it that a question is asked; `waits_for` says what is being done, until more is known.
    pub(super) fn ask(&mut self, subject: &Subject, waits_for: &'static str) {
        let now = Instant::now();
        match self.open.get_mut(subject) {
            Some(question) => question.wanted = now,
            None => {
                self.sweep(now);
                let asked = Vec::new();
                let question = Question { asked, since: now, rests_until: now, wanted: now, waits_for };
                self.open.insert(subject.clone(), question);
            }
        }
        if self.open[subject].asked.is_empty() && now >= self.open[subject].rests_until {
            let asked = self.put(subject);
            if let Some(question) = self.open.get_mut(subject) {
                question.asked = asked;
            }
        }
    }

    /// As [`ask`](Self::ask), and hands the answers out once all are there.
    pub(super) fn take(&mut self, subject: &Subject, waits_for: &'static str) -> Reply {
        self.ask(subject, waits_for);
        let Some(question) = self.open.get_mut(subject) else { return Reply::NotYet(waits_for) };
        if question.asked.is_empty() || !question.asked.iter_mut().all(Asked::is_answered) {
            return Reply::NotYet(question.waits_for);
        }
        let since = question.since;
        let asked = self.open.remove(subject).map_or_else(Vec::new, |question| question.asked);
        let answers = asked.into_iter().map(Asked::take).collect();
        Reply::Answered(Answered { answers, since })
    }

    /// The answers said "not yet", because of `waits_for`: it is put again after a rest.
    pub(super) fn again(&mut self, subject: Subject, since: Instant, waits_for: &'static str) {
        let now = Instant::now();
        let rest = (now.saturating_duration_since(since) / 8).clamp(RESTS.0, RESTS.1);
        let question = Question { asked: Vec::new(), since, rests_until: now + rest, wanted: now, waits_for };
        self.open.insert(subject, question);
    }

    /// Gives up what was asked about a partition and its topic.
    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        self.open.retain(|subject, _| !subject.is_about(partition));
    }

    fn sweep(&mut self, now: Instant) {
        if now - self.swept >= UNWANTED {
            self.swept = now;
            self.open.retain(|_, question| now - question.wanted < UNWANTED);
        }
    }

    fn put(&self, subject: &Subject) -> Vec<Asked> {
        let (client, wakeup) = (&self.client, &self.wakeup);
        match subject {
            Subject::Members => vec![self.group_client.ask_for_members(&self.group, wakeup, ANSWER_MS)],
            Subject::Committed(partitions) => {
                let mut list = PartitionList::new();
                for place in partitions {
                    list.push(&place.topic, place.partition.cast_signed());
                }
                let client = &self.group_client;
                vec![client.ask_for_committed(&self.group, &list, self.stable, wakeup, ANSWER_MS)]
            }
            Subject::Ends(TopicPartition { topic, partition }) => {
                let end = |end| client.ask_for_end(topic, partition.cast_signed(), end, wakeup, ANSWER_MS);
                [End::Start, End::LastStable, End::High].map(end).into()
            }
            Subject::Topic(topic) => vec![client.ask_about_topic(topic, wakeup, ANSWER_MS)],
            Subject::Settings(topic) => vec![client.ask_for_settings(topic, wakeup, ANSWER_MS)],
        }
    }
}
