//! Waiting with a deadline, and names no other test uses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Far more than anything takes on a busy machine: a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

const BETWEEN: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer; panics with `what` was waited for when there is none in time.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {within:?} for {what}");
        thread::sleep(BETWEEN);
    }
}

/// A name for a topic, a group or a transaction that no other test of this binary has.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
