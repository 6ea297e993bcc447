//! Runs [`streams_examples::words`] on a file, or on what standard input says; `--help` shows how.

use streams_examples::words::WordsApp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> streams_runtime::Result<()> {
    streams_examples::log();
    WordsApp::builder("words").run().await
}
