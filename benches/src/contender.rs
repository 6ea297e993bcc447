//! This framework as a contender: the contract's variables become settings of an ordinary application.
//!
//! Knows which topology is which workload. Does not know how it is measured.

use crate::contract::Contract;
use crate::peer::{bytes, orders, table, words};
use crate::workload::Workload;
use streams_runtime::{App, Builder, Guarantee, Topic};

/// The application that a contract asks for.
///
/// # Errors
/// If it cannot be had.
pub fn application(contract: &Contract) -> Result<Builder, String> {
    if contract.cache_bytes > 0 {
        return Err(
            "CACHE_BYTES: a table emits each update here, there is nothing to put together".to_owned()
        );
    }
    let changelog = format!("{}-w8-changelog", contract.application);
    if contract.changelog.as_ref().is_some_and(|said| *said != changelog) {
        return Err(format!("CHANGELOG_TOPIC: the changelog is called {changelog}"));
    }
    let app = match contract.workload()? {
        Workload::Stateless => named::<bytes::Stateless, bytes::In, bytes::Flipped>(contract)?,
        Workload::Json => named::<orders::InJson, orders::Orders, orders::SeenOrders>(contract)?,
        Workload::Count => named::<bytes::Counted, bytes::In, bytes::Counts>(contract)?,
        Workload::WordCount => named::<words::WordCount, words::Lines, words::WordCounts>(contract)?,
        Workload::Table => named::<table::Restored, table::Rows, table::Updates>(contract)?,
    };
    let guarantee = if contract.exactly_once { Guarantee::ExactlyOnce } else { Guarantee::AtLeastOnce };
    let app = app
        .brokers(&contract.brokers)
        .guarantee(guarantee)
        .commit_interval(contract.commit_interval)
        .threads(contract.threads)
        .property("producer.linger.ms", contract.linger_ms.to_string())
        .property("producer.batch.size", contract.batch_size.to_string());
    // W3 is W2 with its store in memory.
    Ok(if contract.workload == "W3" { app } else { app.state_dir(&contract.state_dir) })
}

/// The application `A`, whose topics the bench names.
fn named<A: App, In: Topic, Out: Topic>(contract: &Contract) -> Result<Builder, String> {
    let [input] = &contract.inputs[..] else {
        return Err(format!("INPUT_TOPICS: {} reads one topic", contract.workload));
    };
    Ok(A::application(&contract.application).topic_name::<In>(input).topic_name::<Out>(&contract.output))
}
