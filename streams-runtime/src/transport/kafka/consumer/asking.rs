//! What a consumer asks brokers, and what it remembers of their answers.
//!
//! Knows which answers mean "not now". Does not know how questions are put (`questions`), nor what is read.

use std::time::{Duration, Instant};

use super::super::errors::{self, Meaning, NOT_COORDINATOR, UNSTABLE_OFFSETS, meaning};
use super::super::questions::{Answered, Reply, Subject};
use super::super::sys::{Answer, Fault, Settings};
use super::KafkaConsumer;
use crate::transport::{PENDING_OFFSETS, TransportError};

/// How long it is believed what was told of a topic: tasks that are opened together ask about the same ones.
const GOOD: Duration = Duration::from_secs(10);

pub(super) const ASKING_FOR_TOPIC: &str = "asking for a topic";

/// A question without an answer.
pub(super) enum Unanswered {
    /// It has been asked; or, with the fault, answered by "not now", and is asked again.
    NotYet(&'static str, Option<Fault>),
    /// It is refused.
    Refused(Fault),
    /// There is nobody who could ask.
    Impossible(TransportError),
}

impl Unanswered {
    pub(super) fn error(self, doing: &'static str, topic: &str) -> TransportError {
        match self {
            Unanswered::NotYet(waits_for, _) => TransportError::TimedOut(waits_for),
            Unanswered::Refused(fault) => errors::error(doing, topic, &fault),
            Unanswered::Impossible(error) => error,
        }
    }
}

/// What is known of a topic.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) id: u128,
    pub(super) partitions: u32,
}

impl KafkaConsumer {
    /// The answers to a question, as `read` reads them.
    pub(super) fn ask<T>(
        &mut self,
        subject: Subject,
        doing: &'static str,
        read: impl FnOnce(&[Answer]) -> Result<T, Fault>,
    ) -> Result<(T, Instant), Unanswered> {
        let reply = self.questions.take(&subject, doing).map_err(Unanswered::Impossible)?;
        let Answered { answers, since } = match reply {
            Reply::NotYet(waits_for) => return Err(Unanswered::NotYet(waits_for, None)),
            Reply::Answered(answered) => answered,
        };
        match answers.and_then(|answers| read(&answers)) {
            Ok(read) => Ok((read, since)),
            Err(fault) if meaning(fault.code) == Meaning::Later => {
                let waits_for = if fault.code == UNSTABLE_OFFSETS { PENDING_OFFSETS } else { doing };
                self.questions.again(subject, since, waits_for);
                Err(Unanswered::NotYet(waits_for, Some(fault)))
            }
            Err(fault) => Err(Unanswered::Refused(fault)),
        }
    }

    /// What is known of a topic, and whether it was told just now. Once it is, the client knows its leaders.
    pub(super) fn describe(&mut self, topic: &str) -> Result<(Known, bool), TransportError> {
        if let Some((asked, known)) = self.described.get(topic)
            && asked.elapsed() < GOOD
        {
            return Ok((*known, false));
        }
        let answered = self.ask(Subject::Topic(topic.to_owned()), ASKING_FOR_TOPIC, |answers| {
            let described = first(answers)?.topics()?.pop().unwrap_or_else(|| Err(Fault::none()))?;
            Ok(Known { id: described.id, partitions: described.partitions.len() as u32 })
        });
        let (known, asked) = answered.map_err(|why| why.error(ASKING_FOR_TOPIC, topic))?;
        self.topics.learn(topic, known.partitions)?;
        self.described.insert(topic.to_owned(), (asked, known));
        Ok((known, true))
    }

    /// A setting of a topic; none if this principal may not see it.
    pub(super) fn setting(&mut self, topic: &str, name: &str) -> Result<Option<String>, TransportError> {
        const DOING: &str = "asking for a topic's settings";
        if self.settings.get(topic).is_none_or(|(asked, _)| asked.elapsed() >= GOOD) {
            let answered = self.ask(Subject::Settings(topic.to_owned()), DOING, |answers| {
                first(answers)?.settings()?.pop().unwrap_or_else(|| Ok(Settings::new()))
            });
            let settings = match answered {
                Ok((settings, asked)) => (asked, settings),
                // Settings may be hidden from who may read and write.
                Err(Unanswered::Refused(fault)) if meaning(fault.code) == Meaning::Refused => {
                    (Instant::now(), Settings::new())
                }
                Err(why) => return Err(why.error(DOING, topic)),
            };
            self.settings.insert(topic.to_owned(), settings);
        }
        let settings = self.settings.get(topic).map_or(&[][..], |(_, settings)| settings);
        Ok(settings.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()))
    }

    /// A broker that says it is not the group's coordinator is asked no more.
    pub(super) fn change_coordinator<T>(&mut self, answered: &Result<T, Unanswered>) {
        if let Err(Unanswered::NotYet(_, Some(Fault { code: NOT_COORDINATOR, .. }))) = answered {
            self.questions.leave_coordinator();
        }
    }
}

pub(super) fn first(answers: &[Answer]) -> Result<&Answer, Fault> {
    answers.first().ok_or_else(Fault::none)
}
