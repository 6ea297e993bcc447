//! The packed scenarios as a whole: all there, all readable, and the comparison can tell them apart.
//!
//! Runs no topology.

use serde_json::{Value, json};
use streams_tests::conformance::vectors::{load, scenario_ids};
use streams_tests::conformance::{Case, OutputLine, OutputRecord, Payload, Scenario, difference};

fn scenarios() -> impl Iterator<Item = Scenario> {
    scenario_ids().unwrap().into_iter().map(|id| load(&id).unwrap_or_else(|problem| panic!("{problem}")))
}

#[test]
fn all_scenarios_and_cases_are_here() {
    let mut counts = (0, 0);
    for scenario in scenarios() {
        assert_eq!(scenario.kafka_streams_version, "4.3.0", "{}", scenario.id);
        assert!(!scenario.title.is_empty() && !scenario.description.is_empty(), "{}", scenario.id);
        let names: Vec<_> = scenario.cases.iter().map(|case| case.name.as_str()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{}: {names:?}", scenario.id);
        counts = (counts.0 + 1, counts.1 + scenario.cases.len());
    }
    assert_eq!(counts, (159, 829));
}

#[test]
fn cases_stay_within_their_scenario() {
    for scenario in scenarios() {
        for case in &scenario.cases {
            let place = format!("{}/{}", scenario.id, case.name);
            for line in &case.expected {
                match line {
                    OutputLine::Record(OutputRecord { step, .. }) | OutputLine::Error { step, .. } => {
                        assert!(*step < case.input.len() as u64, "{place}: {line}");
                    }
                    OutputLine::Stores(stores) => {
                        let listed: Vec<_> = scenario.stores.iter().map(|store| &store.name).collect();
                        assert!(stores.keys().all(|name| listed.contains(&name)), "{place}: {line}");
                    }
                    OutputLine::Dropped(_) => {}
                }
            }
        }
    }
}

#[test]
fn every_answer_equals_itself_and_no_mutation_of_it() {
    let mut kinds = [0; MUTATIONS.len()];
    for scenario in scenarios() {
        for case in &scenario.cases {
            let place = format!("{}/{}", scenario.id, case.name);
            assert_eq!(difference(&scenario, &case.expected, &case.expected), None, "{place}");
            let mut mutants = 0;
            for (kind, (name, mutation)) in MUTATIONS.iter().enumerate() {
                let mut mutant = case.expected.clone();
                if mutation(&scenario, case, &mut mutant).is_some() {
                    let found = difference(&scenario, &case.expected, &mutant);
                    assert!(found.is_some(), "{place}: not noticed: {name}");
                    kinds[kind] += 1;
                    mutants += 1;
                }
            }
            assert!(mutants > 0, "{place}: nothing to mutate");
        }
    }
    for ((name, _), count) in MUTATIONS.iter().zip(kinds) {
        assert!(count >= 20, "{name}: only {count} cases");
    }
}

/// Changes an output so that it must no longer be equal; `None` if this output offers no place for it.
type Mutation = fn(&Scenario, &Case, &mut Vec<OutputLine>) -> Option<()>;

const MUTATIONS: [(&str, Mutation); 9] = [
    ("another timestamp", |_, case, lines| {
        last_record(case, lines)?.ts += 1;
        Some(())
    }),
    ("another key", |_, case, lines| {
        last_record(case, lines)?.key = Payload::Json(json!({"key": "of nobody"}));
        Some(())
    }),
    ("another value", |_, case, lines| {
        last_record(case, lines)?.value = Payload::Bytes(vec![0xff]);
        Some(())
    }),
    ("another header", |_, case, lines| {
        last_record(case, lines)?.headers.push(("added".into(), Some("x".into())));
        Some(())
    }),
    ("another topic", |_, case, lines| {
        last_record(case, lines)?.topic.push_str("-of-nobody");
        Some(())
    }),
    ("fewer records", |_, case, lines| {
        let record = last_record(case, lines)?.clone();
        lines.retain(|line| *line != OutputLine::Record(record.clone()));
        Some(())
    }),
    ("another end", |_, _, lines| {
        if failing_step(lines).is_some() {
            lines.pop();
        } else {
            lines.push(OutputLine::Error { step: u64::MAX, error: "Added".into() });
        }
        Some(())
    }),
    ("another row", |_, _, lines| {
        lines.iter_mut().find_map(|line| match line {
            OutputLine::Stores(stores) => {
                let rows: &mut Vec<Value> = stores.values_mut().next()?;
                if rows.pop().is_none() {
                    rows.push(json!(["key of nobody", null]));
                }
                Some(())
            }
            _ => None,
        })
    }),
    ("more dropped records", |scenario, _, lines| {
        lines.iter_mut().find_map(|line| match line {
            OutputLine::Dropped(count) if !scenario.flags.ignore_dropped => {
                *count += 1;
                Some(())
            }
            _ => None,
        })
    }),
];

fn failing_step(lines: &[OutputLine]) -> Option<u64> {
    lines.iter().find_map(|line| match line {
        OutputLine::Error { step, .. } => Some(*step),
        _ => None,
    })
}

/// The last record that is compared at all.
fn last_record<'a>(case: &Case, lines: &'a mut [OutputLine]) -> Option<&'a mut OutputRecord> {
    let failing = failing_step(&case.expected);
    lines.iter_mut().rev().find_map(|line| match line {
        OutputLine::Record(record) if Some(record.step) != failing => Some(record),
        _ => None,
    })
}
