//! Streams joined with tables.

use super::*;

#[ktable(store = "others", from = Other)]
struct Others;
#[processor(from = In, join = Others, to = Out)]
fn inner(word: &str, other: &str) -> String {
    format!("{word}+{other}")
}
#[processor(from = In, left_join = Others, to = Second)]
fn left(word: &str, other: Option<&str>) -> String {
    format!("{word}+{other:?}")
}
topology!(Joins = [Others, inner, left]);

#[test]
fn a_topic_as_table_and_joins_with_it() {
    undone::<Joins>(feed_both, |driver| format!("{:?}", driver.rows::<Others>()));
}

mod of_nulls {
    use super::*;

    #[ktable(store = "latest", from = Nullable, null_key = skip)]
    struct Latest;
    #[processor(from = Nullable, join = Latest, null_key = skip, null_value = skip, error = skip, to = Out)]
    fn inner(word: &str, latest: &str) -> Result<String, String> {
        if word == latest { Err(format!("`{word}` already")) } else { Ok(format!("{word}+{latest}")) }
    }
    #[processor(from = Nullable, left_join = Latest, null_value = skip, to = Nulls)]
    fn left(key: Option<&str>, word: &str, latest: Option<&str>) -> Option<String> {
        (word != "x").then(|| format!("{key:?}: {word}+{latest:?}"))
    }
    #[topic(name = "nulls", partitions = 2, key = Option<String>, value = Option<String>)]
    struct Nulls;
    // The stream's records first: each finds the row of the one before it.
    topology!(Nulling = [inner, left, Latest]);

    #[test]
    fn joins_of_what_may_be_null() {
        undone::<Nulling>(feed_nulls, |driver| {
            assert!(driver.drops().len() > 3, "{:?}", driver.drops());
            format!("{:?}", driver.rows::<Latest>())
        });
    }
}

mod of_own_rows {
    use super::*;

    #[ktable(store = "own-counts", from = In, count)]
    struct Counts;
    #[processor(from = In, join = Counts, to = Out)]
    fn nth(word: &str, count: &i64) -> String {
        format!("{word} is number {count}")
    }
    #[ktable(store = "own-windows", from = In, count)]
    #[window(tumbling = "5s", grace = "2s")]
    struct InWindows;
    #[ktable(store = "own-words", from = In, reduce)]
    #[window(tumbling = "5s", grace = "0s")]
    fn words(all: &mut String, word: &str) {
        all.push('-');
        all.push_str(word);
    }
    #[processor(from = InWindows, left_join = words, to = OfWindows)]
    fn both(count: &i64, words: Option<&str>) -> String {
        format!("{count}: {words:?}")
    }
    #[topic(name = "of-windows", partitions = 2, key = TimeWindowed<String, 5_000>, value = String)]
    struct OfWindows;
    topology!(Owning = [Counts, nth, words, InWindows, both]);

    #[test]
    fn joins_with_ones_own_rows_and_of_windows() {
        undone::<Owning>(feed, |driver| {
            let rows = (driver.rows::<Counts>(), driver.windows::<InWindows, String>());
            format!("{rows:?} {:?}", driver.windows::<words, String>())
        });
    }
}
