//! Runs [`streams_examples::orders`] on a file, or on what standard input says; `--help` shows how.

use streams_examples::orders::OrdersApp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> streams_runtime::Result<()> {
    streams_examples::log();
    OrdersApp::builder("orders").run().await
}
