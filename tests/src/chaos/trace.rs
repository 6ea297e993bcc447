//! What was done to whom and when, one deed a line.

use std::time::Instant;

/// Lines on standard output, with the seconds since the start.
#[derive(Clone, Debug)]
pub(super) struct Trace(Instant);

impl Trace {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn say(&self, what: &str) {
        println!("{:8.2}  {what}", self.0.elapsed().as_secs_f64());
    }
}
