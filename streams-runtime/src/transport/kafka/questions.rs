//! What a consumer has asked brokers, and when it asks again.
//!
//! ```text
//!  take ──→ asked ──answers are there──→ handed out by the next `take`, and over
//!             ↑                            │ they say: not yet
//!             └──── it rested ←── again ───┘
//! ```
//!
//! Nobody waits here: a question stays asked until somebody who has the same one takes its answers, or until it is
//! given up, because nobody wants it any more, or what it asked for must be true from now on, or nobody could be asked
//! about a group in time. A question about a group is never given up alone: its client goes, and with it what else it was
//! asked, which is put again to the next one.
//!
//! Knows how each question is put, and for how long it rests. Does not know what an answer means.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::HashMap;

use super::group_asker::GroupAsker;
use super::handles::ANSWER_MS;
use super::sys::{Answer, Asked, Client, End, Fault, PartitionList, Wakeup};
use crate::transport::{TopicPartition, TransportError};

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
    fn is_of_group(&self) -> bool {
        matches!(self, Subject::Members | Subject::Committed(_))
    }

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
    /// When it was asked first.
    since: Instant,
    /// When it was asked last.
    put: Instant,
    rests_until: Instant,
    /// When somebody last wanted to know.
    wanted: Instant,
    waits_for: &'static str,
}

impl Question {
    fn new(since: Instant, rests_until: Instant, now: Instant, waits_for: &'static str) -> Question {
        Question { asked: Vec::new(), since, put: now, rests_until, wanted: now, waits_for }
    }

    fn is_answered(&mut self) -> bool {
        !self.asked.is_empty() && self.asked.iter_mut().all(Asked::is_answered)
    }

    /// How long is waited for an answer about a group before somebody else is asked: longer each time, because the next client finds its
    /// way anew, and where that takes long it must get there once.
    fn patience(&self, now: Instant) -> Duration {
        ((now - self.since) / 2).clamp(GROUP_ANSWERS.0, GROUP_ANSWERS.1)
    }

    /// True if an answer may still come.
    fn is_out(&mut self) -> bool {
        !self.asked.is_empty() && !self.is_answered()
    }
}

/// The questions of one consumer.
pub(super) struct Questions {
    client: Rc<Client>,
    group: GroupAsker,
    wakeup: Arc<Wakeup>,
    /// Whether offsets of open transactions are waited for.
    stable: bool,
    open: HashMap<Subject, Question>,
    /// When those that nobody wants were last looked for.
    swept: Instant,
}

/// How long a question rests before it is put again: an eighth of what it has taken so far, within these. It costs a
/// broker little then, and who waits hardly more time.
const RESTS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Within what is waited for an answer about a group.
const GROUP_ANSWERS: (Duration, Duration) = (Duration::from_millis(ANSWER_MS), Duration::from_secs(60));

/// What nobody has wanted to know for so long is given up; what is not about a group the library has given up as well.
const UNWANTED: Duration = Duration::from_millis(2 * ANSWER_MS);

impl Questions {
    /// `stable`: committed offsets wait for open transactions.
    pub(super) fn new(client: &Rc<Client>, wakeup: &Arc<Wakeup>, group: GroupAsker, stable: bool) -> Self {
        Questions {
            client: Rc::clone(client),
            group,
            wakeup: Arc::clone(wakeup),
            stable,
            open: HashMap::default(),
            swept: Instant::now(),
        }
    }

    /// Answers to what is asked from now on ring this one.
    pub(super) fn ring(&mut self, wakeup: &Arc<Wakeup>) {
        self.wakeup = Arc::clone(wakeup);
    }

    /// From now on another client asks about the group: the one there was is asked nothing more.
    pub(super) fn leave_coordinator(&mut self) {
        self.group.discard();
        self.open.iter_mut().filter(|(subject, _)| subject.is_of_group()).for_each(|(_, question)| {
            question.asked.clear();
        });
    }

    #[cfg(test)]
    pub(super) fn group_client(&mut self) -> Rc<Client> {
        self.group.client().expect("a client")
    }

    /// Sees to it that a question is asked; `waits_for` says what is being done, until more is known.
    ///
    /// # Errors
    /// If there is no client that could ask.
    pub(super) fn ask(&mut self, subject: &Subject, waits_for: &'static str) -> Result<(), TransportError> {
        let now = Instant::now();
        self.sweep(now);
        let question = match self.open.get_mut(subject) {
            Some(question) => question,
            None => self.open.entry(subject.clone()).or_insert(Question::new(now, now, now, waits_for)),
        };
        question.wanted = now;
        if subject.is_of_group() && now - question.put >= question.patience(now) && question.is_out() {
            self.leave_coordinator();
        }
        let question = &self.open[subject];
        if question.asked.is_empty() && now >= question.rests_until {
            let asked = self.put(subject)?;
            if let Some(question) = self.open.get_mut(subject) {
                (question.asked, question.put) = (asked, now);
            }
        }
        Ok(())
    }

    /// As [`ask`](Self::ask), and hands the answers out once all are there.
    ///
    /// # Errors
    /// As there.
    pub(super) fn take(
        &mut self,
        subject: &Subject,
        waits_for: &'static str,
    ) -> Result<Reply, TransportError> {
        self.ask(subject, waits_for)?;
        let Some(question) = self.open.get_mut(subject) else { return Ok(Reply::NotYet(waits_for)) };
        if !question.is_answered() {
            return Ok(Reply::NotYet(question.waits_for));
        }
        let since = question.since;
        let asked = self.open.remove(subject).map_or_else(Vec::new, |question| question.asked);
        let answers = asked.into_iter().map(Asked::take).collect();
        Ok(Reply::Answered(Answered { answers, since }))
    }

    /// The answers said "not yet", because of `waits_for`: it is put again after a rest.
    pub(super) fn again(&mut self, subject: Subject, since: Instant, waits_for: &'static str) {
        let now = Instant::now();
        let rest = (now.saturating_duration_since(since) / 8).clamp(RESTS.0, RESTS.1);
        self.open.insert(subject, Question::new(since, now + rest, now, waits_for));
    }

    /// Gives up what was asked about a partition and its topic.
    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        self.give_up(|subject, _| subject.is_about(partition));
    }

    fn sweep(&mut self, now: Instant) {
        if now - self.swept >= UNWANTED {
            self.swept = now;
            self.give_up(|_, question| now - question.wanted >= UNWANTED);
        }
    }

    fn give_up(&mut self, mut is_over: impl FnMut(&Subject, &Question) -> bool) {
        let mut is_out = false;
        self.open.retain(|subject, question| {
            let is_over = is_over(subject, question);
            is_out |= is_over && subject.is_of_group() && question.is_out();
            !is_over
        });
        if is_out {
            self.leave_coordinator();
        }
    }

    fn put(&mut self, subject: &Subject) -> Result<Vec<Asked>, TransportError> {
        let (client, wakeup) = (&self.client, &self.wakeup);
        Ok(match subject {
            Subject::Members => vec![self.group.client()?.ask_for_members(self.group.group(), wakeup)],
            Subject::Committed(partitions) => {
                let mut list = PartitionList::new();
                for place in partitions {
                    list.push(&place.topic, place.partition.cast_signed());
                }
                let client = self.group.client()?;
                vec![client.ask_for_committed(self.group.group(), &list, self.stable, wakeup)]
            }
            Subject::Ends(TopicPartition { topic, partition }) => {
                let end = |end| client.ask_for_end(topic, partition.cast_signed(), end, wakeup, ANSWER_MS);
                [End::Start, End::LastStable, End::High].map(end).into()
            }
            Subject::Topic(topic) => vec![client.ask_about_topic(topic, wakeup, ANSWER_MS)],
            Subject::Settings(topic) => vec![client.ask_for_settings(topic, wakeup, ANSWER_MS)],
        })
    }
}
