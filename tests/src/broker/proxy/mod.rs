//! A proxy between clients and a broker that loses what they say to each other.
//!
//! The broker has a listener for each proxy and tells clients who come through it that it lives there, so that they
//! stay with the proxy. Knows requests by their kind and number, not what is in them.

mod api;
mod faults;
mod frame;
mod wire;

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use api::Api;
pub use faults::Fault;
pub(super) use wire::Line;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// From the client to the broker. Closed, the broker takes the client for gone; the client waits for answers.
    Requests,
    /// From the broker to the client. Closed, the client takes the broker for gone; the broker goes on.
    Answers,
}

/// A proxy, this test's alone. Dropped, it forgets its faults and cuts its connections.
#[derive(Debug)]
pub struct Proxy {
    line: Arc<Line>,
}

impl Proxy {
    /// Takes a line nobody uses.
    pub(super) fn take(lines: &[Arc<Line>]) -> Self {
        let free = lines.iter().find(|line| !line.taken.swap(true, Ordering::SeqCst));
        let line = free.expect("tests that run at once use fewer proxies than a broker has listeners for");
        Self { line: Arc::clone(line) }
    }

    /// Where clients find the broker behind it.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.line.port())
    }

    /// From now on, `choose` says what happens to each request of this kind: it is given how many there were before.
    pub fn script(&self, api: Api, choose: impl FnMut(usize) -> Option<Fault> + Send + 'static) {
        self.line.faults.script(api, Box::new(choose));
    }

    /// The next `times` requests of this kind meet with this fault.
    pub fn next(&self, api: Api, times: usize, fault: Fault) {
        self.script(api, move |before| (before < times).then_some(fault));
    }

    /// Requests from now on are not disturbed any more.
    pub fn heal(&self) {
        self.line.faults.heal();
    }

    /// Whether the requests are lost by which transactions are decided: by a commit, an abort, or a producer that takes over.
    pub(super) fn lose_decisions(&self, lose: bool) {
        for api in [Api::END_TXN, Api::INIT_PRODUCER_ID] {
            self.script(api, move |_| lose.then_some(Fault::LoseRequest));
        }
    }

    /// How many requests of this kind have met with a fault.
    pub fn struck(&self, api: Api) -> usize {
        self.line.faults.struck(api)
    }

    /// How many requests of this kind have come.
    pub fn seen(&self, api: Api) -> usize {
        self.line.faults.seen(api)
    }

    /// Cuts all connections. Clients may come back at once.
    pub fn cut(&self) {
        self.line.cut();
    }

    /// Closes one direction of all connections that are open. The other one stays, and nobody there is told, until
    /// somebody has waited for too long or [`cut`](Self::cut) ends it.
    pub fn half_close(&self, half: Half) {
        self.line.half_close(half);
    }

    /// From now on each connection takes so many bytes a second in each direction; 0 is as fast as it goes.
    pub fn slow(&self, bytes_a_second: u32) {
        self.line.speed.store(bytes_a_second, Ordering::SeqCst);
    }

    /// Cuts all connections and refuses new ones, until [`reconnect`](Self::reconnect).
    pub fn disconnect(&self) {
        self.line.open.store(false, Ordering::SeqCst);
        self.line.cut();
    }

    /// Takes connections again.
    pub fn reconnect(&self) {
        self.line.open.store(true, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.heal();
        self.slow(0);
        self.cut();
        self.reconnect();
        self.line.faults.forget();
        self.line.taken.store(false, Ordering::SeqCst);
    }
}
