//! Rows of windows, their stream times, and records that are late.

use super::*;
use streams_runtime::counters::Reason;

#[topic(name = "windows", partitions = 2, key = TimeWindowed<String, 5_000>, value = String)]
struct Windows;

#[ktable(store = "window-counts", from = In, count)]
#[window(tumbling = "5s", grace = "0s")]
struct Counted;
#[ktable(store = "window-words", from = In, reduce, to = Windows)]
#[window(tumbling = "5s", grace = "2s")]
fn reduced(all: &mut String, word: &str) {
    all.push('-');
    all.push_str(word);
}
#[ktable(store = "window-sums", from = In, aggregate, error = skip)]
#[window(tumbling = "1s", grace = "1s")]
fn summed(sum: &mut i64, word: &str) -> Result<(), std::num::ParseIntError> {
    *sum += 1_000;
    *sum += word.parse::<i64>()?;
    Ok(())
}
#[ktable(store = "window-gone", from = In, aggregate)]
#[window(tumbling = "10s", grace = "1s")]
fn deleting(sum: &mut Option<i64>, word: &str) {
    *sum = Some(sum.unwrap_or(0) + word.len() as i64).filter(|sum| sum % 4 != 0);
}
topology!(Windowing = [Counted, reduced, summed, deleting]);

#[test]
fn windows_their_stream_times_and_late_records() {
    undone::<Windowing>(feed, |driver| {
        let lists = (driver.windows::<Counted, String>(), driver.windows::<reduced, String>());
        let sums = (driver.windows::<summed, String>(), driver.windows::<deleting, String>());
        let drops = driver.drops();
        assert!(drops.iter().any(|drop| drop.reason == Reason::Late), "{drops:?}");
        format!("{lists:?} {sums:?}")
    });
}

mod kept_for_long {
    use super::*;

    #[ktable(store = "window-kept", from = Nullable, count, null_key = skip, null_value = keep, late = skip)]
    #[window(tumbling = "3s", grace = "1s", retention = "20s")]
    struct Kept;
    #[ktable(store = "window-nulls", from = Nullable, reduce, null_key = skip, to = Nulls)]
    #[window(tumbling = "3s", grace = "10s")]
    fn nulls(all: &mut Option<String>, word: Option<&str>) {
        *all = all.take().zip(word).map(|(all, word)| format!("{all}-{word}"));
    }
    #[topic(name = "nulls", partitions = 2, key = TimeWindowed<String, 3_000>, value = Option<String>)]
    struct Nulls;
    topology!(KeptForLong = [Kept, nulls]);

    #[test]
    fn windows_of_nulls_that_are_kept_longer_than_they_are_open() {
        undone::<KeptForLong>(feed_nulls, |driver| {
            assert!(driver.drops().iter().any(|drop| drop.reason == Reason::Late));
            format!("{:?} {:?}", driver.windows::<Kept, String>(), driver.windows::<nulls, String>())
        });
    }
}
