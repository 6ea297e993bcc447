//! Modules use one another in one direction, as `docs/architecture.md` draws it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../docs/architecture.md");
const BEFORE: &str = "Inside `streams-runtime` a module uses";

/// Where each module stands: modules between two bars are at one place.
fn drawn() -> BTreeMap<&'static str, usize> {
    let (_, behind) = PAGE.split_once(BEFORE).expect("the sentence above the drawing");
    let drawing = behind.split("```").nth(1).expect("the drawing").trim_start_matches("text");
    let places = drawing.split('│').enumerate();
    places
        .flat_map(|(place, modules)| modules.split_whitespace().map(move |module| (module, place)))
        .collect()
}

/// All files of the crate but those that only tests have.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        match path.is_dir() {
            _ if ["tests", "conforms"].contains(&name) => {}
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The names behind `crate::`, without comments and tests.
fn named(code: &str) -> BTreeSet<&str> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let uses = lines.flat_map(|line| line.split("crate::").skip(1));
    uses.filter_map(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_').next()).collect()
}

#[test]
fn a_module_uses_what_stands_to_its_left_and_its_neighbours() {
    let drawn = drawn();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let (mut there, mut wrong) = (BTreeSet::new(), Vec::new());
    for file in found {
        let shown = file.strip_prefix(&source).unwrap();
        let module = Path::new(shown.components().next().unwrap().as_os_str()).file_stem().unwrap();
        let module = module.to_str().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        if let Some(place) = drawn.get(&*module) {
            for used in named(&fs::read_to_string(&file).unwrap()) {
                if drawn.get(used).is_some_and(|of| of > place) {
                    wrong.push(format!("{} uses `{used}`", shown.display()));
                }
            }
        }
        there.insert(module);
    }
    assert_eq!(wrong, [""; 0], "against the drawing");
    assert_eq!(there, drawn.keys().map(|&module| module.to_owned()).collect(), "modules, and those drawn");
}
