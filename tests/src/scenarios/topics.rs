//! What many scenarios read and write, and the few functions on texts they have in common.
//!
//! The recordings put nulls everywhere, so these topics expect them everywhere.

use streams_runtime::prelude::*;

/// The input of most scenarios.
#[topic(name = "in", key = Option<String>, value = Option<String>)]
pub struct In;

/// The output of most scenarios.
#[topic(name = "out", key = Option<String>, value = Option<String>)]
pub struct Out;

/// Numbers by key.
#[topic(name = "out", key = String, value = Option<i64>)]
pub struct OutNumbers;

/// Numbers by key and window of ten seconds.
#[topic(name = "out", key = TimeWindowed<String, 10_000>, value = i64)]
pub struct OutWindows;

/// A text in upper case.
pub fn upper(text: Option<&str>) -> Option<String> {
    text.map(str::to_uppercase)
}

/// The words of a text, separated by blanks.
pub fn words_of(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The first letter of a text that has one.
pub fn first_letter(text: Option<&str>) -> Option<String> {
    text?.chars().next().map(String::from)
}

/// A text, or the word for none.
pub fn or_null(text: Option<&str>) -> &str {
    text.unwrap_or("null")
}

/// The last 40 letters, so that joined texts stay short.
pub fn last_letters(text: String) -> String {
    match text.char_indices().rev().nth(39) {
        Some((start, _)) => text[start..].to_owned(),
        None => text,
    }
}
