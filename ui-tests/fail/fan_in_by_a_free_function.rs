//! Unlike streams become variants of one enum.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64)]
struct Orders;

#[topic(name = "clicks", key = String, value = String)]
struct Clicks;

#[topic(name = "events", key = String, value = String)]
struct Events;

pub enum Event {
    Order(u64),
    Click(String),
}

fn ordered(order: u64) -> Event {
    Event::Order(order)
}

#[processor(from = [Orders => ordered, Clicks => Event::Click], map_values, to = Events)]
fn told(event: &Event) -> String {
    match event {
        Event::Order(amount) => format!("an order of {amount}"),
        Event::Click(page) => format!("a click on {page}"),
    }
}

topology!(App = [told]);

fn main() {}
