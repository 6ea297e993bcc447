//! An application that stops leaves nothing of the record it stopped at: no output, no row, no count of drops.

use streams_runtime::prelude::*;
use streams_runtime::state::OverlayLimit;
use streams_runtime::{Driver, DriverError};

#[topic(name = "in", key = Option<String>, value = Option<i64>)]
struct In;
#[topic(name = "sums", key = String, value = Option<i64>)]
struct SumsOut;
#[topic(name = "windows", key = TimeWindowed<String, 10_000>, value = i64)]
struct WindowsOut;

#[ktable(store = "sums", from = In, aggregate, null_key = skip, null_value = skip, to = SumsOut)]
fn sum(sum: &mut Option<i64>, n: i64) {
    *sum = Some(sum.unwrap_or(0) + n).filter(|sum| *sum != 0);
}

#[ktable(store = "windows", from = In, aggregate, null_key = skip, null_value = skip, error = skip, to = WindowsOut)]
#[window(tumbling = "10s", grace = "0s", retention = "1d")]
fn in_windows(all: &mut i64, n: i64) -> Result<(), String> {
    *all += n;
    if n % 2 == 0 { Ok(()) } else { Err(format!("{n} is odd")) }
}

#[processor(from = In, peek, null_value = skip)]
fn bounded(n: i64) -> Result<(), String> {
    if n < 100 { Ok(()) } else { Err(format!("{n} is too much")) }
}

topology!(App = [sum, in_windows, bounded]);

/// What can be seen of an application from the outside.
fn seen(driver: &Driver) -> impl PartialEq + std::fmt::Debug {
    let rows = (driver.rows::<sum>(), driver.windows::<in_windows, String>());
    (rows, driver.output::<SumsOut>().read_all(), driver.output::<WindowsOut>().read_all(), driver.drops())
}

#[test]
fn nothing_is_left_of_the_record_it_stopped_at() {
    for overlay in [OverlayLimit::UNBOUNDED, OverlayLimit::values(1), OverlayLimit::NONE] {
        let driver = Driver::start_with(App::topology(), overlay).unwrap();
        let input = driver.input::<In>();
        let pipe = |key: Option<&str>, value: Option<i64>, time: i64| {
            let key = key.map(str::to_owned);
            input.pipe_record(&streams_runtime::TestRecord {
                key,
                value,
                timestamp: Timestamp::from_ms(time),
                headers: Headers::new(),
            })
        };
        for (key, value, time) in [
            (Some("a"), Some(2), 0),
            (Some("a"), Some(3), 1),
            (Some("b"), Some(4), 12_000),
            (Some("b"), Some(-4), 12_001),
            (Some("b"), Some(6), 5),
            (None, Some(1), 0),
            (Some("c"), None, 0),
        ] {
            pipe(key, value, time).unwrap();
        }
        assert_eq!(driver.rows::<sum>(), [("a".to_owned(), 5), ("b".to_owned(), 6)]);
        assert_eq!(
            driver.windows::<in_windows, String>().iter().map(|(_, n)| *n).collect::<Vec<_>>(),
            [2, 0]
        );
        let before = seen(&driver);
        // It moves the time of windows, updates two tables, deletes a row, and only then fails.
        let stopped = pipe(Some("a"), Some(101), 50_000).unwrap_err();
        assert!(matches!(stopped, DriverError::Worker(_)), "{stopped}");
        assert!(stopped.to_string().contains("101 is too much"), "{stopped}");
        assert_eq!(seen(&driver), before);
        assert!(matches!(pipe(Some("a"), Some(1), 0), Err(DriverError::Stopped(_))));
        assert_eq!(seen(&driver), before);
    }
}
