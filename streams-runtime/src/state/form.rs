//! In which form a store keeps its rows: what two programs must have in common to share its files or its changelog.
//!
//! The form stands beside the rows as text, one entry a line, so that it can be read where another program wrote it:
//!
//! ```text
//! kind=windows
//! window_ms=15000
//! key=String
//! value=Json
//! ```
//!
//! Knows kinds of stores, and formats by their names. Does not know where the text is kept, nor what follows if two
//! forms differ.

use crate::serde::{Serde, SerdeError};

/// The form that an application expects of a store.
#[derive(Clone, Copy, Debug)]
pub struct StoreForm {
    /// True for a store of windows, false for one of the latest values.
    pub keeps_windows: bool,
    /// How long the windows of its keys are: in their bytes only the start is found.
    pub window_ms: Option<i64>,
    /// [`Serde::NAME`] of the keys; `""` is never compared.
    pub key: &'static str,
    /// [`Serde::NAME`] of the values; `""` is never compared.
    pub value: &'static str,
    /// Whether these bytes are a key.
    pub try_key: fn(&[u8]) -> Result<(), SerdeError>,
    /// Whether these bytes are a value.
    pub try_value: fn(&[u8]) -> Result<(), SerdeError>,
}

/// How a form that was found differs from the one that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherForm {
    /// It says something that this version knows nothing of.
    Unknown(String),
    /// It is another one; what was found and what is expected, in words.
    Different(String),
}

/// The number of duplicates of a window, behind each key of its changelog.
const SEQUENCE: usize = 4;

impl StoreForm {
    /// The form of a store with these formats; `K` is that of the whole key, windows included.
    pub const fn of<K: Serde, V: Serde>(keeps_windows: bool) -> Self {
        StoreForm {
            keeps_windows,
            window_ms: K::WINDOW_MS,
            key: K::NAME,
            value: V::NAME,
            try_key: decodes::<K>,
            try_value: decodes::<V>,
        }
    }

    /// As it stands beside the rows.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.entries() {
            text.extend([name, "=", &value, "\n"]);
        }
        text
    }

    fn entries(&self) -> [(&'static str, String); 4] {
        let kind = if self.keeps_windows { WINDOWS } else { KEY_VALUE };
        [
            ("kind", kind.to_owned()),
            ("window_ms", self.window_ms.map_or_else(String::new, |ms| ms.to_string())),
            // A name is one line, whoever gave it.
            ("key", self.key.replace('\n', " ")),
            ("value", self.value.replace('\n', " ")),
        ]
    }

    /// Whether rows of the form that was `found` are of another one. Nothing found is this one: so it was before forms
    /// were noted.
    pub fn differs_from(&self, found: &str) -> Option<OtherForm> {
        let expected = self.entries();
        let mut differences = Vec::new();
        for line in found.lines() {
            let known = line.split_once('=').and_then(|(name, found)| {
                let (_, expected) = expected.iter().find(|(known, _)| *known == name)?;
                Some((name, found, expected.as_str()))
            });
            match known {
                None => return Some(OtherForm::Unknown(format!("its form says `{line}`"))),
                Some((_, found, expected)) if found == expected => {}
                // Who does not say its name cannot be told from another one.
                Some(("key" | "value" | "window_ms", found, expected))
                    if found.is_empty() || expected.is_empty() => {}
                Some(("kind", found, _)) if ![WINDOWS, KEY_VALUE].contains(&found) => {
                    return Some(OtherForm::Unknown(format!("it keeps `{found}`")));
                }
                Some((name, found, expected)) => differences.push(match name {
                    "kind" => format!("it keeps {found}, and here it should keep {expected}"),
                    "window_ms" => format!("its windows are {found} ms long, and here {expected} ms"),
                    name => format!("its {name}s are in the format `{found}`, and here in `{expected}`"),
                }),
            }
        }
        (!differences.is_empty()).then(|| OtherForm::Different(differences.join("; ")))
    }

    /// Whether a record of the changelog is a row of this form.
    ///
    /// # Errors
    /// Whether it is the key or the value that is none, and what its format said.
    pub fn try_row(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), (&'static str, SerdeError)> {
        let key = match (self.keeps_windows, key.len().checked_sub(SEQUENCE)) {
            (false, _) => key,
            (true, Some(behind)) => &key[..behind],
            (true, None) => return Err(("key", SerdeError::new("a window's key has a start and a number"))),
        };
        (self.try_key)(key).map_err(|cause| ("key", cause))?;
        value.map_or(Ok(()), self.try_value).map_err(|cause| ("value", cause))
    }
}

const WINDOWS: &str = "windows";
const KEY_VALUE: &str = "latest values";

fn decodes<S: Serde>(bytes: &[u8]) -> Result<(), SerdeError> {
    S::decode(bytes).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::{Json, TimeWindowed};

    const COUNTS: StoreForm = StoreForm::of::<String, i64>(false);
    const PER_SECOND: StoreForm = StoreForm::of::<TimeWindowed<String, 1_000>, Json<u8>>(true);

    /// A format that does not say its name.
    struct Nameless;

    impl Serde for Nameless {
        type Type = ();
        fn encode(_: &(), _: &mut Vec<u8>) -> Result<(), SerdeError> {
            Ok(())
        }
        fn decode(_: &[u8]) -> Result<(), SerdeError> {
            Ok(())
        }
    }

    #[test]
    fn a_form_is_itself_and_none_is_any() {
        assert_eq!(COUNTS.text(), "kind=latest values\nwindow_ms=\nkey=String\nvalue=i64\n");
        assert_eq!(PER_SECOND.text(), "kind=windows\nwindow_ms=1000\nkey=String\nvalue=Json\n");
        for form in [COUNTS, PER_SECOND] {
            assert_eq!((form.differs_from(&form.text()), form.differs_from("")), (None, None));
        }
    }

    #[test]
    fn all_that_differs_is_told() {
        let different = |form: StoreForm, found: StoreForm| match form.differs_from(&found.text()) {
            Some(OtherForm::Different(words)) => words,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            different(COUNTS, StoreForm::of::<i64, u64>(false)),
            "its keys are in the format `i64`, and here in `String`; its values are in the format `u64`, and here in \
             `i64`"
        );
        assert_eq!(
            different(PER_SECOND, StoreForm::of::<TimeWindowed<String, 60_000>, Json<u8>>(true)),
            "its windows are 60000 ms long, and here 1000 ms"
        );
        assert_eq!(
            different(StoreForm::of::<String, Json<u8>>(false), PER_SECOND),
            "it keeps windows, and here it should keep latest values"
        );
    }

    #[test]
    fn a_format_without_a_name_is_never_compared() {
        let nameless = StoreForm::of::<Nameless, Nameless>(false);
        assert_eq!(COUNTS.differs_from(&nameless.text()), None);
        assert_eq!(nameless.differs_from(&COUNTS.text()), None);
    }

    #[test]
    fn what_nobody_knows_is_not_ignored() {
        let unknown = |found: &str| match COUNTS.differs_from(found) {
            Some(OtherForm::Unknown(words)) => words,
            other => panic!("{other:?}"),
        };
        assert_eq!(unknown(&format!("{}ttl=1d\n", COUNTS.text())), "its form says `ttl=1d`");
        assert_eq!(unknown("kind=sessions\nkey=String\n"), "it keeps `sessions`");
        assert_eq!(unknown("rubbish"), "its form says `rubbish`");
    }

    #[test]
    fn a_record_of_a_changelog_is_tried() {
        let tried = |form: StoreForm, key: &[u8], value: Option<&[u8]>| {
            form.try_row(key, value).map_err(|(what, cause)| format!("{what}: {cause}"))
        };
        assert_eq!(tried(COUNTS, b"a", Some(&[0; 8])), Ok(()));
        assert_eq!(tried(COUNTS, b"a", None), Ok(()));
        assert!(tried(COUNTS, &[0xff], Some(&[0; 8])).unwrap_err().starts_with("key: invalid utf-8"));
        assert!(tried(COUNTS, b"a", Some(b"7")).unwrap_err().starts_with("value: "));
        let window = [&b"a"[..], &7_000i64.to_be_bytes(), &[0; SEQUENCE]].concat();
        assert_eq!(tried(PER_SECOND, &window, Some(b"7")), Ok(()));
        assert!(tried(PER_SECOND, b"a", Some(b"7")).unwrap_err().starts_with("key: "));
        assert!(tried(PER_SECOND, b"a key", Some(b"7")).unwrap_err().starts_with("key: "));
    }
}
