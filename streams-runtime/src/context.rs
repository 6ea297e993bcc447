//! What a step may know of the record it works on, besides key and value.
//!
//! Knows what came with the record; does not know the task, its stores or the transaction.

use crate::record::{Headers, Timestamp};

/// Where a record was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: i64,
}

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "topic {}, partition {}, offset {}", self.topic, self.partition, self.offset)
    }
}

/// Time, headers and origin of the record on its way. Copied where a step changes one of them.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The record's time.
    pub timestamp: Timestamp,
    /// Its headers.
    pub headers: &'a Headers,
    /// Where the record that caused it was read.
    pub source: Source<'a>,
}

impl<'a> Context<'a> {
    /// The same record with another time.
    #[inline]
    pub fn at(&self, timestamp: Timestamp) -> Context<'a> {
        Context { timestamp, ..*self }
    }
}

/// What a function may take after key and value; found by its type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something a step can be given",
    label = "not known here",
    note = "after key and value a function may take `Timestamp`, `&Headers` or `Source`"
)]
pub trait Extra<'r> {
    /// Takes it from the context.
    fn extra(cx: &'r Context<'r>) -> Self;
}

impl<'r> Extra<'r> for Timestamp {
    #[inline]
    fn extra(cx: &'r Context<'r>) -> Self {
        cx.timestamp
    }
}

impl<'r> Extra<'r> for &'r Headers {
    #[inline]
    fn extra(cx: &'r Context<'r>) -> Self {
        cx.headers
    }
}

impl<'r> Extra<'r> for Source<'r> {
    #[inline]
    fn extra(cx: &'r Context<'r>) -> Self {
        cx.source
    }
}
