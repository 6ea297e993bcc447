//! What the log calls the topics of an application.
//!
//! A declared topic is called as it is declared, unless the application was told another name for it; an internal one
//! is called after the application and the step. Knows names only; does not know which topics there are.

use std::collections::BTreeMap;

/// The names of the topics of one application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    application: String,
    given: BTreeMap<&'static str, String>,
}

impl Names {
    /// Topics are called as they are declared, internal ones after `application`.
    pub fn of(application: &str) -> Names {
        Names { application: application.to_owned(), given: BTreeMap::new() }
    }

    /// With these names in the place of declared ones.
    pub(crate) fn with(self, given: &BTreeMap<&'static str, String>) -> Names {
        Names { given: given.clone(), ..self }
    }

    /// What the log calls the topic that was declared under this name.
    pub fn external<'a>(&'a self, declared: &'a str) -> &'a str {
        self.given.get(declared).map_or(declared, String::as_str)
    }

    /// The declared topics that were given another name, and that name.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.given.iter().map(|(declared, name)| (*declared, name.as_str()))
    }

    /// What the log calls the internal topic of a step, as Kafka Streams names one after a `Repartitioned.as(step)`.
    pub fn internal(&self, step: &str) -> String {
        format!("{}-{step}-repartition", self.application)
    }

    /// What the log calls the changelog of a store.
    pub fn changelog(&self, store: &str) -> String {
        format!("{}-{store}-changelog", self.application)
    }
}
