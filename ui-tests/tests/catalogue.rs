//! The cases keep their own rules, and the page made of them is up to date.

use streams_ui_tests::{Case, cases, catalogue, page};

/// Cases with more than one error, and why.
const SEVERAL: &[(&str, usize)] = &[
    // Five mistakes.
    ("many_errors", 5),
    // No macro sees both steps, and the compiler gives up in each place that needs a type of theirs.
    ("cycle_of_processors", 6),
];

fn all() -> Vec<Case> {
    cases().expect("cases can be read")
}

#[test]
fn one_mistake_is_one_error() {
    for case in all() {
        let expected = SEVERAL.iter().find(|(name, _)| *name == case.name).map_or(1, |(_, errors)| *errors);
        assert_eq!(case.errors(), expected, "in `{}`:\n{}", case.name, case.answer);
    }
}

#[test]
fn every_case_states_its_rule_and_is_short() {
    let cases = all();
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    for case in cases {
        assert!(case.rule.ends_with('.'), "`{}` does not begin with `//! ` and a sentence", case.name);
        assert!(case.code.lines().count() <= 45, "`{}` is too long to be read at a glance", case.name);
    }
}

#[test]
fn every_message_names_a_cure() {
    for case in all() {
        // These are the compiler's own words, which are better than ours would be.
        let theirs = [
            "mismatched types",
            "private",
            "cannot find type",
            "overflow evaluating",
            "conflicting implementations",
        ];
        let cured = case.answer.contains("help:") || case.answer.contains("= note: ");
        assert!(
            cured || theirs.iter().any(|words| case.answer.contains(words)),
            "`{}` does not help",
            case.name
        );
    }
}

#[test]
fn no_message_cites_the_standard_library() {
    for case in all() {
        assert!(
            !case.answer.contains("$RUST") && !case.answer.contains("/rustc/"),
            "`{}` needs rust-src",
            case.name
        );
    }
}

#[test]
fn the_page_is_up_to_date() {
    let written = std::fs::read_to_string(page()).unwrap_or_default();
    let made = catalogue(&all());
    assert!(written == made, "run `cargo run -p streams-ui-tests --bin catalogue`");
}
