//! A loop through a topic is allowed; a driver that would never return says so instead.

use streams_runtime::prelude::*;

#[topic(name = "numbers", key = String, value = i64)]
struct Numbers;

#[processor(from = Numbers, filter, to = Numbers)]
fn not_negative(n: &i64) -> bool {
    *n >= 0
}
topology!(Circle = [not_negative]);

#[processor(from = Numbers, filter_map_values, to = Numbers)]
fn down(n: &i64) -> Option<i64> {
    (*n > 0).then(|| n - 1)
}
topology!(Countdown = [down]);

#[test]
fn a_circle_without_an_end_is_named() {
    let driver = Circle::driver();
    let error = driver.input::<Numbers>().pipe("a", 1).unwrap_err().to_string();
    assert!(error.starts_with("records go round in circles"), "{error}");
}

#[test]
fn one_with_an_end_is_run_to_it() {
    let driver = Countdown::driver();
    driver.input::<Numbers>().pipe("a", 3).unwrap();
    assert_eq!(driver.output::<Numbers>().read_all().len(), 4);
}
