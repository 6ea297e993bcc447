//! A real Apache Kafka for tests: one node, started from its released jars, gone when the test is.
//!
//! [`Broker`] starts, kills and restarts it; `tools` speak with it as a client that has nothing to do with the
//! product; a [`Proxy`](proxy::Proxy) loses what they say to each other; an [`App`](app::App) or an
//! [`Application`](application::Application) runs beside it, in a process of its own. Everything here panics with words instead of returning errors: a test can do nothing
//! about them.

pub mod app;
pub mod application;
mod installation;
mod listeners;
pub mod proxy;
mod ready;
pub mod supervised;
pub mod tools;

use std::env;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use installation::Installation;
use listeners::Listeners;
use proxy::{Line, Proxy};
use supervised::{Signal, Supervised};

/// Set, brokers are left running for a look at them.
const KEEP: &str = "KEEP_BROKER";

/// Far more than a start takes: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a broker may take to write the markers of a transaction that was decided, on a busy machine.
const MARKERS: Duration = Duration::from_millis(500);

/// A test takes one each; two tests run at once, perhaps more on a larger machine.
const PROXIES: usize = 8;

/// A running broker with a storage of its own. Dropped, or when the test ends in any way, nothing is left of it.
#[derive(Debug)]
pub struct Broker {
    listeners: Listeners,
    /// Lines of properties that only this one has.
    properties: String,
    lines: Vec<Arc<Line>>,
    supervised: Supervised,
}

impl Broker {
    /// The broker of this test binary, started by the first test that needs one.
    ///
    /// A start costs seconds and a test needs only names of its own, so one broker serves them all; it cannot be
    /// killed or stopped. Its end is the end of the test binary.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A new broker, ready to be used, with an empty storage.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// As [`start`](Self::start), with properties that win over those all brokers have in common.
    pub fn with(properties: &[(&str, &str)]) -> Self {
        let installation = Installation::get();
        let keep = env::var_os(KEEP).is_some();
        let supervised = Supervised::new("broker", keep);
        installation.storage(&supervised.folder().join("storage"));
        let lines: Vec<Arc<Line>> = (0..PROXIES).map(|_| Line::start()).collect();
        let properties = properties.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let listeners = Listeners::pick(&ports(&lines));
        let mut broker = Self { listeners, properties, lines, supervised };
        for _ in 0..4 {
            match broker.launch() {
                Ok(()) => {
                    if keep {
                        broker.announce();
                    }
                    return broker;
                }
                // Somebody was faster with one of the ports.
                Err(problem) if problem.contains("Address already in use") => {
                    broker.listeners = Listeners::pick(&ports(&broker.lines));
                }
                Err(problem) => panic!("{problem}"),
            }
        }
        panic!("no ports are free for a broker")
    }

    /// Where clients find it.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.listeners.client)
    }

    /// A proxy before it that no other test uses.
    pub fn proxy(&self) -> Proxy {
        Proxy::take(&self.lines)
    }

    /// Ends it as a crash does. What it acknowledged stays, in its storage and in the system's cache of it.
    pub fn kill(&mut self) {
        self.supervised.kill();
    }

    /// As [`kill`](Self::kill), in a moment in which no transaction is being decided of those who come through these proxies.
    ///
    /// A broker 4.3.0 that was killed between a decision and its markers, and that leads all of it, may find no leaders while it
    /// starts; it then skips the markers and calls the transaction done (`TransactionMarkerChannelManager`: "likely deleted already
    /// and hence can be skipped"), and its readers wait until the same producer ends another one. No client can mend that.
    pub fn kill_between_decisions<'p>(&mut self, proxies: impl Iterator<Item = &'p Proxy> + Clone) {
        proxies.clone().for_each(|proxy| proxy.lose_decisions(true));
        std::thread::sleep(MARKERS);
        self.kill();
        proxies.for_each(|proxy| proxy.lose_decisions(false));
    }

    /// Starts it after [`kill`](Self::kill) or [`stop`](Self::stop): same ports, same storage. Returns when it is ready.
    pub fn restart(&mut self) {
        self.launch().unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Ends it in an orderly way.
    pub fn stop(&mut self) {
        self.supervised.signal(Signal::Terminate);
        self.supervised.ended(PATIENCE).expect("the broker ends");
    }

    /// What the broker wrote down about itself.
    pub fn log(&self) -> String {
        self.supervised.stdout() + &self.supervised.stderr()
    }

    /// Its process, and its folder with the properties, the storage and the log.
    pub fn process(&self) -> &Supervised {
        &self.supervised
    }

    fn launch(&mut self) -> Result<(), String> {
        for (line, proxied) in self.lines.iter().zip(&self.listeners.proxied) {
            line.leads_to(proxied.broker);
        }
        let properties = self.supervised.folder().join("server.properties");
        let storage = self.supervised.folder().join("storage");
        installation::write_properties(&properties, &self.listeners, &storage, &self.properties);
        self.supervised.run(Installation::get().command(&properties));
        ready::wait(&self.supervised, &self.listeners, PATIENCE)
    }

    /// Past the test harness, which keeps what a test prints until it fails.
    fn announce(&self) {
        let pid = self.supervised.pid().unwrap_or_default();
        let words = format!(
            "broker at {}, folder {}; end it with: kill {pid}\n",
            self.bootstrap(),
            self.supervised.folder().display(),
        );
        let _ = std::io::stderr().write_all(words.as_bytes());
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.lines.iter().for_each(|line| line.close());
    }
}

fn ports(lines: &[Arc<Line>]) -> Vec<u16> {
    lines.iter().map(|line| line.port()).collect()
}
