//! What is said of something that happens again and again: at once, then at most once in ten seconds, with how often.
//!
//! Knows times. Does not know what is said.

/// For how long nothing is said after something was.
const SILENCE_MS: i64 = 10_000;

/// One kind of thing that may happen again and again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Repeated {
    said_ms: Option<i64>,
    unsaid: u32,
}

impl Repeated {
    /// It happened. Returns how often, if it is to be said now: this time, and those of which nothing was said.
    pub(crate) fn happened(&mut self, now_ms: i64) -> Option<u32> {
        self.unsaid = self.unsaid.saturating_add(1);
        // A clock that was put back says nothing about how long it has been.
        let silent = self.said_ms.is_some_and(|said_ms| (said_ms..said_ms + SILENCE_MS).contains(&now_ms));
        if silent {
            return None;
        }
        self.said_ms = Some(now_ms);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn said_at_once_and_then_now_and_again() {
        let mut repeated = Repeated::default();
        let said: Vec<_> = [0, 1, 9_999, 10_000, 10_001, 5].map(|ms| repeated.happened(ms)).into();
        assert_eq!(said, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
