//! That no word of the language is left out: the words are those that the macros know, and each stands in the attribute of
//! some item here.

/// Where the macros list their words, under which names, and what the attribute is called.
const MACROS: [(&str, &str, &[&str]); 3] = [
    ("processor", include_str!("../../../streams-macros/src/processor.rs"), &["OPERATORS", "ARGUMENTS"]),
    ("ktable", include_str!("../../../streams-macros/src/ktable.rs"), &["OPERATORS", "ARGUMENTS"]),
    ("topic", include_str!("../../../streams-macros/src/topic.rs"), &["ARGUMENTS"]),
];

const CASES: [&str; 9] = [
    include_str!("aggregates.rs"),
    include_str!("fallible.rs"),
    include_str!("fan_in.rs"),
    include_str!("joins.rs"),
    include_str!("policies.rs"),
    include_str!("repartitioned.rs"),
    include_str!("stateless.rs"),
    include_str!("tables.rs"),
    include_str!("windows.rs"),
];

/// The words of one list.
fn listed(source: &'static str, name: &str) -> impl Iterator<Item = &'static str> {
    let (_, list) = source.split_once(&format!("const {name}: &[&str] =")).unwrap();
    let (list, _) = list.split_once("];").unwrap();
    list.split('"').skip(1).step_by(2)
}

/// The words of all attributes of one kind.
fn used(attribute: &str) -> Vec<&'static str> {
    let begins = format!("#[{attribute}(");
    let attributes = CASES.iter().flat_map(|case| case.split(begins.as_str()).skip(1));
    let words = |attribute: &'static str| {
        let (words, _) = attribute.split_once(")]").unwrap();
        words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
    };
    attributes.flat_map(words).collect()
}

#[test]
fn every_word_has_its_case() {
    for (attribute, source, lists) in MACROS {
        let used = used(attribute);
        for list in lists {
            let words: Vec<_> = listed(source, list).collect();
            assert!(words.len() > 2, "{attribute}: {words:?}");
            let missing: Vec<_> = words.iter().filter(|word| !used.contains(word)).collect();
            assert!(missing.is_empty(), "no case of `#[{attribute}]` has {missing:?}");
        }
    }
}
