//! Settings in the environment: `STREAMS_COMMIT_INTERVAL_MS` is `commit.interval.ms`.
//!
//! Knows how a name becomes a variable and back. Does not read the environment of the process: it is handed in.

use super::entry::{Entry, Origin};
use super::names::OURS;
use super::properties::{self, Client};
use std::ffi::OsString;

/// What variables of settings begin with.
pub const PREFIX: &str = "STREAMS_";
/// The variable that names a file of settings.
pub const FILE: &str = "STREAMS_SETTINGS";

/// The settings among these variables, by name.
pub(super) fn entries<'a>(variables: impl IntoIterator<Item = &'a (String, OsString)>) -> Vec<Entry> {
    let named = variables.into_iter().filter(|(variable, _)| variable != FILE);
    let mut entries: Vec<Entry> = named
        .filter_map(|(variable, value)| {
            let rest = variable.strip_prefix(PREFIX)?;
            Some(Entry::new(name(rest), value, Origin::Environment(variable.clone())))
        })
        .collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    entries
}

/// A few names of librdkafka have underscores (`log_level`), which a variable cannot tell from dots: a known name
/// wins.
fn name(rest: &str) -> String {
    let dotted = rest.to_ascii_lowercase().replace('_', ".");
    let spelt_alike = |known: &str| known.contains('_') && known.replace('_', ".") == dotted;
    let prefixes = [""].into_iter().chain(Client::ALL.map(Client::prefix));
    let mut known = prefixes
        .flat_map(|prefix| properties::names().chain(OURS).map(move |name| format!("{prefix}{name}")));
    known.find(|known| spelt_alike(known)).unwrap_or(dotted)
}

/// The variable of a setting.
pub(super) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "_").to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_its_name_in_upper_snake_case() {
        for setting in ["commit.interval.ms", "consumer.fetch.min.bytes", "log_level", "admin.ssl_key"] {
            let variable = variable(setting);
            assert_eq!(name(variable.strip_prefix(PREFIX).unwrap()), setting);
        }
        assert_eq!(variable("bootstrap.servers"), "STREAMS_BOOTSTRAP_SERVERS");
    }
}
