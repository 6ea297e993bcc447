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

mod many_spellings {
    //! One key may be spelled in several ways, as in JSON: equal keys are one row whatever their bytes were.

    use streams_runtime::Headers;
    use streams_runtime::prelude::*;

    #[topic(name = "points", key = Json<Vec<u8>>, value = i64)]
    struct Points;
    #[topic(name = "names", key = Json<Vec<u8>>, value = Option<String>)]
    struct NamesTopic;
    #[topic(name = "named", key = Json<Vec<u8>>, value = String)]
    struct Named;

    #[ktable(store = "counts", from = Points, count)]
    struct Counts;

    #[ktable(store = "windows", from = Points, count)]
    #[window(tumbling = "10s", grace = "0s")]
    struct InWindows;

    #[ktable(store = "names", from = NamesTopic)]
    struct Names;

    #[processor(from = Points, join = Names, to = Named)]
    fn named(_: &i64, name: &str) -> String {
        name.to_owned()
    }

    topology!(App = [Counts, InWindows, Names, named]);

    #[test]
    fn equal_keys_are_one_row_however_they_were_spelled() {
        let driver = App::driver();
        let none = Headers::new();
        driver.input::<NamesTopic>().pipe_bytes(Some(b"[1,2]"), Some(b"ann"), 0, &none).unwrap();
        for key in [b"[1,2]".as_slice(), b"[1, 2]", b" [ 1,2 ] "] {
            driver.input::<Points>().pipe_bytes(Some(key), Some(&7i64.to_be_bytes()), 0, &none).unwrap();
        }
        assert_eq!(driver.rows::<Counts>(), [(vec![1, 2], 3)]);
        assert_eq!(driver.windows::<InWindows, _>().iter().map(|(_, n)| *n).collect::<Vec<_>>(), [3]);
        let mut written = driver.output::<Named>();
        let keys = std::iter::from_fn(|| written.read_bytes()).map(|message| {
            use streams_runtime::transport::Message;
            String::from_utf8(message.key().unwrap().to_vec()).unwrap()
        });
        assert_eq!(keys.collect::<Vec<_>>(), ["[1,2]"; 3]);
    }
}

mod windows_in_another_format {
    use streams_runtime::prelude::*;

    #[topic(name = "plain", key = String, value = i64)]
    struct Plain;
    #[topic(name = "windows", key = TimeWindowed<Json<String>, 10_000>, value = i64)]
    struct WindowsOut;

    #[ktable(store = "counts", from = Plain, count, key = Json<String>, to = WindowsOut)]
    #[window(tumbling = "10s", grace = "0s")]
    struct Counts;

    topology!(App = [Counts]);

    #[test]
    fn a_windowed_table_keeps_keys_in_the_format_it_names() {
        let driver = App::driver();
        driver.input::<Plain>().pipe("a", 1).unwrap();
        let rows = driver.windows::<Counts, _>();
        assert_eq!(rows.iter().map(|(w, n)| (w.key.as_str(), *n)).collect::<Vec<_>>(), [("a", 1)]);
    }
}

mod two_formats_with_one_spelling {
    //! Formats whose bytes may be handed on, of one type: the bytes of one are never taken for the other's.

    use streams_runtime::prelude::*;

    /// `a` is written as `<a>`.
    struct Angled;

    impl Serde for Angled {
        type Type = String;
        const NAME: &'static str = "Angled";
        const CANONICAL: bool = true;

        fn encode(value: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
            out.extend_from_slice(format!("<{value}>").as_bytes());
            Ok(())
        }

        fn decode(bytes: &[u8]) -> Result<String, SerdeError> {
            let text = str::from_utf8(bytes).map_err(SerdeError::new)?;
            let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
            inner.map(str::to_owned).ok_or_else(|| SerdeError::new("no angles"))
        }
    }

    #[topic(name = "plain", key = String, value = i64, null_value = skip)]
    struct Plain;
    #[topic(name = "counted", key = Angled, value = i64)]
    struct Counted;
    #[topic(name = "kept", key = Angled, value = i64)]
    struct Kept;
    #[topic(name = "kept-plain", key = String, value = i64)]
    struct KeptPlain;
    #[topic(name = "windowed", key = TimeWindowed<Angled, 10_000>, value = i64)]
    struct WindowedOut;

    #[ktable(store = "counts", from = Plain, count, key = Angled)]
    struct Counts;
    #[processor(from = Counts, to = Counted)]
    struct WriteCounts;

    #[ktable(store = "rows", from = Plain, key = Angled, to = KeptPlain)]
    struct Rows;
    #[processor(from = Rows, to = Kept)]
    struct WriteRows;

    #[ktable(store = "windows", from = Plain, count, key = Angled)]
    #[window(tumbling = "10s", grace = "0s")]
    struct InWindows;
    #[processor(from = InWindows, to = WindowedOut)]
    struct WriteWindows;

    topology!(App = [Counts, WriteCounts, Rows, WriteRows, InWindows, WriteWindows]);

    #[test]
    fn a_table_hands_on_keys_in_the_format_of_its_store() {
        let driver = App::driver();
        driver.input::<Plain>().pipe("a", 1).unwrap();
        let key = |message: Option<streams_runtime::transport::memory::MemoryMessage>| {
            use streams_runtime::transport::Message;
            message.unwrap().key().unwrap().to_vec()
        };
        assert_eq!(key(driver.output::<Counted>().read_bytes()), b"<a>");
        assert_eq!(key(driver.output::<Kept>().read_bytes()), b"<a>");
        assert_eq!(key(driver.output::<KeptPlain>().read_bytes()), b"a");
        assert_eq!(key(driver.output::<WindowedOut>().read_bytes()), [b"<a>".as_slice(), &[0; 8]].concat());
        assert_eq!(driver.row::<Counts>(&"a".to_owned()), Some(1));
        assert_eq!(driver.row::<Rows>(&"a".to_owned()), Some(1));
    }
}
