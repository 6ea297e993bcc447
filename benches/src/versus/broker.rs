//! One Apache Kafka broker, new and empty, on a leash; its folder goes with it.
//!
//! Settings are Kafka's own, but for one copy of everything and groups that form at once: a group that waits three
//! seconds for more members would hide how fast anything starts.

use super::contenders::java;
use super::leash::Leash;
use super::usage;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A start takes a few seconds, on a busy machine more.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running broker.
pub struct Broker {
    /// `host:port`.
    pub address: String,
    /// Where everything of this measurement lies; removed in the end.
    pub folder: PathBuf,
    leash: Leash,
}

impl Broker {
    /// Starts one from these jars.
    ///
    /// # Errors
    /// If it does not start; what it said is told.
    pub fn start(jars: &Path) -> Result<Broker, String> {
        let folder = std::env::temp_dir().join(format!("streams-versus-{}", std::process::id()));
        let told = |what: &str| {
            let what = what.to_owned();
            move |error: std::io::Error| format!("cannot {what}: {error}")
        };
        fs::create_dir_all(&folder).map_err(told("make a folder for the broker"))?;
        let (client, controller) = (free_port(), free_port());
        let properties = folder.join("server.properties");
        fs::write(&properties, settings(client, controller, &folder)).map_err(told("write its settings"))?;
        let log = File::create(folder.join("broker.log")).map_err(told("write its log"))?;
        format(jars, &properties)?;
        let options = ["-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"];
        let mut command = java(jars, &options, "kafka.Kafka");
        command.push(properties.into_os_string());
        let leash = Leash::start(&command, &[], &log, Some(&folder)).map_err(told("start the broker"))?;
        let mut broker = Broker { address: format!("127.0.0.1:{client}"), folder, leash };
        broker.wait()?;
        Ok(broker)
    }

    /// The processor time it has used, in seconds.
    pub fn cpu(&self) -> f64 {
        usage::cpu(self.leash.pid).unwrap_or(0.0)
    }

    fn wait(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let client: Result<BaseConsumer, _> =
            ClientConfig::new().set("bootstrap.servers", &self.address).set("log_level", "0").create();
        let client = client.map_err(|error| error.to_string())?;
        loop {
            let metadata = client.fetch_metadata(None, Duration::from_secs(1));
            if metadata.is_ok_and(|metadata| !metadata.brokers().is_empty()) {
                return Ok(());
            }
            let ended = self.leash.ended(Duration::from_millis(100)).is_some();
            if ended || Instant::now() > deadline {
                let said = fs::read_to_string(self.folder.join("broker.log")).unwrap_or_default();
                return Err(format!("the broker does not start:\n{said}"));
            }
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

fn format(jars: &Path, properties: &Path) -> Result<(), String> {
    let mut command =
        java(jars, &["-Dorg.slf4j.simpleLogger.defaultLogLevel=error"], "kafka.tools.StorageTool");
    let arguments = ["format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c"].map(OsString::from);
    command.extend(arguments.into_iter().chain([properties.as_os_str().to_owned()]));
    let output = Command::new(&command[0]).args(&command[1..]).output();
    let output = output.map_err(|error| format!("cannot run java: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("cannot format storage: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn settings(client: u16, controller: u16, folder: &Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
# Event times of the inputs lie in the past; none may be deleted for its age.
log.retention.ms=-1
",
        folder.join("data").display()
    )
}
