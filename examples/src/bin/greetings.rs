//! Runs [`streams_examples::greetings`] on a file, or on what standard input says; `--help` shows how.

use streams_examples::greetings::GreetingsApp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> streams_runtime::Result<()> {
    streams_examples::log();
    GreetingsApp::builder("greetings").run().await
}
