//! Applications written with streams, one a module, each with its tests and a binary of the same name.
pub mod greetings;
#[doc(hidden)]
pub mod language;
pub mod orders;
pub mod word_count;
pub mod words;

/// Writes what the runtime tells to standard error: on Kafka an application has nothing else to show. `RUST_LOG` says how
/// much.
#[cfg(feature = "kafka")]
pub fn log() {
    let level = tracing_subscriber::EnvFilter::try_from_default_env();
    let level = level.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr).init();
}

/// On the in-process log records are printed, and errors returned.
#[cfg(not(feature = "kafka"))]
pub fn log() {}

/// The application on the front page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;

/// So do the language's examples of what is built, and what they assert holds.
#[cfg(doctest)]
#[doc = include_str!("../../docs/language.md")]
struct Language;

/// And the applications it was tried on.
#[cfg(doctest)]
#[doc = include_str!("../../docs/language/tried-on.md")]
struct TriedOn;
