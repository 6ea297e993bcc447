//! Which process this is, across restarts: a random id in a file.
//!
//! Knows one file. Does not know what is called after it.

use super::{DirectoryError, io};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::Path;

/// The id in `directory`, made if there is none.
pub(super) fn id(directory: &Path) -> Result<String, DirectoryError> {
    let path = directory.join("process-id");
    match std::fs::read_to_string(&path) {
        Ok(text) if is_id(text.trim()) => return Ok(text.trim().to_owned()),
        Ok(text) => tracing::warn!(path = %path.display(), text, "no process id: a new one is made"),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
        Err(cause) => return Err(io("cannot read", &path)(cause)),
    }
    let id = random();
    // In one go: half an id would be another one after a crash.
    let new = directory.join("process-id.new");
    let write = || {
        let mut file = File::create(&new)?;
        writeln!(file, "{id}")?;
        file.sync_all()
    };
    write().map_err(io("cannot write", &new))?;
    std::fs::rename(&new, &path).map_err(io("cannot write", &path))?;
    Ok(id)
}

/// 128 bits, written like a UUID of version 4. The standard library takes the keys of its hash maps from the system's
/// source of randomness; time and process keep apart what was forked after that.
pub(crate) fn random() -> String {
    let seed = (std::process::id(), std::time::SystemTime::now());
    let [a, b] = [0; 2].map(|n: u8| RandomState::new().hash_one((seed, n)));
    let hex = format!("{a:016x}{b:016x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::path::PathBuf;

    /// An empty directory of one test.
    pub(crate) fn scratch(test: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("streams-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn an_id_stays_and_no_two_are_alike() {
        let (one, two) = (scratch("id-one"), scratch("id-two"));
        let id_of_one = id(&one).unwrap();
        assert!(is_id(&id_of_one), "{id_of_one}");
        assert_eq!(id(&one).unwrap(), id_of_one);
        assert_ne!(id(&two).unwrap(), id_of_one);
        std::fs::write(one.join("process-id"), "half").unwrap();
        assert_ne!(id(&one).unwrap(), id_of_one);
        std::fs::remove_dir_all(one).unwrap();
        std::fs::remove_dir_all(two).unwrap();
    }
}
