//! The comparison: whether two outputs of a scenario say the same, and if not, where they first differ.
//!
//! Knows the freedoms that a scenario's flags grant. It does not know who wrote either output, and it does not
//! compare what an implementation is free to choose: the order of topics within a step, and names of errors.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::line::{OutputLine, OutputRecord, Payload};
use super::shown::{listing, row};
use super::vectors::Scenario;

/// What the first difference between two outputs is, or `None` if they are equal by the scenario's rules.
///
/// The order of arguments matters: a header of `"*"` in `expected` stands for any text, and stores that only
/// `actual` has are not looked at.
pub fn difference(scenario: &Scenario, expected: &[OutputLine], actual: &[OutputLine]) -> Option<String> {
    find_difference(scenario, expected, actual).err()
}

/// `Err` carries the description of a difference, so that `?` stops at the first.
fn find_difference(
    scenario: &Scenario,
    expected: &[OutputLine],
    actual: &[OutputLine],
) -> Result<(), String> {
    let want = Output::new("expected", expected)?;
    let got = Output::new("actual", actual)?;
    same_end(&want, &got)?;
    same_records(scenario, &want, &got)?;
    if want.error.is_some() {
        return Ok(());
    }
    same_stores(&want, &got)?;
    if !scenario.flags.ignore_dropped
        && let Some(want) = want.dropped
        && got.dropped != Some(want)
    {
        let got = got.dropped.map_or("None".into(), |got| got.to_string());
        return Err(format!("dropped records: expected {want}, actual {got}"));
    }
    Ok(())
}

/// An output, sorted by what is compared with what.
#[derive(Default)]
struct Output<'a> {
    records: BTreeMap<(u64, &'a str), Vec<&'a OutputRecord>>,
    error: Option<(u64, &'a str)>,
    stores: Option<&'a BTreeMap<String, Vec<Value>>>,
    dropped: Option<u64>,
}

impl<'a> Output<'a> {
    fn new(name: &str, lines: &'a [OutputLine]) -> Result<Self, String> {
        let mut output = Output::default();
        let mut last = 0;
        for (index, line) in lines.iter().enumerate() {
            let step = match line {
                OutputLine::Record(record) => {
                    output.records.entry((record.step, &record.topic)).or_default().push(record);
                    record.step
                }
                OutputLine::Error { step, error } => {
                    output.error = Some((*step, error));
                    *step
                }
                OutputLine::Stores(stores) => {
                    output.stores = Some(stores);
                    last
                }
                OutputLine::Dropped(dropped) => {
                    output.dropped = Some(*dropped);
                    last
                }
            };
            if step < last {
                let number = index + 1;
                return Err(format!("{name}:{number}: steps must be integers that never go back: {line}"));
            }
            last = step;
        }
        Ok(output)
    }
}

/// Both stopped at the same step, or neither did.
fn same_end(want: &Output<'_>, got: &Output<'_>) -> Result<(), String> {
    match (want.error, got.error) {
        (Some((step, error)), None) => {
            Err(format!("step {step}: expected the application to stop ({error}), it went on"))
        }
        (Some((step, error)), Some((got_step, got_error))) if step != got_step => Err(format!(
            "expected an error at step {step} ({error}), got one at step {got_step} ({got_error})"
        )),
        (None, Some((step, error))) => Err(format!("step {step}: unexpected error {error}")),
        _ => Ok(()),
    }
}

/// The same records at each step and topic, except at the step that fails.
fn same_records(scenario: &Scenario, want: &Output<'_>, got: &Output<'_>) -> Result<(), String> {
    let failing = want.error.map(|(step, _)| step);
    let as_set = scenario.flags.set_within_step;
    let unordered = as_set || scenario.flags.unordered_within_step;
    let mut places: Vec<_> = want.records.keys().chain(got.records.keys()).copied().collect();
    places.sort_unstable();
    places.dedup();
    for place @ (step, topic) in places {
        if Some(step) == failing {
            continue;
        }
        let expected = want.records.get(&place).map_or(&[][..], Vec::as_slice);
        let actual = got.records.get(&place).map_or(&[][..], Vec::as_slice);
        let equal = if as_set {
            matches_in_any_order(&distinct(expected), &distinct(actual))
        } else if unordered {
            matches_in_any_order(expected, actual)
        } else {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(want, got)| same_record(want, got))
        };
        if !equal {
            return Err([
                format!("step {step}, topic {topic}{}:", if unordered { " (any order)" } else { "" }),
                listing("  expected", expected),
                listing("  actual", actual),
            ]
            .join("\n"));
        }
    }
    Ok(())
}

/// Every expected store holds the same rows, in any order.
fn same_stores(want: &Output<'_>, got: &Output<'_>) -> Result<(), String> {
    let Some(want) = want.stores else { return Ok(()) };
    let Some(got) = got.stores else { return Err("no line with \"stores\"".into()) };
    for (name, want) in want {
        let Some(got) = got.get(name) else { return Err(format!("store {name} is missing")) };
        let (missing, extra) = unmatched(want, got, same);
        if !missing.is_empty() || !extra.is_empty() {
            let missing = missing.into_iter().map(|value| format!("    missing {}", row(value)));
            let extra = extra.into_iter().map(|value| format!("    extra   {}", row(value)));
            let rows: Vec<_> = missing.chain(extra).collect();
            return Err(format!("store {name} at the end:\n{}", rows.join("\n")));
        }
    }
    Ok(())
}

fn matches_in_any_order(want: &[&OutputRecord], got: &[&OutputRecord]) -> bool {
    let (missing, extra) = unmatched(want, got, |want, got| same_record(want, got));
    missing.is_empty() && extra.is_empty()
}

/// What is left on both sides after each wanted element took the first equal one.
fn unmatched<'a, T>(want: &'a [T], got: &'a [T], equal: impl Fn(&T, &T) -> bool) -> (Vec<&'a T>, Vec<&'a T>) {
    let mut left: Vec<&T> = got.iter().collect();
    let mut missing = Vec::new();
    for want in want {
        match left.iter().position(|got| equal(want, got)) {
            Some(at) => drop(left.remove(at)),
            None => missing.push(want),
        }
    }
    (missing, left)
}

/// The records without exact repetitions.
fn distinct<'a>(records: &[&'a OutputRecord]) -> Vec<&'a OutputRecord> {
    let mut kept: Vec<&OutputRecord> = Vec::new();
    for record in records {
        if !kept.iter().any(|other| same_record(record, other)) {
            kept.push(record);
        }
    }
    kept
}

fn same_record(want: &OutputRecord, got: &OutputRecord) -> bool {
    same_payload(&want.key, &got.key)
        && same_payload(&want.value, &got.value)
        && want.ts == got.ts
        && want.headers.len() == got.headers.len()
        && want.headers.iter().zip(&got.headers).all(|((name, text), (got_name, got_text))| {
            let any_text = text.as_deref() == Some("*") && got_text.is_some();
            name == got_name && (any_text || text == got_text)
        })
}

fn same_payload(want: &Payload, got: &Payload) -> bool {
    match (want, got) {
        (Payload::Json(want), Payload::Json(got)) => same(want, got),
        (Payload::Bytes(want), Payload::Bytes(got)) => want == got,
        _ => false,
    }
}

/// JSON equality with numbers compared as numbers.
fn same(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(want), Value::Number(got)) => same_number(want, got),
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got).all(|(want, got)| same(want, got))
        }
        (Value::Object(want), Value::Object(got)) => {
            want.len() == got.len()
                && want.iter().all(|(name, want)| got.get(name).is_some_and(|got| same(want, got)))
        }
        _ => want == got,
    }
}

/// Integers exactly, everything else with a relative tolerance of 1e-9.
fn same_number(want: &Number, got: &Number) -> bool {
    if let (Some(want), Some(got)) = (integer(want), integer(got)) {
        return want == got;
    }
    match (want.as_f64(), got.as_f64()) {
        (Some(want), Some(got)) => (want - got).abs() <= 1e-9 * want.abs().max(got.abs()).max(1.0),
        _ => want == got,
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    // One test for each rule of the comparison, in both directions: what it forgives and what it does not.

    use super::*;
    use crate::conformance::line::read_lines;
    use crate::conformance::manifest::Flags;

    const STRICT: Flags =
        Flags { unordered_within_step: false, set_within_step: false, ignore_dropped: false };
    const UNORDERED: Flags = Flags { unordered_within_step: true, ..STRICT };
    const SET: Flags = Flags { set_within_step: true, ..STRICT };

    fn compare(flags: Flags, expected: &str, actual: &str) -> Option<String> {
        let scenario = Scenario {
            id: "x".into(),
            group: String::new(),
            title: String::new(),
            description: String::new(),
            kafka_streams_version: String::new(),
            inputs: vec![],
            outputs: vec![],
            stores: vec![],
            config: BTreeMap::new(),
            flags,
            cases: vec![],
        };
        let lines = |name, text| read_lines(name, text).unwrap();
        difference(&scenario, &lines("expected", expected), &lines("actual", actual))
    }

    fn record(step: u64, topic: &str, value: &str) -> String {
        format!("{{\"step\":{step},\"topic\":\"{topic}\",\"key\":\"k\",\"value\":{value},\"ts\":7}}\n")
    }

    fn with_headers(headers: &str) -> String {
        format!("{{\"step\":0,\"topic\":\"out\",\"key\":\"k\",\"value\":1,\"ts\":7,\"headers\":{headers}}}\n")
    }

    fn equal_values(want: &str, got: &str) -> bool {
        compare(STRICT, &record(0, "out", want), &record(0, "out", got)).is_none()
    }

    #[test]
    fn an_output_equals_itself() {
        let text =
            record(0, "out", "1") + &record(2, "out", "{\"a\":[1]}") + "{\"stores\":{}}\n{\"dropped\":2}\n";
        assert_eq!(compare(STRICT, &text, &text), None);
        assert_eq!(compare(STRICT, "", ""), None);
    }

    #[test]
    fn order_matters_within_step_and_topic() {
        let expected = record(3, "out", "1") + &record(3, "out", "2");
        let actual = record(3, "out", "2") + &record(3, "out", "1");
        assert_eq!(
            compare(STRICT, &expected, &actual).unwrap(),
            "step 3, topic out:\n  expected\n    {\"key\": \"k\", \"value\": 1, \"ts\": 7}\n    \
         {\"key\": \"k\", \"value\": 2, \"ts\": 7}\n  actual\n    {\"key\": \"k\", \"value\": 2, \"ts\": 7}\n    \
         {\"key\": \"k\", \"value\": 1, \"ts\": 7}"
        );
    }

    #[test]
    fn topics_of_one_step_have_no_order() {
        let expected = record(0, "a", "1") + &record(0, "b", "2") + &record(0, "a", "3");
        let actual = record(0, "b", "2") + &record(0, "a", "1") + &record(0, "a", "3");
        assert_eq!(compare(STRICT, &expected, &actual), None);
    }

    #[test]
    fn a_record_belongs_to_its_step() {
        let difference = compare(STRICT, &record(1, "out", "1"), &record(2, "out", "1")).unwrap();
        assert_eq!(
            difference,
            "step 1, topic out:\n  expected\n    {\"key\": \"k\", \"value\": 1, \"ts\": 7}\n  actual\n    (nothing)"
        );
    }

    #[test]
    fn the_first_difference_is_by_step_then_topic() {
        let actual = record(1, "b", "1") + &record(1, "a", "1") + &record(2, "a", "1");
        assert!(compare(STRICT, "", &actual).unwrap().starts_with("step 1, topic a:"));
    }

    #[test]
    fn steps_never_go_back() {
        let backwards = record(1, "a", "1") + &record(0, "b", "1");
        let line = record(0, "b", "1");
        let message = format!(":2: steps must be integers that never go back: {}", line.trim());
        assert_eq!(compare(STRICT, &line, &backwards).unwrap(), format!("actual{message}"));
        assert_eq!(compare(STRICT, &backwards, &line).unwrap(), format!("expected{message}"));
    }

    #[test]
    fn unordered_forgives_order_but_not_number() {
        let expected = record(0, "out", "1") + &record(0, "out", "2") + &record(0, "out", "1");
        let shuffled = record(0, "out", "2") + &record(0, "out", "1") + &record(0, "out", "1");
        let fewer = record(0, "out", "2") + &record(0, "out", "1");
        assert_eq!(compare(UNORDERED, &expected, &shuffled), None);
        let difference = compare(UNORDERED, &expected, &fewer).unwrap();
        assert!(difference.starts_with("step 0, topic out (any order):\n  expected\n"), "{difference}");
        assert!(compare(UNORDERED, &fewer, &expected).is_some());
        assert!(compare(UNORDERED, &record(0, "out", "1"), &record(1, "out", "1")).is_some());
    }

    #[test]
    fn set_forgives_repetitions_as_well() {
        let expected = record(0, "out", "1") + &record(0, "out", "2") + &record(0, "out", "1");
        let fewer = record(0, "out", "2") + &record(0, "out", "1");
        assert_eq!(compare(SET, &expected, &fewer), None);
        assert_eq!(compare(SET, &fewer, &expected), None);
        let difference = compare(SET, &expected, &record(0, "out", "1")).unwrap();
        assert!(difference.starts_with("step 0, topic out (any order):\n"), "{difference}");
        assert_eq!(difference.lines().count(), 1 + 4 + 2, "repetitions are shown: {difference}");
    }

    #[test]
    fn numbers_are_equal_as_numbers() {
        assert!(equal_values("1", "1.0"));
        assert!(equal_values("10", "1E+1"));
        assert!(equal_values("0.1", "0.1000000001"));
        assert!(equal_values("1000000000.5", "1000000000.9"), "the tolerance is relative");
        assert!(!equal_values("0.1", "0.10000001"));
        assert!(!equal_values("1", "1.00000001"));
    }

    #[test]
    fn integers_have_no_tolerance() {
        assert!(!equal_values("9223372036854775807", "9223372036854775806"));
        assert!(!equal_values("18446744073709551615", "18446744073709551614"));
        assert!(!equal_values("1000000000000", "1000000000001"));
        assert!(equal_values("-9223372036854775808", "-9223372036854775808"));
    }

    #[test]
    fn numbers_are_not_booleans_or_strings() {
        assert!(!equal_values("1", "true") && !equal_values("true", "1"));
        assert!(!equal_values("0", "false") && !equal_values("false", "0"));
        assert!(!equal_values("1", "\"1\"") && !equal_values("null", "0") && !equal_values("true", "false"));
        assert!(equal_values("true", "true") && equal_values("null", "null"));
    }

    #[test]
    fn documents_are_equal_field_by_field() {
        assert!(equal_values(r#"{"a":1,"b":[1,{"c":2}]}"#, r#"{"b":[1.0,{"c":2.0}],"a":1.0}"#));
        assert!(!equal_values(r#"{"a":1}"#, r#"{"a":1,"b":null}"#));
        assert!(!equal_values(r#"{"a":1,"b":null}"#, r#"{"a":1}"#));
        assert!(!equal_values(r#"{"a":1}"#, r#"{"b":1}"#));
        assert!(!equal_values("[1,2]", "[2,1]") && !equal_values("[1]", "[1,1]"));
    }

    #[test]
    fn raw_bytes_are_not_text() {
        let line = |value| format!("{{\"step\":0,\"topic\":\"out\",\"key\":\"k\",{value},\"ts\":7}}\n");
        let (bytes, text) = (line("\"value_base64\":\"AAE=\""), line("\"value\":\"AAE=\""));
        assert_eq!(compare(STRICT, &bytes, &bytes), None);
        assert!(compare(STRICT, &bytes, &text).unwrap().contains("\"value_base64\": \"AAE=\""));
        assert!(compare(STRICT, &bytes, &line("\"value_base64\":\"AAI=\"")).is_some());
        let key_differs = bytes.replace("\"k\"", "\"l\"");
        assert!(compare(STRICT, &bytes, &key_differs).is_some());
    }

    #[test]
    fn timestamps_are_compared() {
        let later = record(0, "out", "1").replace("\"ts\":7", "\"ts\":8");
        assert!(compare(STRICT, &record(0, "out", "1"), &later).is_some());
    }

    #[test]
    fn headers_are_compared_in_order() {
        let two = with_headers(r#"[["a","1"],["b","2"]]"#);
        assert_eq!(compare(STRICT, &two, &two), None);
        assert!(compare(STRICT, &two, &with_headers(r#"[["b","2"],["a","1"]]"#)).is_some());
        assert!(compare(STRICT, &two, &with_headers(r#"[["a","1"]]"#)).is_some());
        assert!(compare(STRICT, &two, &with_headers(r#"[["a","1"],["b",null]]"#)).is_some());
        assert_eq!(compare(STRICT, &record(0, "out", "1"), &with_headers("[]")), None, "none are none");
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let star = with_headers(r#"[["a","*"]]"#);
        let text = with_headers(r#"[["a","x"]]"#);
        assert_eq!(compare(STRICT, &star, &text), None);
        assert!(compare(STRICT, &text, &star).is_some(), "only in what is expected");
        assert!(compare(STRICT, &star, &with_headers(r#"[["a",null]]"#)).is_some(), "null is no text");
        assert!(compare(STRICT, &star, &with_headers(r#"[["b","x"]]"#)).is_some(), "the name counts");
        assert!(compare(STRICT, &star, &with_headers("[]")).is_some(), "it must be there");
    }

    #[test]
    fn an_error_is_expected_at_its_step() {
        let error = |step, name| format!("{{\"step\":{step},\"error\":\"{name}\"}}\n");
        assert_eq!(compare(STRICT, &error(2, "A"), &error(2, "B")), None, "names are free");
        assert_eq!(
            compare(STRICT, &error(2, "A"), &error(3, "B")).unwrap(),
            "expected an error at step 2 (A), got one at step 3 (B)"
        );
        assert_eq!(
            compare(STRICT, &error(2, "A"), "").unwrap(),
            "step 2: expected the application to stop (A), it went on"
        );
        assert_eq!(compare(STRICT, "", &error(2, "B")).unwrap(), "step 2: unexpected error B");
    }

    #[test]
    fn only_the_failing_step_is_not_compared() {
        let error = "{\"step\":2,\"error\":\"A\"}\n";
        let expected = record(1, "out", "1") + error;
        assert_eq!(
            compare(STRICT, &expected, &(record(1, "out", "1") + &record(2, "out", "9") + error)),
            None
        );
        let difference = compare(STRICT, &expected, &(record(1, "out", "2") + error)).unwrap();
        assert!(difference.starts_with("step 1, topic out:"), "{difference}");
        let with_rest = format!("{expected}{{\"stores\":{{\"s\":[]}}}}\n{{\"dropped\":1}}\n");
        assert_eq!(compare(STRICT, &with_rest, &expected), None, "no stores and no count after an error");
    }

    #[test]
    fn stores_are_sets_of_rows() {
        let expected = "{\"stores\":{\"s\":[[\"a\",1],[\"b\",2],[\"b\",2]]}}\n";
        let shuffled = "{\"stores\":{\"other\":[[1,1]],\"s\":[[\"b\",2.0],[\"a\",1],[\"b\",2]]}}\n";
        assert_eq!(compare(STRICT, expected, shuffled), None);
        let wrong = "{\"stores\":{\"s\":[[\"a\",1],[\"b\",3],[\"b\",2]]}}\n";
        assert_eq!(
            compare(STRICT, expected, wrong).unwrap(),
            "store s at the end:\n    missing [\"b\", 2]\n    extra   [\"b\", 3]"
        );
    }

    #[test]
    fn a_missing_store_is_a_difference() {
        let expected = "{\"stores\":{\"s\":[]}}\n";
        assert_eq!(compare(STRICT, expected, "{\"stores\":{}}\n").unwrap(), "store s is missing");
        assert_eq!(compare(STRICT, expected, "").unwrap(), "no line with \"stores\"");
        assert_eq!(compare(STRICT, "", expected), None, "stores that are not expected are not looked at");
    }

    #[test]
    fn dropped_records_are_counted_unless_ignored() {
        let dropped = |count| format!("{{\"dropped\":{count}}}\n");
        let ignoring = Flags { ignore_dropped: true, ..STRICT };
        assert_eq!(
            compare(STRICT, &dropped(2), &dropped(3)).unwrap(),
            "dropped records: expected 2, actual 3"
        );
        assert_eq!(compare(STRICT, &dropped(2), "").unwrap(), "dropped records: expected 2, actual None");
        assert_eq!(compare(STRICT, "", &dropped(2)), None);
        assert_eq!(compare(ignoring, &dropped(2), &dropped(3)), None);
        assert_eq!(compare(ignoring, &dropped(2), ""), None);
    }
}
