//! Groups words by their first letter: a table of the newest words, and a count, a list and statistics per letter.

use serde::{Deserialize, Serialize};
use streams_runtime::prelude::*;

/// Words by any key. A null value takes a word back.
#[topic(name = "words", key = String, value = Option<String>, partitions = 2)]
pub struct Words;

/// How many words began with each letter.
#[topic(name = "words-count", key = String, value = i64)]
pub struct CountTopic;

/// The words of each letter in one line.
#[topic(name = "words-list", key = String, value = String)]
pub struct ListTopic;

/// Statistics of each letter.
#[topic(name = "words-statistics", key = String, value = Json<Statistics>)]
pub struct StatisticsTopic;

/// What is known of the words of a letter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// How many words came.
    pub running_count: u64,
    /// Each of them once, in the order they came first.
    pub distinct: Vec<String>,
}

/// The newest word of each key. Nothing reads it further; it is there to be asked.
#[ktable(store = "words-store", from = Words)]
pub struct NewestWords;

/// Words under their first letter. A word that was taken back has none; it ends here.
#[processor(from = Words, filter_map, repartition)]
pub fn by_letter(word: Option<&str>) -> Option<(String, String)> {
    let word = word?;
    let letter = word.chars().next()?;
    Some((letter.to_uppercase().to_string(), word.to_owned()))
}

/// How many words a letter had.
#[ktable(store = "words-count", from = by_letter, count, to = CountTopic)]
pub struct Count;

/// `A:Apple`, so that a list begins with its letter.
#[processor(from = by_letter, map_values)]
pub fn with_letter(letter: &str, word: &str) -> String {
    format!("{letter}:{word}")
}

/// `A:Apple-Alpha-Ant`: the first word is the first row, each later one is appended to it.
#[ktable(store = "words-list", from = with_letter, reduce, to = ListTopic)]
pub fn list(all: &mut String, word: &str) {
    let (_letter, word) = word.split_once(':').unwrap_or(("", word));
    all.push('-');
    all.push_str(word);
}

/// Statistics: the row is of another type than the words, and begins as `Statistics::default()`.
#[ktable(store = "words-statistics", from = by_letter, aggregate, to = StatisticsTopic)]
pub fn statistics(statistics: &mut Statistics, word: &String) {
    statistics.running_count += 1;
    if !statistics.distinct.contains(word) {
        statistics.distinct.push(word.clone());
    }
}

topology!(
    /// Groups words by their first letter.
    pub WordsApp = [NewestWords, by_letter, Count, with_letter, list, statistics]
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Pipes words under the keys 1, 2, 3, …
    fn driver_with(words: &[&str]) -> streams_runtime::Driver {
        let driver = WordsApp::driver();
        for (key, word) in (1..).zip(words) {
            driver.input::<Words>().pipe(key.to_string(), *word).unwrap();
        }
        driver
    }

    #[test]
    fn words_are_counted_by_letter_in_either_case() {
        let driver = driver_with(&["Apple", "alpha", "Bus"]);
        assert_eq!(driver.row::<Count>(&"A".to_owned()), Some(2));
        assert_eq!(driver.row::<Count>(&"B".to_owned()), Some(1));
    }

    #[test]
    fn a_list_grows_word_by_word() {
        let driver = driver_with(&["Apple", "Alpha", "Ant"]);
        let lists = driver.output::<ListTopic>().read_all();
        let lists: Vec<String> = lists.into_iter().filter_map(|(_, list)| list).collect();
        assert_eq!(lists, ["A:Apple", "A:Apple-Alpha", "A:Apple-Alpha-Ant"]);
    }

    #[test]
    fn statistics_keep_each_word_once() {
        let driver = driver_with(&["Apple", "Ant", "Apple"]);
        let expected = Statistics { running_count: 3, distinct: vec!["Apple".into(), "Ant".into()] };
        assert_eq!(driver.row::<statistics>(&"A".to_owned()), Some(expected));
    }

    #[test]
    fn a_null_deletes_the_row_of_the_table_and_reaches_no_group() {
        let driver = driver_with(&["Apple"]);
        assert_eq!(driver.row::<NewestWords>(&"1".to_owned()), Some("Apple".to_owned()));
        driver.input::<Words>().pipe_bytes(Some(b"1"), None, 0, &Headers::new()).unwrap();
        assert_eq!(driver.row::<NewestWords>(&"1".to_owned()), None);
        assert_eq!(driver.row::<Count>(&"A".to_owned()), Some(1));
    }

    #[test]
    fn a_word_without_letters_is_in_no_group() {
        let driver = driver_with(&[""]);
        assert!(driver.rows::<Count>().is_empty());
        assert_eq!(driver.dropped(), 0, "it was filtered, not dropped");
    }
}
