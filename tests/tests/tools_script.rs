//! What `.ci/tools` finds missing, on machines that consist of a few programs.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the script itself runs.
const SYSTEM: [&str; 6] = ["sh", "sed", "head", "find", "uname", "id"];

/// A folder that is the whole `PATH`.
struct Machine(PathBuf);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Machine {
    /// With these programs, which do nothing, and this Java, which says so of itself.
    fn with(test: &str, programs: &[&str], java: Option<&str>) -> Self {
        let path = std::env::temp_dir().join(format!("streams-tools-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let folders = std::env::var_os("PATH").unwrap();
        for program in SYSTEM {
            let found = std::env::split_paths(&folders).map(|folder| folder.join(program));
            symlink(found.into_iter().find(|file| file.exists()).unwrap(), path.join(program)).unwrap();
        }
        let machine = Machine(path);
        programs.iter().for_each(|program| machine.add(program, "exit 0"));
        if let Some(says) = java {
            machine.add("java", &format!("echo 'Picked up options: -Xmx1g' >&2\necho '{says}' >&2"));
        }
        machine
    }

    fn add(&self, program: &str, body: &str) {
        let file = self.0.join(program);
        // It may be a link to a real program.
        let _ = fs::remove_file(&file);
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The exit code, and what was said.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/tools");
        let mut tools = Command::new(self.0.join("sh"));
        tools.arg(script).args(arguments).env_clear().env("PATH", &self.0).env("LIBCLANG_PATH", "here");
        let output = tools.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

const COMPILERS: [&str; 4] = ["cc", "c++", "make", "mvn"];

#[test]
fn a_java_that_is_too_old_is_named_with_the_one_that_is_needed() {
    for (says, version) in
        [("openjdk version \"11.0.2\" 2019-01-15", "11"), ("java version \"1.8.0_392\"", "8")]
    {
        let machine = Machine::with("old", &COMPILERS, Some(says));
        let (code, said) = machine.run(&[]);
        let java = machine.0.join("java");
        let expected =
            format!("{} is Java {version}; Apache Kafka needs Java 17 or later.\n", java.display());
        assert!(code == 1 && said.starts_with(&expected) && said.contains("default-jre-headless"), "{said}");
    }
}

#[test]
fn a_java_that_is_new_enough_is_all_right() {
    for says in ["openjdk version \"17.0.15\" 2025-04-15", "openjdk version \"21\" 2023-09-19"] {
        assert_eq!(Machine::with("new", &COMPILERS, Some(says)).run(&[]), (0, String::new()));
    }
}

#[test]
fn cargo_itself_needs_a_linker_and_nothing_else() {
    let (code, said) = Machine::with("bare", &[], None).run(&["linker"]);
    assert!(code == 1 && said.contains("build-essential") && !said.contains("jre"), "{said}");
    assert_eq!(Machine::with("linker", &["cc"], None).run(&["linker"]), (0, String::new()));
    let (code, said) = Machine::with("lacking", &["cc"], None).run(&[]);
    let all = ["build-essential", "default-jre-headless", "maven"];
    assert!(code == 1 && all.iter().all(|package| said.contains(package)), "{said}");
}

#[test]
fn what_was_installed_is_looked_at_once_more() {
    let machine = Machine::with("still", &COMPILERS, Some("openjdk version \"11.0.2\" 2019-01-15"));
    machine.add("id", "echo 0");
    machine.add("apt-get", "exit 0");
    let (code, said) = machine.run(&[]);
    assert!(code == 1 && said.contains("is Java 11"), "{said}");
}
