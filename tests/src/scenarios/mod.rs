//! The topologies of the recorded scenarios, written in the language of annotations.
//!
//! One small module per scenario, one file per chapter of the recordings. They are written as a user would write
//! them: nothing here reaches into the runtime, and the runtime knows nothing of them. What a scenario means, in
//! words, stands in its recording.

mod binding;
mod in_json;
mod topics;

mod aggregations;
mod applications;
mod failures;
mod processors;
mod stateless;
mod table_joins;
mod tables;
mod timestamps;
mod windowing;

pub use binding::{Binding, RunError};
pub use in_json::{InJson, InJsonError};

/// A recorded scenario and its topology here.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name in the recordings.
    pub id: &'static str,
    /// Its topology, and the topics and stores that are its answer.
    pub bind: fn() -> Binding,
}

/// All scenarios that can be written with what is built, chapter by chapter.
pub fn all() -> impl Iterator<Item = Scenario> {
    let chapters = [
        stateless::ALL,
        processors::ALL,
        timestamps::ALL,
        failures::ALL,
        aggregations::ALL,
        tables::ALL,
        table_joins::ALL,
        windowing::ALL,
        applications::ALL,
    ];
    chapters.into_iter().flatten().copied()
}

/// The scenario called `id`.
pub fn find(id: &str) -> Option<Scenario> {
    all().find(|scenario| scenario.id == id)
}

/// Lists the scenarios of a chapter: modules with a function `bind`.
macro_rules! scenarios {
    ($($id:ident),* $(,)?) => {
        pub(super) const ALL: &[super::Scenario] =
            &[$(super::Scenario { id: stringify!($id), bind: $id::bind }),*];
    };
}
use scenarios;
