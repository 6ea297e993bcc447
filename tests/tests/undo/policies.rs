//! What is left out at the borders of a topic.

use super::*;

#[topic(name = "bytes", partitions = 2, key = String, value = Json<Vec<i64>>, decode = skip, null_key = skip,
        null_value = skip, no_time = partition_time)]
struct Bytes;
struct Picky;
impl Serde for Picky {
    type Type = i64;
    fn encode(value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        if value % 3 == 0 {
            return Err(SerdeError::new("not a third"));
        }
        out.extend_from_slice(value.to_string().as_bytes());
        Ok(())
    }
    fn decode(bytes: &[u8]) -> Result<i64, SerdeError> {
        str::from_utf8(bytes).map_err(SerdeError::new)?.parse().map_err(SerdeError::new)
    }
}
#[topic(name = "picky", partitions = 2, key = String, value = Picky, encode = skip)]
struct PickyOut;
#[processor(from = Bytes, map_values, error = skip, to = PickyOut)]
#[allow(clippy::ptr_arg, reason = "a parameter is the type the topic carries")]
fn first(numbers: &Vec<i64>, at: Timestamp) -> Result<i64, &'static str> {
    numbers.first().map(|first| first + at.as_ms()).ok_or("no number")
}
topology!(Policies = [first]);

fn feed_bytes(driver: &Driver) {
    for n in 0..4 {
        let none = Headers::new();
        for i in 0..20_i64 {
            let key = [b'a' + (i % 7) as u8];
            let text = format!("[{}]", n * 20 + i);
            let value: Option<&[u8]> = match i % 5 {
                0 => Some(b"[]"),
                1 => Some(b"not json"),
                2 if i > 10 => None,
                _ => Some(text.as_bytes()),
            };
            let time = if i % 4 == 3 && n > 0 { -1 } else { n * 1_000 + i * 37 % 400 };
            let key = if i % 9 == 8 { None } else { Some(&key[..]) };
            let partition = (i % 2) as u32;
            driver.log().append("bytes", partition, key, value, time, &none).unwrap();
        }
        driver.run().unwrap();
    }
}

#[test]
fn policies_drops_and_partition_time() {
    undone::<Policies>(feed_bytes, |driver| {
        assert!(driver.drops().len() >= 5, "{:?}", driver.drops());
        String::new()
    });
}

mod times {
    use super::*;

    #[topic(name = "readings", partitions = 2, key = String, value = Json<(i64, i64)>, timestamp = measured_at,
            no_time = skip)]
    struct Readings;
    fn measured_at(reading: &(i64, i64)) -> Option<Timestamp> {
        (reading.0 >= 0).then(|| Timestamp::from_ms(reading.0))
    }
    #[processor(from = Readings, map_values, to = Out)]
    fn told(reading: &(i64, i64), at: Timestamp) -> String {
        format!("{} at {}", reading.1, at.as_ms())
    }
    #[ktable(store = "readings", from = Readings, aggregate, value = Json<Vec<i64>>)]
    fn all(all: &mut Vec<i64>, reading: &(i64, i64)) {
        all.push(reading.1);
    }
    topology!(Times = [told, all]);

    fn feed_readings(driver: &Driver) {
        for n in 0..3 {
            let reading = |i: i64| TestRecord {
                key: Some((i % 5).to_string()),
                value: Some((if i % 6 == 5 { -1 } else { n * 500 + i * 37 % 400 }, i)),
                timestamp: Timestamp::from_ms(i),
                headers: Headers::new(),
            };
            driver.input::<Readings>().pipe_all(&(0..24).map(reading).collect::<Vec<_>>()).unwrap();
        }
    }

    #[test]
    fn times_of_values_and_values_without_one() {
        undone::<Times>(feed_readings, |driver| {
            assert_eq!(driver.dropped(), 12);
            format!("{:?}", driver.rows::<all>())
        });
    }
}
