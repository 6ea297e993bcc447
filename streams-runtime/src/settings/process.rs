//! The settings of this process: its environment, and the file that is named there or in the code.
//!
//! The only part that reads anything. Does not know names or values.

use super::entry::{Entry, Origin};
use super::mistakes::Mistake;
use super::{Given, Sources, environment, file};
use std::ffi::{OsStr, OsString};
use std::path::Path;

impl Sources {
    /// What the code, a file and these variables say. `read` reads a file.
    pub fn of(
        given: &Given,
        variables: &[(String, OsString)],
        read: impl FnOnce(&Path) -> std::io::Result<String>,
    ) -> Sources {
        let mut sources = Sources {
            code: given.entries.clone(),
            environment: environment::entries(variables),
            ..Sources::default()
        };
        // Who runs the application names another file, not a second one.
        let named =
            variables.iter().find(|(variable, value)| variable == environment::FILE && !value.is_empty());
        let (path, origin) = match (named, &given.file) {
            (Some((variable, path)), _) => (path.as_os_str(), Origin::Environment(variable.clone())),
            (None, Some(path)) => (path.as_os_str(), Origin::Code),
            (None, None) => return sources,
        };
        match read(Path::new(path)) {
            Ok(text) => {
                sources.file = file::entries(&shown(path), &text, &mut sources.mistakes);
            }
            Err(error) => {
                let entry = Entry::new("", path, origin);
                let problem = format!("the file cannot be read ({error})");
                sources.mistakes.push(Mistake::new(&entry, problem, "name a file of `name = value` lines"));
            }
        }
        sources
    }

    /// What was said by who runs the application, not by who wrote it.
    pub(crate) fn of_who_runs_it(&self) -> impl Iterator<Item = &Entry> {
        self.file.iter().chain(&self.environment)
    }

    /// What the code says, and what this process finds around it.
    pub fn of_process(given: &Given) -> Sources {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Sources::of(given, &variables.collect::<Vec<_>>(), |path| std::fs::read_to_string(path))
    }
}

fn shown(path: &OsStr) -> String {
    format!("`{}`", Path::new(path).display())
}
