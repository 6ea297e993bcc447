//! Why a record could not be processed, in words that name step, topic, partition and offset.
//!
//! Knows the boundaries and the policy that would have helped; does not decide anything.

use crate::context::Source;

/// What a user's function may return as an error: anything that is an error, a text, `anyhow::Error`, ….
pub type UserError = Box<dyn std::error::Error + Send + Sync>;

/// A record that could not be processed. Boxed: the way without failures stays one word wide.
#[derive(Debug)]
pub struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    what: What,
    source: Option<(String, u32, i64)>,
    /// The steps that read the topic, where the failure came before any of them.
    readers: Vec<&'static str>,
    cause: Option<UserError>,
}

/// The boundary at which it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A step's function returned `Err`.
    Step(&'static str),
    /// The key's bytes are not of the topic's format.
    DecodeKey,
    /// The value's bytes are not of the topic's format.
    DecodeValue,
    /// A key could not be written to this declared topic.
    WriteKey(&'static str),
    /// A value could not be written to this declared topic.
    WriteValue(&'static str),
    /// A key could not be written to this store, or behind this step with `repartition`.
    EncodeKey(String),
    /// A value could not be written to this store, or behind this step with `repartition`.
    EncodeValue(String),
    /// A null key where none is expected; the step, if it was one.
    NullKey(Option<&'static str>),
    /// A null value where none is expected; the step, if it was one.
    NullValue(Option<&'static str>),
    /// No valid time.
    NoTime,
    /// A record whose window has closed, at a step with `late = fail`.
    Late(&'static str),
    /// A store could not be read or written.
    Store(String),
    /// The log refused what the record caused.
    Refused {
        /// The topic it was meant for.
        topic: String,
        /// True if a step wrote it with `to`, so that a policy can be said.
        declared: bool,
    },
    /// The function of this step panicked, or a format or another function of a topic; the panic's text is the cause.
    Panic(Option<&'static str>),
}

impl Failure {
    /// A failure at a boundary.
    #[cold]
    pub fn new(what: What, cause: Option<UserError>) -> Self {
        Failure(Box::new(Inner { what, source: None, readers: Vec::new(), cause }))
    }

    /// Says which record it was, unless that is known already.
    #[cold]
    pub fn on(mut self, source: &Source<'_>) -> Self {
        self.0.source.get_or_insert((source.topic.to_owned(), source.partition, source.offset));
        self
    }

    /// Says which steps read the topic of the record, if it failed before it reached any.
    #[cold]
    pub(crate) fn read_by(mut self, steps: impl FnOnce(&str) -> Vec<&'static str>) -> Self {
        use What::{DecodeKey, DecodeValue, NoTime, NullKey, NullValue};
        let Inner { what, source, readers, .. } = &mut *self.0;
        if let (DecodeKey | DecodeValue | NoTime | NullKey(None) | NullValue(None), Some((topic, ..))) =
            (what, source)
        {
            *readers = steps(topic);
        }
        self
    }

    /// The boundary at which it failed.
    pub fn what(&self) -> &What {
        &self.0.what
    }

    /// The word that would have left the record out, and where it would stand; `None` if there is none.
    pub fn policy(&self) -> Option<(&'static str, &'static str)> {
        match &self.0.what {
            What::Step(_) => Some(("error = skip", "step")),
            What::DecodeKey | What::DecodeValue => Some(("decode = skip", "topic")),
            What::NullKey(None) => Some(("null_key = skip", "topic")),
            What::NullKey(Some(_)) => Some(("null_key = skip", "step")),
            What::NullValue(None) => Some(("null_value = skip", "topic")),
            What::NullValue(Some(_)) => Some(("null_value = skip", "step")),
            What::NoTime => Some(("no_time = skip", "topic")),
            What::WriteKey(_) | What::WriteValue(_) => Some(("encode = skip", "topic written")),
            What::Refused { declared: true, .. } => Some(("encode = skip", "topic written")),
            What::Late(_) => Some(("late = skip", "step")),
            What::EncodeKey(_)
            | What::EncodeValue(_)
            | What::Store(_)
            | What::Refused { .. }
            | What::Panic(_) => None,
        }
    }

    /// As [`into_cause`](Failure::into_cause), as text.
    pub(crate) fn reason(&self) -> Option<String> {
        self.0.cause.as_ref().map(ToString::to_string)
    }

    /// What the format, the function or the store said.
    pub(crate) fn into_cause(self) -> Option<UserError> {
        self.0.cause
    }

    /// What happened, in words that tell nobody to do anything.
    pub(crate) fn happened(&self) -> Happened<'_> {
        Happened(self)
    }

    /// The record it failed on.
    pub fn record(&self) -> Option<Source<'_>> {
        let (topic, partition, offset) = self.0.source.as_ref()?;
        Some(Source { topic, partition: *partition, offset: *offset })
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.happened())?;
        match self.policy() {
            Some((policy, place)) => write!(f, " (`{policy}` on the {place} would leave such records out)"),
            None => Ok(()),
        }
    }
}

/// What happened, without what would help: for a record that is left out already.
pub(crate) struct Happened<'a>(&'a Failure);

impl std::fmt::Display for Happened<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let this = self.0;
        match &this.0.what {
            What::Step(step) => write!(f, "step `{step}` failed")?,
            What::DecodeKey => f.write_str("cannot read the key")?,
            What::DecodeValue => f.write_str("cannot read the value")?,
            What::WriteKey(to) => write!(f, "cannot write a key to `{to}`")?,
            What::WriteValue(to) => write!(f, "cannot write a value to `{to}`")?,
            What::EncodeKey(to) => write!(f, "cannot write a key to `{to}`")?,
            What::EncodeValue(to) => write!(f, "cannot write a value to `{to}`")?,
            What::NullKey(None) => f.write_str("the key is null, which the topic does not expect")?,
            What::NullKey(Some(step)) => write!(f, "the key is null at step `{step}`")?,
            What::NullValue(None) => f.write_str("the value is null, which the topic does not expect")?,
            What::NullValue(Some(step)) => write!(f, "the value is null at step `{step}`")?,
            What::NoTime => f.write_str("the record has no valid time")?,
            What::Late(step) => write!(f, "the window has closed at step `{step}`")?,
            What::Store(store) => write!(f, "store `{store}` failed")?,
            What::Refused { topic, .. } => write!(f, "the log refused a record for topic `{topic}`")?,
            What::Panic(Some(step)) => write!(f, "step `{step}` panicked")?,
            What::Panic(None) => f.write_str("a format or a function of a topic panicked")?,
        }
        if let Some(source) = this.record() {
            write!(f, " on {source}")?;
        }
        for (at, step) in this.0.readers.iter().enumerate() {
            write!(f, "{} `{step}`", if at == 0 { ", read by step" } else { " and" })?;
        }
        if let Some(cause) = &this.0.cause {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a text".to_owned())
}
