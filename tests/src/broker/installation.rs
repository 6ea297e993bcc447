//! What every broker starts from: the released jars, an empty formatted storage, an archive of loaded classes.
//!
//! Made once by Maven and by Kafka itself and kept in a cache outside of the clone, in a folder named after the
//! content it was made from. Several test commands may arrive at once: one makes it, the others wait for it.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::listeners::Listeners;
use super::supervised::{Signal, Supervised};

/// The jars, by their coordinates.
const POM: &str = include_str!("../../broker/pom.xml");

/// What every broker has in common.
pub(super) const PROPERTIES: &str = include_str!("../../broker/server.properties");

/// Quick to start: only the first compiler, the simplest collector.
const FAST: [&str; 3] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];

/// Far more than a start takes: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Downloads, on a slow line.
const DOWNLOAD: Duration = Duration::from_secs(600);

/// The software of a broker, ready to start from.
#[derive(Debug)]
pub(super) struct Installation {
    java: PathBuf,
    classpath: OsString,
    /// A formatted storage to copy; the archive of classes lies beside it.
    made: PathBuf,
}

impl Installation {
    /// The one of this cache; made now if this is the first time.
    pub(super) fn get() -> &'static Self {
        static INSTALLATION: OnceLock<Installation> = OnceLock::new();
        INSTALLATION.get_or_init(Self::find_or_make)
    }

    fn find_or_make() -> Self {
        let java = java();
        let software = cache().join(hash(&[POM.as_bytes()]));
        let jars = software.join("jars");
        once(&jars, download);
        // An archive of classes belongs to one Java and one path of the jars.
        let same = [PROPERTIES.as_bytes(), java.as_os_str().as_encoded_bytes()];
        let made = software.join(hash(&same));
        let installation = Self { java, classpath: classpath(&jars), made: made.clone() };
        once(&made, |making| {
            installation.format(making);
            installation.archive(making);
        });
        installation
    }

    /// The command of a broker with these properties.
    pub(super) fn command(&self, properties: &Path) -> Vec<OsString> {
        let mut archive = OsString::from("-XX:SharedArchiveFile=");
        archive.push(self.made.join("classes.jsa"));
        self.java(&[archive], "kafka.Kafka", &[properties.as_os_str().to_owned()])
    }

    /// A new formatted storage, empty.
    pub(super) fn storage(&self, at: &Path) {
        copy(&self.made.join("storage"), at);
    }

    fn java(&self, options: &[OsString], main: &str, arguments: &[OsString]) -> Vec<OsString> {
        let mut command = vec![self.java.clone().into_os_string()];
        command.extend(FAST.map(OsString::from));
        // The broker lives on 50 MB; what is left over is for large transactions of a test.
        command.extend(["-Xmx160m", "-Dorg.slf4j.simpleLogger.showDateTime=true"].map(OsString::from));
        // An archive of another Java is not used, and that is nothing to tell the reader of a log.
        command.extend(["-Xlog:disable", "-Xlog:all=error:stderr"].map(OsString::from));
        command.extend(options.iter().cloned());
        command.extend(["-cp".into(), self.classpath.clone(), main.into()]);
        command.extend(arguments.iter().cloned());
        command
    }

    fn format(&self, making: &Path) {
        let supervised = Supervised::new("broker-format", false);
        let properties = supervised.folder().join("server.properties");
        write_properties(&properties, &Listeners::pick(&[]), &making.join("storage"), "");
        let words = ["format", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAA", "--config"].map(OsString::from);
        let arguments: Vec<OsString> = words.into_iter().chain([properties.into_os_string()]).collect();
        supervised.run(self.java(&[], "kafka.tools.StorageTool", &arguments));
        succeeded(&supervised, PATIENCE, "format the storage of a broker");
    }

    /// Starts a broker once and keeps the classes it has loaded, as Java maps them: half a start is loading classes.
    fn archive(&self, making: &Path) {
        let supervised = Supervised::new("broker-archive", false);
        let storage = supervised.folder().join("storage");
        copy(&making.join("storage"), &storage);
        let properties = supervised.folder().join("server.properties");
        let listeners = Listeners::pick(&[]);
        write_properties(&properties, &listeners, &storage, "");
        let mut archive = OsString::from("-XX:ArchiveClassesAtExit=");
        archive.push(making.join("classes.jsa"));
        supervised.run(self.java(&[archive], "kafka.Kafka", &[properties.into_os_string()]));
        super::ready::wait(&supervised, &listeners, PATIENCE).unwrap_or_else(|problem| panic!("{problem}"));
        supervised.signal(Signal::Terminate);
        // Ended by a signal, Java still writes the archive. Without one a broker merely starts more slowly.
        supervised.ended(PATIENCE);
    }
}

/// Properties of one broker: those of all, and its own. Of a name that stands there twice the last one counts.
pub(super) fn write_properties(file: &Path, listeners: &Listeners, storage: &Path, last: &str) {
    let own = format!("\nlog.dirs={}\n{}{last}", storage.display(), listeners.properties());
    fs::write(file, PROPERTIES.to_owned() + &own).expect("a broker's folder can be written");
}

fn download(making: &Path) {
    let supervised = Supervised::new("broker-jars", false);
    let pom = supervised.folder().join("pom.xml");
    fs::write(&pom, POM).expect("a temporary file can be written");
    let mut output = OsString::from("-DoutputDirectory=");
    output.push(making);
    let mut words = ["mvn", "--batch-mode", "--quiet", "--file"].map(OsString::from).to_vec();
    words.extend([pom.into_os_string(), "dependency:copy-dependencies".into(), output]);
    supervised.run(words);
    succeeded(&supervised, DOWNLOAD, "get the jars of Apache Kafka with Maven (`mvn`)");
}

fn succeeded(supervised: &Supervised, within: Duration, what: &str) {
    let code = supervised.ended(within);
    let output = || supervised.stdout() + &supervised.stderr();
    match code {
        Some(0) => {}
        Some(127) => panic!("cannot {what}: no such program. A broker needs Java 17 or later and Maven"),
        // How an older Java says it.
        Some(_) if output().contains("UnsupportedClassVersionError") => {
            panic!("cannot {what}: a broker needs Java 17 or later:\n{}", output())
        }
        Some(code) => panic!("cannot {what}, exit code {code}:\n{}", output()),
        None => panic!("cannot {what} within {within:?}:\n{}", output()),
    }
}

/// Makes a folder unless it is there. It appears under its name when it is complete, so a look is enough to know.
fn once(folder: &Path, make: impl FnOnce(&Path)) {
    if folder.exists() {
        return;
    }
    let parent = folder.parent().expect("a folder of the cache");
    fs::create_dir_all(parent).expect("the cache can be written");
    // The lock ends with the process that holds it.
    let lock = File::create(parent.join("lock")).expect("the cache can be written");
    lock.lock().expect("a file can be locked");
    if folder.exists() {
        return;
    }
    let making = folder.with_extension("making");
    // Left by one who was killed while making it.
    let _ = fs::remove_dir_all(&making);
    fs::create_dir_all(&making).expect("the cache can be written");
    make(&making);
    fs::rename(&making, folder).expect("a folder of the cache can be renamed");
}

fn cache() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME")?;
        Some(Path::new(&home).join(".cache"))
    });
    cache.expect("XDG_CACHE_HOME or HOME is set").join("streams-broker")
}

/// All jars in the order of their names: an archive of classes is bound to the order.
fn classpath(jars: &Path) -> OsString {
    let entries = fs::read_dir(jars).expect("the jars are there");
    let mut jars: Vec<PathBuf> = entries.map(|entry| entry.expect("the jars are there").path()).collect();
    jars.sort();
    env::join_paths(jars).expect("no colon in the path of the cache")
}

/// The file itself, not a link to it: another Java behind the same link needs another archive.
fn java() -> PathBuf {
    let home = env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = home.into_iter().chain(env::split_paths(&path));
    let java = folders.find_map(|folder| folder.join("java").canonicalize().ok());
    java.expect("a broker needs Java 17 or later, and there is no `java`")
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a broker's folder can be written");
    for entry in fs::read_dir(from).expect("the cache can be read") {
        let file = entry.expect("the cache can be read").path();
        let name = file.file_name().expect("an entry of a folder has a name");
        fs::copy(&file, to.join(name)).expect("a broker's folder can be written");
    }
}
