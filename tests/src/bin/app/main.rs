//! One application in a process of its own, for tests that kill it, hold it and disturb what it says and hears.
//!
//! `APP` names the topology and `APP_ID` the application; settings come from `STREAMS_*`, as for every application.
//! What happens is told on standard error, one event a line. Knows nothing of the tests.

mod judged;
mod ledger;
mod load;
mod pairs;
mod tally;

use std::env;

use streams_examples::{greetings, orders, word_count};
use streams_runtime::Error;
use tracing_subscriber::filter::LevelFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // More than events of the runtime is for a look by hand.
    let level = variable("APP_LOG").map_or(LevelFilter::INFO, |level| level.parse().expect("a level"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_max_level(level).init();
    let name = variable("APP").expect("APP names a topology");
    let id = variable("APP_ID").expect("APP_ID names an application");
    let app = match name.as_str() {
        "word-count" => word_count::WordCount::builder(&id),
        "orders" => orders::OrdersApp::builder(&id),
        "greetings" => greetings::GreetingsApp::builder(&id),
        "tally" => tally::TallyApp::builder(&id),
        "ledger" => ledger::Ledger::builder(&id),
        "strict" => judged::Strict::builder(&id),
        "apart" => pairs::Apart::builder(&id),
        "together" => pairs::Together::builder(&id),
        "sleeper" => load::Sleeper::builder(&id),
        "wide" => load::Wide::builder(&id),
        "bookshop" => load::Bookshop::builder(&id),
        "lenient" => judged::Lenient::builder(&id),
        other => panic!("there is no topology {other}"),
    };
    app.run().await
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.into_string().expect("variables are text"))
}
