//! Runs [`streams_examples::orders`] on a file, or on what standard input says; `--help` shows how.

use streams_examples::orders::OrdersApp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> streams_runtime::Result<()> {
    OrdersApp::builder("orders").run().await
}
