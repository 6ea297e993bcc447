//! The page `docs/errors.md`: rule, example, message.
//!
//! Of an answer only what belongs to us is shown: what is wrong, where, and how to mend it; the compiler's remarks on
//! traits and expansions are left out.

use crate::Case;
use std::fmt::Write;

/// Chapters, and the beginnings of the names that belong there; the first that fits counts.
const CHAPTERS: &[(&str, &[&str])] = &[
    ("Several at once", &["many_errors"]),
    ("Topics", &["topic_listed ", "topic_"]),
    ("Branches and merges", &["branch", "split_read", "merge_of"]),
    ("What a function returns", &["alias_", "error_", "reference_", "init_returns"]),
    (
        "What a function takes",
        &["value_parameter", "key_parameter", "row_", "parameter", "context_", "function_", "updates_"],
    ),
    ("Joins", &["join_"]),
    ("Windows", &["window_", "late_"]),
    ("Tables", &["aggregate_", "count_", "reduce_", "table_", "view_", "init_", "null_policy"]),
    ("Formats", &["format_"]),
    ("Writing to topics", &["to_"]),
    ("The topology", &["topology_", "step", "store_", "reads_", "joins_", "cycle_"]),
    ("Links and arguments", &["type_", "private_", "link_", "from_", "operator_", "argument_", "merge_with"]),
    ("What a function returns", &[""]),
];

/// In the order a reader needs them.
const ORDER: &[&str] = &[
    "Links and arguments",
    "Topics",
    "What a function returns",
    "What a function takes",
    "Branches and merges",
    "Writing to topics",
    "Formats",
    "Tables",
    "Windows",
    "Joins",
    "The topology",
    "Several at once",
];

const HEAD: &str = "\
# What does not compile, and why

One rule each: the code that breaks it, what the compiler says, and what to write instead (the `help` or `note` of the
message). Every message stands where the mistake is, and one mistake is one error, whatever reads the broken item.

This page is made of the cases in `ui-tests/fail` by `cargo run -p streams-ui-tests --bin catalogue`; a test fails when it is
not up to date.
";

/// The whole page.
pub fn catalogue(cases: &[Case]) -> String {
    let mut page = HEAD.to_owned();
    let contents: Vec<String> = ORDER.iter().map(|title| format!("[{title}](#{})", anchor(title))).collect();
    // Writing to a `String` does not fail.
    let _ = writeln!(page, "\n{}", contents.join(" ·\n"));
    for title in ORDER {
        let _ = writeln!(page, "\n## {title}");
        for case in cases.iter().filter(|case| chapter(&case.name) == *title) {
            let _ = writeln!(page, "\n### {}\n", case.rule.trim_end_matches('.'));
            let _ = writeln!(page, "```rust,compile_fail\n{}\n```\n", example(&case.code));
            let _ = writeln!(page, "```text\n{}\n```", message(case));
        }
    }
    page
}

fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn chapter(name: &str) -> &'static str {
    if name == "topic_listed" {
        return "The topology";
    }
    CHAPTERS
        .iter()
        .find(|(_, names)| names.iter().any(|begins| name.starts_with(begins)))
        .map_or("", |(title, _)| title)
}

/// A case without its frame.
fn example(code: &str) -> String {
    let framed = |line: &&str| {
        !(line.starts_with("//!") || line.starts_with("use streams_runtime") || *line == "fn main() {}")
    };
    code.lines().filter(framed).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// What is wrong, where, and how to mend it, of each error.
fn message(case: &Case) -> String {
    let place = format!("fail/{}.rs:", case.name);
    let mut kept: Vec<&str> = Vec::new();
    let mut ours = true;
    for line in case.answer.lines() {
        let text = line.trim_start();
        if line.starts_with("error") {
            ours = true;
        } else if line.starts_with("help") || line.starts_with("note") || line.starts_with("warning") {
            ours = false;
        }
        let remark = text.starts_with("= help: the ") || text.starts_with("= note: this error originates");
        let note = text.starts_with("= note: ") && !text.contains("required for");
        let first =
            ours && !text.contains(&place) && text != "|" && !text.starts_with("= ") && !listing(line);
        if !remark && (note || first) {
            kept.push(line);
        }
    }
    kept.join("\n").replace("\n\n\n", "\n\n").trim().to_owned()
}

/// The compiler's lists of other types stand deeply indented, without a line number or a bar.
fn listing(line: &str) -> bool {
    line.starts_with("            ") && !line.trim_start().starts_with("help:")
}
