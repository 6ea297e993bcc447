//! The examples as a user runs them: a process, a broker, and a reader of committed records who is not of us.
//!
//! What is expected is what the test driver answers to the same records, byte for byte; how it answers is tested
//! elsewhere, against Kafka Streams itself.

mod feed;
mod topics;

use streams_examples::greetings::{Greetings, GreetingsApp, GreetingsSpanish, GreetingsUppercase};
use streams_examples::orders::{self, Orders, OrdersApp, StoresTopic};
use streams_examples::word_count::{Lines, WordCount, WordCounts};
use streams_examples::words::{CountTopic, ListTopic, StatisticsTopic, Words, WordsApp};
use streams_tests::broker::Broker;

use feed::Example;
use topics::{Input, Output};

/// The id each example runs under is that of its binary; so are its topics, so each is run by one test.
#[test]
fn word_count() {
    feed::run(
        Broker::shared(),
        &Example {
            binary: "word-count",
            data: include_str!("../../../../examples/data/word-count.txt"),
            driver: WordCount::driver,
            inputs: vec![Input::of::<Lines>()],
            outputs: vec![Output::of::<WordCounts>()],
        },
    );
}

#[test]
fn words() {
    feed::run(
        Broker::shared(),
        &Example {
            binary: "words",
            data: include_str!("../../../../examples/data/words.txt"),
            driver: WordsApp::driver,
            inputs: vec![Input::of::<Words>()],
            outputs: vec![
                Output::of::<CountTopic>(),
                Output::of::<ListTopic>(),
                Output::of::<StatisticsTopic>(),
            ],
        },
    );
}

#[test]
fn greetings() {
    feed::run(
        Broker::shared(),
        &Example {
            binary: "greetings",
            data: include_str!("../../../../examples/data/greetings.txt"),
            driver: GreetingsApp::driver,
            inputs: vec![Input::of::<Greetings>(), Input::of::<GreetingsSpanish>()],
            outputs: vec![Output::of::<GreetingsUppercase>()],
        },
    );
}

#[test]
fn orders() {
    feed::run(
        Broker::shared(),
        &Example {
            binary: "orders",
            data: include_str!("../../../../examples/data/orders.txt"),
            driver: OrdersApp::driver,
            inputs: vec![Input::of::<Orders>(), Input::of::<StoresTopic>()],
            outputs: vec![
                Output::of::<orders::GeneralOrders>(),
                Output::of::<orders::RestaurantOrders>(),
                Output::of::<orders::GeneralCountTopic>(),
                Output::of::<orders::RestaurantCountTopic>(),
                Output::of::<orders::GeneralRevenueTopic>(),
                Output::of::<orders::RestaurantRevenueTopic>(),
                Output::of::<orders::GeneralCountPerWindowTopic>(),
                Output::of::<orders::RestaurantCountPerWindowTopic>(),
                Output::of::<orders::GeneralRevenuePerWindowTopic>(),
                Output::of::<orders::RestaurantRevenuePerWindowTopic>(),
            ],
        },
    );
}
