//! When a broker is ready: it answers, it counts itself as alive, and every partition it has can be written.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::Metadata;

use super::listeners::Listeners;
use super::supervised::Supervised;
use super::tools::config;

const BETWEEN: Duration = Duration::from_millis(20);

/// Waits until the broker is ready; says why it is not.
pub(super) fn wait(broker: &Supervised, listeners: &Listeners, within: Duration) -> Result<(), String> {
    let deadline = Instant::now() + within;
    let address = ("127.0.0.1", listeners.client);
    // A client is made when somebody listens: before that it would only wait longer and longer between attempts.
    until(broker, deadline, || TcpStream::connect(address).is_ok())?;
    let bootstrap = format!("127.0.0.1:{}", listeners.client);
    let client: BaseConsumer = config(&bootstrap).create().map_err(|error| error.to_string())?;
    until(broker, deadline, || {
        client.fetch_metadata(None, Duration::from_secs(1)).is_ok_and(|metadata| complete(&metadata))
    })
}

fn complete(metadata: &Metadata) -> bool {
    let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    // A broker that just came back lists no broker until the controller counts it as alive.
    !metadata.brokers().is_empty() && partitions.all(|partition| partition.leader() >= 0)
}

fn until(broker: &Supervised, deadline: Instant, is: impl Fn() -> bool) -> Result<(), String> {
    while !is() {
        if let Some(code) = broker.ended(Duration::ZERO) {
            return Err(format!("the broker ended with {code}:\n{}", tail(broker)));
        }
        if Instant::now() > deadline {
            return Err(format!("the broker is not ready:\n{}", tail(broker)));
        }
        thread::sleep(BETWEEN);
    }
    Ok(())
}

/// The end of what the broker wrote.
fn tail(broker: &Supervised) -> String {
    let log = broker.stdout() + &broker.stderr();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
