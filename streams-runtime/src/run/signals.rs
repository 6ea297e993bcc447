//! SIGINT and SIGTERM, or Ctrl-C where there are none.
//!
//! Knows signals. Does not know what they end.

/// What asks a process to stop.
pub(super) struct StopSignals {
    #[cfg(unix)]
    unix: Option<[tokio::signal::unix::Signal; 2]>,
}

impl StopSignals {
    /// From now on they do not end the process by themselves.
    pub(super) fn listen() -> StopSignals {
        StopSignals {
            #[cfg(unix)]
            unix: {
                use tokio::signal::unix::{SignalKind, signal};
                let both = signal(SignalKind::interrupt())
                    .and_then(|interrupt| Ok([interrupt, signal(SignalKind::terminate())?]));
                both.ok()
            },
        }
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> &'static str {
        #[cfg(unix)]
        if let Some([interrupt, terminate]) = &mut self.unix {
            return tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
        }
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
