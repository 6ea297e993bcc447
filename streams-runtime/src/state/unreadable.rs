//! Whether what was found of a store may be used, and what happens if not.
//!
//! Rows that nobody can read, or that would be read as something else, are refused: whoever runs the application decides
//! whether to go back to the program that wrote them, or to do without them. Only what the system refuses (rights,
//! space, a lock) is not meant: that is an error of the engine, and passes.
//!
//! Knows engines and forms. Does not know where an engine came from, nor what is replayed into an empty one.

use super::StateError;
use super::engine::Engine;
use super::form::{OtherForm, StoreForm};
use super::overlay::engine_error;
use crate::serde::SerdeError;
use std::path::{Path, PathBuf};

/// Why rows that were found cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The files are not as they were written, in the words of the engine.
    #[error("its files cannot be read ({0}): they are damaged, or a newer version wrote them")]
    Damaged(String),
    /// A newer version wrote them, and says so.
    #[error("a newer version wrote it ({0})")]
    Newer(String),
    /// They are of another kind of store, or in other formats.
    #[error("{0}")]
    OtherForm(String),
}

impl Unreadable {
    /// What can be done.
    pub(super) fn cure(&self) -> &'static str {
        match self {
            Unreadable::Damaged(_) => {
                "All that is committed is in its changelog: `state.unreadable = rebuild` moves the files aside and fills \
                 the store from there, and so does a start without that directory"
            }
            Unreadable::Newer(_) => {
                "Start that version again; or let this one go on without what it cannot read: `state.unreadable = \
                 rebuild` moves the files aside and fills the store from its changelog"
            }
            Unreadable::OtherForm(_) => {
                "Its changelog has such rows as well: go back to that form, or give the store another name (`store = \
                 \"…\"`), under which it begins empty. Where the new format reads what the old one wrote, \
                 `state.unreadable = rebuild` takes the rows from the changelog"
            }
        }
    }
}

/// What was found of a store cannot be used, and nobody said that it may be rebuilt.
#[derive(Debug, thiserror::Error)]
#[error("store `{store}`{} cannot be used: {why}. {}", place(directory.as_deref()), why.cure())]
pub struct UnreadableStore {
    /// The store.
    pub store: &'static str,
    /// Where it was found, if in files.
    pub directory: Option<PathBuf>,
    /// Why.
    pub why: Unreadable,
}

fn place(directory: Option<&Path>) -> String {
    directory.map_or_else(String::new, |directory| format!(" in `{}`", directory.display()))
}

/// A record of a changelog is no row of its store. Nothing of what came with it was taken.
#[derive(Debug, thiserror::Error)]
#[error(
    "store `{store}`: its changelog `{topic}`, partition {partition}, has at offset {offset} a record whose {what} cannot \
     be decoded: {cause}. If it was written in another format, go back to that one, or give the store another name \
     (`store = \"…\"`), under which it begins empty"
)]
pub struct ForeignRow {
    /// The store.
    pub store: &'static str,
    /// Its changelog.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// Where the record is.
    pub offset: i64,
    /// `key` or `value`.
    pub what: &'static str,
    /// What the format said.
    #[source]
    pub cause: SerdeError,
}

/// What becomes of a store that is [`Unreadable`] (`state.unreadable`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnreadable {
    /// Its task is not opened, and it is said why. The default.
    #[default]
    Refuse,
    /// What was found is moved aside, and the store is filled from its changelog.
    Rebuild,
}

impl OnUnreadable {
    const ALL: [OnUnreadable; 2] = [OnUnreadable::Refuse, OnUnreadable::Rebuild];

    /// What it is called in settings.
    pub fn name(self) -> &'static str {
        match self {
            OnUnreadable::Refuse => "refuse",
            OnUnreadable::Rebuild => "rebuild",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<OnUnreadable> {
        Self::ALL.into_iter().find(|on| on.name() == name)
    }
}

/// An engine whose rows are those of this store, or which has none.
///
/// # Errors
/// [`StateError::Unreadable`] if it has others and is to be refused; or if the engine fails.
pub(crate) fn readable(
    mut engine: Box<dyn Engine>,
    store: &'static str,
    form: &StoreForm,
    otherwise: OnUnreadable,
) -> Result<Box<dyn Engine>, StateError> {
    let failed = |cause| engine_error(store, cause);
    let why = match engine.unreadable() {
        Some(why) => Some(why.clone()),
        None => engine.mark().map_err(failed)?.and_then(|mark| form.differs_from(&mark.form)).map(|other| {
            match other {
                OtherForm::Unknown(what) => Unreadable::Newer(what),
                OtherForm::Different(what) => Unreadable::OtherForm(what),
            }
        }),
    };
    match (why, otherwise) {
        (None, _) => Ok(engine),
        (Some(why), OnUnreadable::Refuse) => {
            // The program that can read it may be back.
            engine.keep(&why.to_string());
            let directory = engine.directory().map(ToOwned::to_owned);
            let refused = UnreadableStore { store, directory, why };
            Err(StateError::Unreadable(refused.into()))
        }
        (Some(why), OnUnreadable::Rebuild) => {
            engine.move_aside(&why.to_string()).map_err(failed)?;
            Ok(engine)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mark, MemoryEngine};
    use super::*;

    const COUNTS: StoreForm = StoreForm::of::<String, i64>(false);

    fn engine(form: &str) -> Box<dyn Engine> {
        let mut engine = MemoryEngine::new();
        let mark = Mark { changelog_offset: 7, form: form.to_owned(), ..Mark::default() };
        engine.apply(&mut [(&b"a"[..], Some(&b"row"[..]))].into_iter(), Some(&mark)).unwrap();
        Box::new(engine)
    }

    #[test]
    fn what_fits_is_used_and_what_does_not_is_refused_in_words() {
        for form in ["", &COUNTS.text()] {
            let engine = readable(engine(form), "counts", &COUNTS, OnUnreadable::Refuse).unwrap();
            assert_eq!(engine.mark().unwrap().unwrap().changelog_offset, 7);
        }
        assert!(readable(Box::new(MemoryEngine::new()), "counts", &COUNTS, OnUnreadable::Refuse).is_ok());
        let other = COUNTS.text().replace("i64", "Json");
        let refused =
            readable(engine(&other), "counts", &COUNTS, OnUnreadable::Refuse).err().unwrap().to_string();
        assert_eq!(
            refused,
            "store `counts` cannot be used: its values are in the format `Json`, and here in `i64`. Its changelog has \
             such rows as well: go back to that form, or give the store another name (`store = \"…\"`), under which it \
             begins empty. Where the new format reads what the old one wrote, `state.unreadable = rebuild` takes the \
             rows from the changelog"
        );
        let newer = readable(engine("kind=sessions"), "counts", &COUNTS, OnUnreadable::Refuse).err().unwrap();
        assert!(
            newer.to_string().contains("a newer version wrote it (it keeps `sessions`). Start that version")
        );
    }

    #[test]
    fn what_does_not_fit_is_forgotten_only_if_somebody_said_so() {
        let rebuilt = readable(engine("key=i64"), "counts", &COUNTS, OnUnreadable::Rebuild).unwrap();
        assert_eq!(rebuilt.mark().unwrap(), None);
        assert!(rebuilt.damage().unwrap().starts_with("its keys are in the format `i64`"));
    }

    #[test]
    fn a_word_is_a_word_both_ways() {
        for on in OnUnreadable::ALL {
            assert_eq!(OnUnreadable::named(on.name()), Some(on));
        }
        assert_eq!(OnUnreadable::named("ignore"), None);
    }
}
