//! What the examples of `docs/language.md` name and do not declare, so that each of them compiles by itself.
//!
//! Topics, types and steps of many applications, of which none is whole. Nothing of it runs.
#![allow(missing_docs, reason = "the page says what they are")]

use serde::{Deserialize, Serialize};
pub use streams_runtime::prelude::*;

#[derive(Clone, Serialize, Deserialize, DefaultSerde)]
pub struct Order {
    pub region: String,
    pub amount: i64,
    pub at: i64,
}

#[derive(Clone, Serialize, Deserialize)]
pub enum Kind {
    General,
    Restaurant,
    Pickup,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Shop {
    pub address: String,
}

#[derive(Serialize, Deserialize)]
pub struct Report {
    pub shop: Option<Shop>,
}

impl Report {
    pub fn new(_total: &impl Serialize, shop: Option<&Shop>) -> Report {
        Report { shop: shop.cloned() }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    pub name: String,
}

#[derive(Clone, Copy, Serialize, Deserialize, DefaultSerde)]
pub struct UserId(pub u64);

#[derive(Clone, Serialize, Deserialize)]
pub struct Visit {
    pub user: UserId,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Reading {
    pub at: Option<i64>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Cart {
    pub items: u32,
}

pub enum Event {
    Cart(Cart),
    Order(Order),
}

impl Event {
    pub fn weight(&self) -> u32 {
        match self {
            Event::Cart(cart) => cart.items,
            Event::Order(_) => 10,
        }
    }
}

#[derive(Clone, Default, Serialize, Deserialize, DefaultSerde)]
pub struct Stats {
    pub letter: String,
    pub count: u64,
}

impl Stats {
    pub fn from_config() -> Stats {
        Stats { letter: "a".to_owned(), count: 100 }
    }

    pub fn add(&mut self, letter: &str, word: &str) {
        self.letter = letter.to_owned();
        self.count += word.len() as u64;
    }
}

#[topic(name = "orders", key = String, value = Json<Order>)]
pub struct Orders;
#[topic(name = "order-changes", key = String, value = Option<Json<Order>>)]
pub struct OrderChanges;
#[topic(name = "reports", key = String, value = Json<Report>)]
pub struct Reports;
#[topic(name = "carts", key = String, value = Json<Cart>)]
pub struct Carts;
#[topic(name = "visits", key = String, value = Json<Visit>)]
pub struct Visits;
#[topic(name = "users", key = String, value = Option<String>)]
pub struct UsersTopic;
#[topic(name = "keyed", key = Option<String>, value = Option<String>)]
pub struct KeyedTopic;
#[topic(name = "clicks", key = String, value = String)]
pub struct Clicks;
#[topic(name = "guest-clicks", key = Option<String>, value = String)]
pub struct GuestClicks;

#[topic(name = "lines", key = Option<String>, value = String)]
pub struct Lines;
#[topic(name = "remarks", key = Option<String>, value = Option<String>)]
pub struct Remarks;
#[topic(name = "greetings", key = Option<String>, value = String)]
pub struct Greetings;
#[topic(name = "greetings-spanish", key = Option<String>, value = String)]
pub struct GreetingsSpanish;
#[topic(name = "words", key = String, value = String)]
pub struct Words;
#[topic(name = "raw", key = String, value = String)]
pub struct Raw;
#[topic(name = "amounts", key = String, value = i64)]
pub struct Amounts;
#[topic(name = "in", key = String, value = Option<String>)]
pub struct In;

#[topic(name = "counts", key = String, value = i64)]
pub struct Counts;
#[topic(name = "reduced", key = String, value = String)]
pub struct Reduced;
#[topic(name = "stats", key = String, value = Json<Stats>)]
pub struct StatsTopic;
#[topic(name = "sums", key = String, value = Option<i64>)]
pub struct Sums;
#[topic(name = "updates", key = String, value = Option<String>)]
pub struct Updates;
#[topic(name = "out-a", key = String, value = String)]
pub struct OutA;
#[topic(name = "out", key = Option<String>, value = Option<String>)]
pub struct Out;

pub fn ordered_at(order: &Order) -> Timestamp {
    Timestamp::from_ms(order.at)
}

#[processor(from = Orders, filter)]
pub fn paid(order: &Order) -> bool {
    order.amount > 0
}

#[processor(from = Lines, flat_map, repartition)]
pub fn words(line: &str) -> Vec<(String, ())> {
    line.split_whitespace().map(|word| (word.to_owned(), ())).collect()
}

#[processor(from = Remarks, map, repartition)]
pub fn by_letter(remark: Option<String>) -> (String, Option<String>) {
    (remark.as_deref().unwrap_or_default().chars().take(1).collect(), remark)
}

#[ktable(store = "users", from = UsersTopic)]
pub struct Users;

/// Of `docs/language/tried-on.md`.
pub mod tried_on {
    use serde::{Deserialize, Serialize};
    pub use streams_runtime::prelude::*;

    #[derive(Clone, Default, Serialize, Deserialize)]
    pub struct Letter {
        pub letter: String,
        pub words: Vec<String>,
    }

    impl Letter {
        pub fn add(&mut self, letter: &str, word: &str) {
            self.letter = letter.to_owned();
            self.words.push(word.to_owned());
        }
    }

    #[derive(Serialize, Deserialize)]
    pub struct Described {
        pub word: String,
        pub description: String,
    }

    impl Described {
        pub fn new(word: &str, description: &str) -> Described {
            Described { word: word.to_owned(), description: description.to_owned() }
        }
    }

    /// Its last hundred characters.
    pub fn last(text: &str) -> String {
        let long = text.chars().count().saturating_sub(100);
        text.chars().skip(long).collect()
    }

    #[topic(name = "counts", key = String, value = i64)]
    pub struct CountsTopic;
    #[topic(name = "reduced", key = String, value = String)]
    pub struct Reduced;
    #[topic(name = "aggregated", key = String, value = Json<Letter>)]
    pub struct Aggregated;
    #[topic(name = "alphabets", key = String, value = Option<String>)]
    pub struct AlphabetsTopic;
    #[topic(name = "spelt-words", key = String, value = String)]
    pub struct WordsTopic;
    #[topic(name = "described", key = String, value = Json<Described>)]
    pub struct Joined;
}
