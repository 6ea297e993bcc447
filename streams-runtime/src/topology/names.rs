//! What the log calls the topics of an application.
//!
//! A declared topic is called as it is declared, unless the application was told another name for it; an internal one
//! is called after the application and the step. Knows names only; does not know which topics there are.

use super::{PlanProblem, TopicRef};
use crate::operators::{changelog_topic, repartition_topic};
use std::collections::{BTreeMap, BTreeSet};

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
    pub(super) fn with(self, given: &BTreeMap<&'static str, String>) -> Names {
        Names { given: given.clone(), ..self }
    }

    /// What the log calls the topic that was declared under this name.
    pub fn external<'a>(&'a self, declared: &'a str) -> &'a str {
        self.given.get(declared).map_or(declared, String::as_str)
    }

    /// Names that were given to topics which are not there, and names that two topics share.
    pub(super) fn misplaced(&self, topics: &BTreeSet<&'static str>) -> Vec<PlanProblem> {
        let mut problems = Vec::new();
        for (declared, name) in &self.given {
            let (topic, name) = (*declared, name.clone());
            if !topics.contains(declared) {
                problems.push(PlanProblem::Unknown { topic, name });
            } else if topics.iter().filter(|topic| self.external(topic) == name).count() > 1 {
                problems.push(PlanProblem::Shared { topic, name });
            }
        }
        problems
    }

    /// What the log calls the internal topic of a step.
    pub fn internal(&self, step: &str) -> String {
        repartition_topic(&self.application, step)
    }

    /// What the log calls the changelog of a store.
    pub fn changelog(&self, store: &str) -> String {
        changelog_topic(&self.application, store)
    }
}

impl TopicRef {
    /// What the log calls it.
    pub fn name(&self, names: &Names) -> String {
        match self {
            TopicRef::External(declared) => names.external(declared).to_owned(),
            TopicRef::Internal(step) => names.internal(step),
        }
    }
}
