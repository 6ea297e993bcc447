//! Whether the silence of a partition is to be believed.
//!
//! ```text
//! heard ──nothing for a while──→ silent ──there is more──→ suspected ──still nothing, and more──→ unfounded
//!   ↑                              │ ↑ └─there is nothing─┘    │
//!   └──────────something came──────┴─┴─────────────────────────┘
//! ```
//!
//! Knows times and answers. Does not know who asks, nor what is done about it.

use std::time::{Duration, Instant};

/// How often somebody looks.
pub(super) const LOOKS: Duration = Duration::from_secs(1);

/// Nobody asks before: a fetch waits half a second, a broker that comes back is found within another one.
const SILENT: Duration = Duration::from_secs(10);

/// A partition may be silent for days; each time that this is right it is believed for twice as long. Not for longer: a task
/// waits for each of its inputs, those that are mostly silent as well, and what is unfounded lasts as long as it is believed.
const BELIEVED: Duration = Duration::from_secs(60);

/// What has come into the log meanwhile is on its way for less.
const SURE: Duration = Duration::from_secs(5);

/// The silence of one partition.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// When it is asked about.
    asks: Option<Instant>,
    believed: Duration,
    is_suspected: bool,
}

impl Silence {
    /// A look at it: true if it is time to ask whether there is more.
    pub(super) fn lasts(&mut self, is_heard: bool, now: Instant) -> bool {
        match self.asks {
            Some(asks) if !is_heard => now >= asks,
            _ => {
                *self = Silence { asks: Some(now + SILENT), believed: SILENT, is_suspected: false };
                false
            }
        }
    }

    /// Brokers went away, or came: what was believed before says nothing any more.
    pub(super) fn is_doubted(&mut self, now: Instant) {
        if !self.is_suspected {
            *self = Silence { asks: Some(now + SILENT), believed: SILENT, is_suspected: false };
        }
    }

    /// The answer: whether there is more, if that is known. True if silence is the wrong answer to it.
    pub(super) fn is_unfounded(&mut self, is_behind: Option<bool>, now: Instant) -> bool {
        match is_behind {
            Some(true) if self.is_suspected => return true,
            Some(true) => {
                self.is_suspected = true;
                self.asks = Some(now + SURE);
            }
            Some(false) => {
                self.is_suspected = false;
                self.believed = (self.believed * 2).min(BELIEVED);
                self.asks = Some(now + self.believed);
            }
            None => self.asks = Some(now + SURE),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_unfounded_if_there_is_more_twice() {
        let start = Instant::now();
        let mut silence = Silence::default();
        assert!(!silence.lasts(false, start));
        assert!(!silence.lasts(false, start + SILENT / 2));
        assert!(silence.lasts(false, start + SILENT));
        assert!(!silence.is_unfounded(Some(true), start + SILENT));
        assert!(!silence.lasts(false, start + SILENT + SURE / 2));
        assert!(silence.lasts(false, start + SILENT + SURE));
        // Nobody knows, which changes nothing.
        assert!(!silence.is_unfounded(None, start + SILENT + SURE));
        assert!(silence.is_unfounded(Some(true), start + SILENT + SURE * 2));
    }

    #[test]
    fn who_speaks_is_not_suspected_any_more() {
        let start = Instant::now();
        let mut silence = Silence::default();
        silence.lasts(false, start);
        assert!(!silence.is_unfounded(Some(true), start + SILENT));
        assert!(!silence.lasts(true, start + SILENT + SURE));
        assert!(silence.lasts(false, start + SILENT * 2 + SURE));
        assert!(!silence.is_unfounded(Some(true), start + SILENT * 2 + SURE));
    }

    #[test]
    fn who_was_believed_for_long_is_asked_soon_once_there_is_doubt() {
        let mut now = Instant::now();
        let mut silence = Silence::default();
        for _ in 0..600 {
            now += LOOKS;
            if silence.lasts(false, now) {
                silence.is_unfounded(Some(false), now);
            }
        }
        silence.is_doubted(now);
        assert!(!silence.lasts(false, now + SILENT / 2));
        assert!(silence.lasts(false, now + SILENT));
    }

    #[test]
    fn a_partition_that_has_nothing_is_asked_about_less_and_less() {
        let mut now = Instant::now();
        let mut silence = Silence::default();
        silence.lasts(false, now);
        let mut asked = 0;
        for _ in 0..3600 {
            now += LOOKS;
            if silence.lasts(false, now) {
                asked += 1;
                assert!(!silence.is_unfounded(Some(false), now));
            }
        }
        assert!(asked < 65, "{asked} times in an hour");
    }
}
