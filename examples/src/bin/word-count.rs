//! Runs [`streams_examples::word_count`] on a file, or on what standard input says; `--help` shows how.

use streams_examples::word_count::WordCount;

#[tokio::main(flavor = "current_thread")]
async fn main() -> streams_runtime::Result<()> {
    streams_examples::log();
    WordCount::builder("word-count").run().await
}
