//! Topics and streams read as tables, and rows that are deleted.

use super::*;

#[ktable(store = "latest", from = Nullable, null_key = skip)]
struct Latest;
#[processor(from = Latest, to = Nullable2)]
struct Updates;
#[topic(name = "updates", partitions = 2, key = Option<String>, value = Option<String>)]
struct Nullable2;
#[processor(from = Nullable, filter_map_values, null_key = skip)]
fn present(word: Option<String>) -> Option<String> {
    word
}
#[ktable(store = "as-table", from = present, to = Second)]
struct AsTable;
topology!(Tables = [Latest, Updates, present, AsTable]);

#[test]
fn deletes_streams_as_tables_and_drops() {
    undone::<Tables>(feed_nulls, |driver| {
        format!("{:?} {:?}", driver.rows::<Latest>(), driver.rows::<AsTable>())
    });
}

mod views {
    use super::*;

    // Without rows of its own.
    #[ktable(from = Other)]
    struct View;
    #[processor(from = View, map_values)]
    fn shouted(word: Option<&str>) -> Option<String> {
        word.map(str::to_uppercase).filter(|word| !word.is_empty())
    }
    #[ktable(store = "shouted", from = shouted, value = Json<String>, to = Updates)]
    struct Shouted;
    #[topic(name = "updates", partitions = 2, key = String, value = Option<String>)]
    struct Updates;
    // Nulls that no topic expects.
    #[topic(name = "in", partitions = 2, key = String, value = String, null_value = skip)]
    struct Strict;
    #[ktable(store = "strict", from = Strict, key = Shouting, to = Out)]
    struct Rows;
    struct Shouting;
    impl Serde for Shouting {
        type Type = String;
        fn encode(key: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
            out.extend_from_slice(key.to_uppercase().as_bytes());
            Ok(())
        }
        fn decode(bytes: &[u8]) -> Result<String, SerdeError> {
            Ok(str::from_utf8(bytes).map_err(SerdeError::new)?.to_lowercase())
        }
    }
    topology!(Views = [View, shouted, Shouted, Rows]);

    fn feed_strict(driver: &Driver) {
        feed_both(driver);
        for n in 0..3 {
            let mut records = records(n + 20);
            records.iter_mut().step_by(4).for_each(|record| record.value = None);
            driver.input::<Strict>().pipe_all(&records).unwrap();
        }
    }

    #[test]
    fn views_other_formats_and_nulls_that_a_topic_leaves_out() {
        undone::<Views>(feed_strict, |driver| {
            assert_eq!(driver.dropped(), 9);
            format!("{:?} {:?}", driver.rows::<Shouted>(), driver.rows::<Rows>())
        });
    }
}
