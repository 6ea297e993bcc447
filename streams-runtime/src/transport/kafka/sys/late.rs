//! Calls that may not come back in time: they run on a thread of their own, and whoever asked waits only so long.
//!
//! librdkafka (2.12.1) waits without a limit, or longer than it was told to, where it looks for the coordinator of a group
//! inside of a transaction (`rd_kafka_send_offsets_to_transaction`), where a commit of offsets is still out when a consumer
//! closes, and where one of its own threads resolves a name when a client is destroyed.
//!
//! Knows threads and time. What a call works with must be the call's own, or shared: it may go on for as long as it likes.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What `call` returns, if it does within so many ms.
pub(super) fn within<R: Send + 'static>(ms: u64, call: impl FnOnce() -> R + Send + 'static) -> Option<R> {
    let (tell, told) = sync_channel(1);
    let call = Arc::new(Mutex::new(Some(call)));
    let takes = Arc::clone(&call);
    let run = move || {
        if let Some(call) = take(&takes) {
            // Nobody hears it any more if it is late.
            let _ = tell.send(call());
        }
    };
    match thread::Builder::new().name("librdkafka-call".to_owned()).spawn(run) {
        Ok(_) => told.recv_timeout(Duration::from_millis(ms)).ok(),
        // Without a thread to spare it is waited for.
        Err(_) => take(&call).map(|call| call()),
    }
}

fn take<T>(from: &Mutex<Option<T>>) -> Option<T> {
    from.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Something that goes to the thread of a call.
pub(super) struct Given<T>(T);

// SAFETY: by the promise of whoever made it.
unsafe impl<T> Send for Given<T> {}

impl<T> Given<T> {
    /// # Safety
    /// Nobody else may use it at the same time, or it must be of the kind that any number of threads may use.
    pub(super) unsafe fn new(of: T) -> Given<T> {
        Given(of)
    }

    /// What was given. (A method, so that a closure takes all of this and not the part that is no `Send`.)
    pub(super) fn get(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Instant;

    #[test]
    fn who_is_late_is_not_waited_for_and_goes_on() {
        assert_eq!(within(10_000, || 7), Some(7));
        let ((go, goes), (done, is_done)) = (channel::<()>(), channel());
        let start = Instant::now();
        let late = within(20, move || {
            let _ = goes.recv();
            done.send(7).unwrap();
        });
        assert!(late.is_none() && start.elapsed() < Duration::from_secs(10));
        go.send(()).unwrap();
        assert_eq!(is_done.recv(), Ok(7));
    }
}
