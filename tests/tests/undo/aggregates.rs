//! Rows that records are folded into.

use super::*;

#[ktable(store = "counted", from = In, count)]
struct Counted;
#[ktable(store = "reduced", from = In, reduce, to = Out)]
fn reduced(all: &mut String, word: &str) {
    all.push('-');
    all.push_str(word);
}
#[ktable(store = "folded", from = In, aggregate, value = Json<Vec<String>>)]
fn folded(all: &mut Vec<String>, key: &str, word: &str) {
    all.push(format!("{key}{word}"));
}
// Changes the row and fails: what it changed must not stay.
#[ktable(store = "summed", from = In, aggregate, error = skip)]
fn summed(sum: &mut i64, word: &str) -> Result<(), std::num::ParseIntError> {
    *sum += 1_000;
    *sum += word.parse::<i64>()?;
    Ok(())
}
#[ktable(store = "deleting", from = In, aggregate, to = Sums)]
fn deleting(sum: &mut Option<i64>, word: &str) {
    *sum = Some(sum.unwrap_or(0) + word.len() as i64).filter(|sum| sum % 4 != 0);
}
topology!(Aggregates = [Counted, reduced, folded, summed, deleting]);

#[test]
fn count_reduce_aggregate() {
    undone::<Aggregates>(feed, |driver| {
        let lists = (driver.rows::<Counted>(), driver.rows::<reduced>(), driver.rows::<folded>());
        let sums = (driver.rows::<summed>(), driver.rows::<deleting>());
        assert!(driver.dropped() > 0);
        format!("{lists:?} {sums:?}")
    });
}

mod of_nulls {
    use super::*;

    #[ktable(store = "all-counted", from = Nullable, count, null_key = skip, null_value = keep)]
    struct Counted;
    #[ktable(store = "null-reduced", from = Nullable, reduce, null_key = skip, to = Nulls)]
    fn reduced(all: &mut Option<String>, word: Option<&str>) {
        *all = all.take().zip(word).map(|(all, word)| format!("{all}-{word}"));
    }
    #[topic(name = "nulls", partitions = 2, key = String, value = Option<String>)]
    struct Nulls;
    #[ktable(store = "begun", from = Nullable, aggregate, init = ten, null_key = skip, null_value = skip)]
    fn begun(sum: &mut i64, word: &str) {
        *sum += word.len() as i64;
    }
    fn ten() -> i64 {
        10
    }
    #[ktable(store = "missed", from = Nullable, aggregate, null_key = skip, error = skip)]
    fn missed(row: &mut Option<i64>, word: Option<&str>) -> Result<(), std::num::ParseIntError> {
        // Changed before it fails.
        let sum = row.take().unwrap_or(0);
        *row = match word {
            Some(word) => Some(sum + word.parse::<i64>()?),
            None => None,
        };
        Ok(())
    }
    topology!(OfNulls = [Counted, reduced, begun, missed]);

    #[test]
    fn nulls_that_are_counted_kept_or_left_out() {
        undone::<OfNulls>(feed_nulls, |driver| {
            let rows = (driver.rows::<Counted>(), driver.rows::<reduced>(), driver.rows::<begun>());
            assert!(driver.drops().len() > 4, "{:?}", driver.drops());
            format!("{rows:?} {:?}", driver.rows::<missed>())
        });
    }
}
