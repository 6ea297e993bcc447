//! What is wrong with settings, in words: the setting, its value, where it was said, what is wrong, the cure.
//!
//! Knows how a mistake is told. Does not know which mistakes there are (`resolve`, `promises`).

use super::entry::{Entry, Origin};
use crate::transport::is_secret;
use std::fmt;

/// One setting that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Its name.
    pub name: String,
    /// Its value, or `…` in place of a secret.
    pub value: String,
    /// Where it was said.
    pub origin: Origin,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub cure: String,
}

impl Mistake {
    pub(super) fn new(entry: &Entry, problem: impl Into<String>, cure: impl Into<String>) -> Mistake {
        let mut mistake = Mistake {
            name: entry.name.clone(),
            value: entry.value.to_string_lossy().into_owned(),
            origin: entry.origin.clone(),
            problem: problem.into(),
            cure: cure.into(),
        };
        if is_secret(&entry.name) {
            mistake.hide();
        }
        mistake
    }

    /// Messages end up in logs.
    pub(super) fn hide(&mut self) {
        self.value = "…".to_owned();
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake { name, value, origin, problem, cure } = self;
        match name.is_empty() {
            true => write!(f, "`{value}` {origin}: {problem}\n    help: {cure}"),
            false => write!(f, "`{name} = {value}` {origin}: {problem}\n    help: {cure}"),
        }
    }
}

/// Everything that is wrong with the settings of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// In the order of their places: code, file, environment.
    pub mistakes: Vec<Mistake>,
}

impl SettingsError {
    pub(super) fn unless_empty(mut mistakes: Vec<Mistake>) -> Result<(), SettingsError> {
        mistakes.sort_by(|a, b| a.origin.cmp(&b.origin));
        if mistakes.is_empty() { Ok(()) } else { Err(SettingsError { mistakes }) }
    }
}

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mistakes.len() {
            1 => "a setting is wrong:",
            _ => "some settings are wrong:",
        })?;
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}
