//! Steps and topics of one crate, read, joined and listed in another.

use streams_examples::word_count::{Counts, Lines, by_word, words};
use streams_runtime::prelude::*;

#[topic(name = "notes", key = String, value = Option<String>)]
struct NotesTopic;
#[topic(name = "noted", key = String, value = String)]
struct Noted;

#[ktable(store = "notes", from = NotesTopic)]
struct Notes;

// `by_word` is another crate's step behind an internal topic; its key, format and layout are known here.
#[processor(from = by_word, join = Notes, to = Noted)]
fn with_note(word: &str, note: &str) -> String {
    format!("{word}: {note}")
}

topology!(Both = [words, by_word, Counts, Notes, with_note]);

#[test]
fn another_crates_steps_are_read_like_ones_own() {
    let driver = Both::driver();
    driver.input::<NotesTopic>().pipe("kafka", "a log").unwrap();
    driver.input::<Lines>().pipe("1", "Kafka streams").unwrap();
    assert_eq!(
        driver.output::<Noted>().read_all(),
        [(Some("kafka".to_owned()), Some("kafka: a log".to_owned()))]
    );
    assert_eq!(driver.row::<Counts>(&"streams".to_owned()), Some(1));
}
