//! The test driver forgets what was piped, and what was written once it is read.

use streams_bench::chains::Numbers;
use streams_bench::peer::bytes::{Flipped, In, Stateless};
use streams_runtime::{Driver, Serde, Topic, ktable, processor, topic, topology};

const RECORDS: i64 = 5000;

fn records<T>(driver: &Driver) -> usize
where
    T: Topic<KeySerde: Serde<Type = T::Key>, ValueSerde: Serde<Type = T::Value>>,
{
    driver.output::<T>().read_all().len()
}

#[test]
fn outputs_can_be_read_from_the_beginning_and_inputs_are_not_kept() {
    let driver = Stateless::driver();
    let input = driver.input::<In>();
    for i in 0..RECORDS {
        input.pipe(i.to_be_bytes(), b"value".to_vec()).unwrap();
    }
    assert_eq!(records::<Flipped>(&driver), RECORDS as usize);
    assert!(records::<In>(&driver) < 2048);
}

#[test]
fn what_every_output_has_read_is_forgotten_and_nothing_else() {
    let driver = Stateless::driver();
    let input = driver.input::<In>();
    let (mut reading, mut waiting) = (driver.output::<Flipped>(), Some(driver.output::<Flipped>()));
    let mut pipe = |records: i64| {
        for i in 0..records {
            input.pipe(i.to_be_bytes(), b"value".to_vec()).unwrap();
            assert!(reading.read().is_some() && reading.read().is_none());
        }
    };
    pipe(RECORDS);
    assert_eq!(waiting.as_mut().map(|output| output.read_all().len()), Some(RECORDS as usize));
    drop(waiting);
    pipe(RECORDS);
    assert!(records::<Flipped>(&driver) < 1024);
}

/// By its last digit, laid out anew.
#[processor(from = Numbers, select_key, repartition)]
fn digit(value: &i64) -> i64 {
    value % 10
}

/// How many there are of each.
#[topic(name = "digits", partitions = 3, key = i64, value = i64)]
struct Digits;

/// Counts the digits.
#[ktable(store = "digits", from = digit, count, to = Digits)]
struct ByDigit;

topology!(DigitCount = [digit, ByDigit]);

#[test]
fn nothing_is_lost_behind_a_repartition() {
    let driver = DigitCount::driver();
    let input = driver.input::<Numbers>();
    for i in 0..RECORDS {
        input.pipe(i, i).unwrap();
    }
    let expected: Vec<(i64, i64)> = (0..10).map(|digit| (digit, RECORDS / 10)).collect();
    assert_eq!(driver.rows::<ByDigit>(), expected);
    assert_eq!(records::<Digits>(&driver), RECORDS as usize);
}
