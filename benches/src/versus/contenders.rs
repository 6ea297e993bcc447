//! Who is measured, and how each is started.
//!
//! Knows commands. What they are told is the [`contract`](crate::contract).

use super::cells::{Cell, Course};
use std::ffi::OsString;
use std::path::Path;

/// A program that keeps the contract.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What it is called in the report.
    pub name: String,
    /// How it is started.
    pub command: Vec<OsString>,
}

impl Contender {
    /// One of the three that come along; `programs` holds those of this package, `jars` those of Java.
    pub fn known(name: &str, programs: &Path, jars: &Path) -> Option<Contender> {
        let command = match name {
            "streams" => vec![programs.join("contender").into_os_string()],
            "bare" => vec![programs.join("bare").into_os_string()],
            "java" => java(jars, &["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"], "bench.Contender"),
            // Its heap bounded, and the collector that costs least memory.
            "java-small" => java(
                jars,
                &["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Xmx1g", "-XX:+UseSerialGC"],
                "bench.Contender",
            ),
            _ => return None,
        };
        Some(Contender { name: name.to_owned(), command })
    }

    /// The bare loop keeps no tables.
    pub fn does(&self, cell: &Cell) -> bool {
        self.name != "bare" || !matches!(cell.course, Course::Restored | Course::Killed)
    }

    /// Topics that it does not make itself: those of the bare loop.
    pub fn topics(&self, application: &str) -> Vec<String> {
        if self.name != "bare" {
            return Vec::new();
        }
        ["count-changelog", "words-repartition"].map(|name| format!("{application}-{name}")).into()
    }
}

/// A Java program of the jars of this comparison.
pub fn java(jars: &Path, options: &[&str], main: &str) -> Vec<OsString> {
    let mut path = jars.join("classes").into_os_string();
    path.push(":");
    path.push(jars.join("libs/*"));
    let mut command: Vec<OsString> = vec!["java".into()];
    command.extend(options.iter().map(OsString::from));
    command.extend(["-cp".into(), path, main.into()]);
    command
}
