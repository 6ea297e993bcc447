//! The cases of what must not compile, read as documentation.
//!
//! A case is `fail/<rule>.rs` with the rule in its first line and what the compiler says beside it in `<rule>.stderr`. Knows
//! how the two are written; does not run the compiler (`tests/ui.rs` does).

mod catalogue;

pub use catalogue::catalogue;

use std::path::{Path, PathBuf};
use std::{fs, io};

/// One rule: what it says, code that breaks it, what the compiler answers.
pub struct Case {
    /// The file's name, which names the rule.
    pub name: String,
    /// The rule in a sentence.
    pub rule: String,
    /// The whole file.
    pub code: String,
    /// Everything the compiler said.
    pub answer: String,
}

impl Case {
    /// How many errors and warnings there are.
    pub fn errors(&self) -> usize {
        self.answer.lines().filter(|line| line.starts_with("error") || line.starts_with("warning")).count()
    }
}

/// Every case, by name.
///
/// # Errors
/// If a file cannot be read, or a case has no answer yet (`TRYBUILD=overwrite cargo test -p streams-ui-tests`).
pub fn cases() -> io::Result<Vec<Case>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("fail"))?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    files.iter().map(|file| case(file)).collect()
}

fn case(file: &Path) -> io::Result<Case> {
    let code = fs::read_to_string(file)?;
    let rule = code.lines().next().and_then(|line| line.strip_prefix("//! ")).unwrap_or_default().to_owned();
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Case { name, rule, answer: fs::read_to_string(file.with_extension("stderr"))?, code })
}

/// The page that is made of the cases.
pub fn page() -> PathBuf {
    root().join("../docs/errors.md")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
