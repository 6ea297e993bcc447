//! Counts words: lines are split, keyed by the word, laid out anew by that key, counted.

use streams_runtime::prelude::*;

/// Lines of text; their keys do not matter.
#[topic(name = "lines", key = Option<String>, value = String, partitions = 2)]
pub struct Lines;

/// How often each word occurred.
#[topic(name = "word-counts", key = String, value = i64)]
pub struct WordCounts;

/// The words of a line, in lower case.
#[processor(from = Lines, flat_map_values)]
pub fn words(line: &str) -> Vec<String> {
    let word = |part: &str| part.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    line.split_whitespace().map(word).filter(|word| !word.is_empty()).collect()
}

/// Words with themselves as key. `repartition` brings equal words to one partition, through an internal topic.
#[processor(from = words, select_key, repartition)]
pub fn by_word(word: &str) -> String {
    word.to_owned()
}

/// How often each word occurred so far.
#[ktable(store = "word-counts", from = by_word, count, to = WordCounts)]
pub struct Counts;

topology!(
    /// Counts words.
    pub WordCount = [words, by_word, Counts]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_blanks_and_punctuation() {
        assert_eq!(words("To be, or not … to be?"), ["to", "be", "or", "not", "to", "be"]);
    }

    #[test]
    fn words_are_counted_whatever_line_they_came_from() {
        let driver = WordCount::driver();
        let lines = driver.input::<Lines>();
        lines.pipe("1".to_owned(), "all streams lead to Kafka").unwrap();
        lines.pipe("2".to_owned(), "Kafka streams").unwrap();
        assert_eq!(driver.row::<Counts>(&"kafka".to_owned()), Some(2));
        let counts = driver.output::<WordCounts>().read_all();
        assert!(counts.contains(&(Some("streams".to_owned()), Some(2))));
    }
}
