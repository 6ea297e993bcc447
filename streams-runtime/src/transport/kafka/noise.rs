//! What librdkafka says by itself, once: while no broker is there each client says so of each broker several times a
//! second, as a line of its log and as an error besides.
//!
//! Knows what two such lines have in common. Does not know what they mean.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the same is not said again.
const QUIET: Duration = Duration::from_secs(10);

/// So many are remembered; lines that name what changes all the time must not fill the memory.
const REMEMBERED: usize = 256;

/// What was said lately, by all clients of the process.
#[derive(Default)]
pub(super) struct Noise(Mutex<HashMap<String, Said>>);

struct Said {
    at: Instant,
    /// How often the same came since.
    again: u32,
}

impl Noise {
    /// That of this process.
    pub(super) fn of_process() -> &'static Noise {
        static NOISE: LazyLock<Noise> = LazyLock::new(Noise::default);
        &NOISE
    }

    /// True if a line is to be said now: nobody said the same lately. And how often it was left out before.
    pub(super) fn is_news(&self, line: &str, now: Instant) -> Option<u32> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(line);
        if let Some(before) = said.get_mut(key) {
            if now.saturating_duration_since(before.at) < QUIET {
                before.again += 1;
                return None;
            }
            let again = before.again;
            *before = Said { at: now, again: 0 };
            return Some(again);
        }
        if said.len() >= REMEMBERED {
            said.retain(|_, said| now.saturating_duration_since(said.at) < QUIET);
        }
        if said.len() < REMEMBERED {
            said.insert(key.to_owned(), Said { at: now, again: 0 });
        }
        Some(0)
    }
}

/// The words of librdkafka without what is only interesting to its authors: `(after 0ms in state CONNECT, 1 identical
/// error(s) suppressed)`.
pub(super) fn essence(words: &str) -> &str {
    let end = words.find(" (after ").unwrap_or(words.len());
    &words[..end]
}

/// What all lines have that say the same: not who said it, nor how often, nor how many are down (`2/2 brokers are down`,
/// and `0/2` a moment later).
fn key(line: &str) -> &str {
    const DOWN: &str = "brokers are down";
    let thread = line.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")).map(|(_, rest)| rest);
    let words = essence(thread.unwrap_or(line));
    if words.ends_with(DOWN) { DOWN } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "b:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused";

    #[test]
    fn the_essence_of_an_error() {
        assert_eq!(essence(&format!("{REFUSED} (after 0ms in state CONNECT)")), REFUSED);
        assert_eq!(essence("1/1 brokers are down"), "1/1 brokers are down");
    }

    #[test]
    fn the_same_is_said_once_whoever_says_it_and_counted_when_it_is_said_again() {
        let (noise, start) = (Noise::default(), Instant::now());
        let lines = [
            format!("[thrd:b:1/bootstrap]: {REFUSED} (after 0ms in state CONNECT)"),
            format!("[thrd:main]: {REFUSED} (after 2ms in state CONNECT, 7 identical error(s) suppressed)"),
            format!("{REFUSED} (after 0ms in state CONNECT)"),
            "2/2 brokers are down".to_owned(),
            "0/2 brokers are down".to_owned(),
            "b:2/2: Disconnected".to_owned(),
        ];
        let said =
            |at: Instant| -> Vec<Option<u32>> { lines.iter().map(|line| noise.is_news(line, at)).collect() };
        assert_eq!(said(start), [Some(0), None, None, Some(0), None, Some(0)]);
        assert_eq!(said(start + QUIET / 2), [None; 6]);
        assert_eq!(said(start + QUIET), [Some(5), None, None, Some(3), None, Some(1)]);
    }

    #[test]
    fn lines_that_are_all_different_are_all_said_and_not_all_remembered() {
        let (noise, now) = (Noise::default(), Instant::now());
        for n in 0..REMEMBERED * 2 {
            assert_eq!(noise.is_news(&format!("offset {n}"), now), Some(0));
        }
        assert_eq!(noise.0.lock().unwrap().len(), REMEMBERED);
        assert_eq!(noise.is_news("later", now + QUIET), Some(0));
        assert_eq!(noise.0.lock().unwrap().len(), 1);
    }
}
