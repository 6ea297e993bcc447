//! Every scenario that has a topology here answers as Kafka Streams did.
//!
//! Runs all cases in this process, with stores that keep all, few and no rows typed: a row must not depend on
//! whether it went through its format.

use streams_runtime::state::OverlayLimit;
use streams_tests::conformance::{OutputLine, difference, vectors};
use streams_tests::scenarios::{self, Scenario};

/// Scenarios with a topology here: at least so many.
const AT_LEAST: usize = 72;

const OVERLAYS: [(&str, OverlayLimit); 3] =
    [("all", OverlayLimit::UNBOUNDED), ("three", OverlayLimit::values(3)), ("no", OverlayLimit::NONE)];

#[test]
fn scenarios_are_named_once_and_recorded() {
    let recorded = vectors::scenario_ids().unwrap();
    let mut ids: Vec<_> = scenarios::all().map(|scenario| scenario.id).collect();
    assert!(ids.len() >= AT_LEAST, "only {} scenarios", ids.len());
    ids.sort_unstable();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(ids.iter().all(|id| recorded.iter().any(|recorded| recorded == id)), "{ids:?}");
}

#[test]
fn answers_are_those_of_kafka_streams() {
    let mut failures = Vec::new();
    let (mut cases, mut failed) = (0, 0);
    for scenario in scenarios::all() {
        let found = differences(scenario);
        cases += found.len();
        failed += found.iter().filter(|difference| difference.is_some()).count();
        failures.extend(found.into_iter().flatten().take(1));
    }
    assert!(failures.is_empty(), "{failed} of {cases} cases differ:\n\n{}", failures.join("\n\n"));
}

/// For each case of a scenario, how its first wrong answer differs.
fn differences(scenario: Scenario) -> Vec<Option<String>> {
    let recorded = vectors::load(scenario.id).unwrap_or_else(|problem| panic!("{problem}"));
    let differences = recorded.cases.iter().map(|case| {
        OVERLAYS.iter().find_map(|(name, overlay)| {
            let place = format!("{}/{}, {name} rows kept typed", scenario.id, case.name);
            let actual = (scenario.bind)().run(&case.input, *overlay);
            let actual = actual.unwrap_or_else(|problem| panic!("{place}: {problem}"));
            difference(&recorded, &case.expected, &actual).map(|text| format!("{place}: {text}"))
        })
    });
    differences.collect()
}

/// Steps and commits are the driver's doing and not the topology's: a whole input in one batch gives the same records
/// in the same order, the same rows and the same drops.
#[test]
fn one_batch_gives_the_same_answer() {
    let mut cases = 0;
    for scenario in scenarios::all() {
        let mut recorded = vectors::load(scenario.id).unwrap_or_else(|problem| panic!("{problem}"));
        // Behind its three partitions there is no order between keys.
        recorded.flags.unordered_within_step |= scenario.id == "kstream_repartition";
        for case in &recorded.cases {
            let Some(expected) = in_step_0(&case.expected) else { continue };
            for (name, overlay) in OVERLAYS {
                let place = format!("{}/{}, {name} rows kept typed", scenario.id, case.name);
                let actual = (scenario.bind)().run_at_once(&case.input, overlay);
                let Some(actual) = actual.unwrap_or_else(|problem| panic!("{place}: {problem}")) else {
                    continue;
                };
                assert_eq!(difference(&recorded, &expected, &actual), None, "{place}");
                cases += 1;
            }
        }
    }
    assert!(cases > 600, "only {cases} runs");
}

/// The answer as if all of it came from one step; `None` if the application stopped.
fn in_step_0(lines: &[OutputLine]) -> Option<Vec<OutputLine>> {
    let moved = lines.iter().cloned().map(|line| match line {
        OutputLine::Record(mut record) => {
            record.step = 0;
            Some(OutputLine::Record(record))
        }
        OutputLine::Error { .. } => None,
        other => Some(other),
    });
    moved.collect()
}

#[test]
fn another_topology_is_noticed() {
    for (recorded, other) in [
        ("kstream_filter", "kstream_filter_not"),
        ("window_tumbling_count", "window_tumbling_count_grace"),
        ("agg_reduce", "agg_reduce_to_null"),
        ("processing_continue", "processing_fail"),
        ("window_default_retention", "window_tumbling_count_grace"),
        ("stream_table_join", "stream_table_left_join"),
    ] {
        let other = Scenario { id: recorded, ..scenarios::find(other).unwrap() };
        assert!(differences(other).iter().any(Option::is_some), "{recorded}");
    }
}
