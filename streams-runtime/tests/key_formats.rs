//! The bytes of a key travel beside it so that it is encoded once; they must never be taken for another format's.

use streams_runtime::prelude::*;

#[topic(name = "plain", key = String, value = i64)]
struct Plain;
#[topic(name = "quoted", key = Json<String>, value = i64)]
struct Quoted;
#[topic(name = "out", key = String, value = i64)]
struct Out;
#[topic(name = "out-quoted", key = Json<String>, value = i64)]
struct OutQuoted;

#[processor(from = [Plain, Quoted], to = Out)]
struct Merged;

#[processor(from = Plain, filter, to = OutQuoted)]
fn written_in_another_format(_: &i64) -> bool {
    true
}

#[processor(from = Plain, filter, repartition(key = Json<String>))]
fn through_another_format(n: &i64) -> bool {
    *n > 0
}

#[ktable(store = "sums", from = through_another_format, aggregate, key = String)]
fn sum(sum: &mut i64, n: &i64) {
    *sum += n;
}

#[processor(from = sum, to = OutQuoted)]
struct Sums;

topology!(App = [Merged, written_in_another_format, through_another_format, sum, Sums]);

#[test]
fn every_topic_gets_keys_in_its_own_format() {
    let driver = App::driver();
    driver.input::<Quoted>().pipe("a", 1).unwrap();
    driver.input::<Plain>().pipe("b", 2).unwrap();
    let keys = |message: streams_runtime::transport::memory::MemoryMessage| {
        use streams_runtime::transport::Message;
        String::from_utf8(message.key().unwrap().to_vec()).unwrap()
    };
    let mut out = driver.output::<Out>();
    assert_eq!(std::iter::from_fn(|| out.read_bytes()).map(keys).collect::<Vec<_>>(), ["a", "b"]);
    let mut quoted = driver.output::<OutQuoted>();
    assert_eq!(std::iter::from_fn(|| quoted.read_bytes()).map(keys).collect::<Vec<_>>(), ["\"b\"", "\"b\""]);
    assert_eq!(driver.row::<sum>(&"b".to_owned()), Some(2));
}
