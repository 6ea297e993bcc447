//! Orders of shops, and what must come of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use streams_tests::broker::tools::{
    Isolation, Message, Producer, Record, create_topic, end_offsets, read, read_until,
};

use super::PATIENCE;
use super::application::Application;

/// As the application declares it.
pub const PARTITIONS: i32 = 4;

const LOCATIONS: usize = 12;

/// A location's results carry its orders counted one by one.
const COUNTS: [&str; 4] = ["general-count", "restaurant-count", "general-count-15s", "restaurant-count-15s"];
const REVENUES: [&str; 4] =
    ["general-revenue", "restaurant-revenue", "general-revenue-15s", "restaurant-revenue-15s"];
const EACH: [&str; 2] = ["general-orders", "restaurant-orders"];

/// Writes orders, and knows what they add up to.
pub struct Shops {
    bootstrap: String,
    producer: Producer,
    written: usize,
}

impl Shops {
    /// Makes the topics, and tells of every shop.
    pub fn open(bootstrap: &str) -> Self {
        for topic in ["orders", "stores"].iter().chain(&COUNTS).chain(&REVENUES).chain(&EACH) {
            create_topic(bootstrap, topic, PARTITIONS, &[]);
        }
        let producer = Producer::new(bootstrap);
        let address = json!({
            "addressLine1": "1 High Street", "addressLine2": "", "city": "C", "state": "S", "zip": "1",
        });
        producer.write((0..LOCATIONS).map(|number| {
            let store = json!({ "locationId": location(number), "address": address, "contactNum": "1" });
            // Before every order, in the story's time as well.
            Message::to("stores").key(location(number)).value(store.to_string()).timestamp(1)
        }));
        Self { bootstrap: bootstrap.to_owned(), producer, written: 0 }
    }

    /// Writes so many orders into each partition.
    pub fn write(&mut self, each: usize) {
        for _ in 0..each {
            for partition in 0..PARTITIONS {
                let number = self.written;
                self.written += 1;
                let order = json!({
                    "orderId": number,
                    "locationId": location(number),
                    "finalAmount": 2.5,
                    "orderType": if is_restaurant(number) { "RESTAURANT" } else { "GENERAL" },
                    "orderLineItems": [],
                    // All in one window: none can be late for it, whichever partition is read first.
                    "orderedDateTime": format!("2026-01-01T00:00:{:02}", number % 15),
                });
                self.producer.send(&Message::to("orders").partition(partition).value(order.to_string()));
            }
        }
        self.producer.flush();
    }

    /// Where each partition of the orders ends.
    pub fn ends(&self) -> BTreeMap<i32, i64> {
        (0..).zip(end_offsets(&self.bootstrap, "orders", Isolation::Uncommitted)).collect()
    }

    /// Waits until every order is in the totals of its shop.
    #[track_caller]
    pub fn until_added_up(&self) {
        for topic in COUNTS.iter().chain(&REVENUES).chain(&EACH) {
            let enough = self.of_kind(topic);
            read_until(&self.bootstrap, topic, Isolation::Committed, PATIENCE, |read| read.len() >= enough);
        }
    }

    /// Waits for the last result and ends the applications; then every order is there once, and counted once.
    #[track_caller]
    pub fn check(&self, apps: &[&Application]) {
        self.until_added_up();
        apps.iter().for_each(|app| app.stop());
        for topic in EACH {
            assert_eq!(self.read(topic).len(), self.of_kind(topic), "{topic}");
        }
        for topic in COUNTS {
            let counted = self.read(topic);
            assert_eq!(counted.len(), self.of_kind(topic), "{topic}");
            let count = |record: &Record| {
                let bytes = record.value.as_deref().expect("a count is no tombstone");
                i64::from_be_bytes(bytes.try_into().expect("a count has eight bytes"))
            };
            one_by_one(topic, &counted, count);
        }
        for topic in REVENUES {
            let totals = self.read(topic);
            assert_eq!(totals.len(), self.of_kind(topic), "{topic}");
            one_by_one(topic, &totals, |record| {
                let value: Value =
                    serde_json::from_slice(record.value.as_deref().expect("a total")).expect("JSON");
                assert_eq!(
                    value["store"]["contactNum"], "1",
                    "{topic}: joined in another partition? {value}"
                );
                let total = value.get("windowRevenue").unwrap_or(&value)["totalRevenue"].clone();
                let count = total["runningOrderCount"].as_i64().expect("a number of orders");
                let revenue = total["runningRevenue"].as_f64().expect("a number");
                assert!((revenue - 2.5 * count as f64).abs() < 1e-6, "{topic}: {value}");
                count
            });
        }
    }

    fn read(&self, topic: &str) -> Vec<Record> {
        read(&self.bootstrap, topic, Isolation::Committed)
    }

    /// How many orders were written of the kind that a topic is about.
    fn of_kind(&self, topic: &str) -> usize {
        let restaurant = topic.starts_with("restaurant");
        (0..self.written).filter(|&number| is_restaurant(number) == restaurant).count()
    }
}

fn location(number: usize) -> String {
    format!("L{:02}", number % LOCATIONS)
}

fn is_restaurant(number: usize) -> bool {
    // Not in step with the locations: all have both.
    (number / LOCATIONS).is_multiple_of(3)
}

/// The counts of each key are 1, 2, 3 and so on.
fn one_by_one(topic: &str, records: &[Record], count: impl Fn(&Record) -> i64) {
    let mut last: BTreeMap<Option<&[u8]>, i64> = BTreeMap::new();
    for record in records {
        let (count, last) = (count(record), last.entry(record.key.as_deref()).or_default());
        assert_eq!(
            count,
            *last + 1,
            "{topic}, {} at {}/{}",
            record.key_text(),
            record.partition,
            record.offset
        );
        *last = count;
    }
}
