//! Records left out, counted with the transaction: an abort takes the counts of its attempt back, otherwise a
//! replay would count twice.
//!
//! Knows how many and why; does not know the records, and does not decide.

use std::cell::Cell;

/// Why a record was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `decode = skip`.
    Decode,
    /// `encode = skip`.
    Encode,
    /// `null_key = skip`.
    NullKey,
    /// `null_value = skip`.
    NullValue,
    /// `no_time = skip`.
    NoTime,
    /// `error = skip`.
    Error,
    /// `late = skip`.
    Late,
}

/// In the user's words, with the policy that said so.
impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Reason::Decode => "cannot be read (decode = skip)",
            Reason::Encode => "cannot be written (encode = skip)",
            Reason::NullKey => "the key is null (null_key = skip)",
            Reason::NullValue => "the value is null (null_value = skip)",
            Reason::NoTime => "has no valid time (no_time = skip)",
            Reason::Error => "the function returned an error (error = skip)",
            Reason::Late => "its window has closed (late = skip)",
        })
    }
}

/// How many records one place left out for one reason.
#[derive(Debug)]
pub struct DropCounter {
    /// The step, or the topic.
    pub at: &'static str,
    /// Why.
    pub reason: Reason,
    open: Cell<u64>,
    committed: Cell<u64>,
}

impl DropCounter {
    pub(crate) fn new(at: &'static str, reason: Reason) -> Self {
        DropCounter { at, reason, open: Cell::new(0), committed: Cell::new(0) }
    }

    /// One more in the open transaction.
    #[inline]
    pub fn add(&self) {
        self.open.set(self.open.get() + 1);
    }

    /// How many there are, those of committed transactions only.
    pub fn committed(&self) -> u64 {
        self.committed.get()
    }

    pub(crate) fn commit(&self) {
        self.committed.set(self.committed.get() + self.open.take());
    }

    pub(crate) fn abort(&self) {
        self.open.set(0);
    }
}
