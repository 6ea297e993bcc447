//! `=>` turns unlike streams into one enum.

use streams_runtime::{processor, topic, topology};

#[topic(name = "carts", key = String, value = u64)]
struct Carts;
#[topic(name = "orders", key = String, value = String)]
struct Orders;

enum Event {
    Cart(u64),
    Order(String),
}

#[processor(from = [Carts => Event::Cart, Orders => Event::Order], map_values)]
fn weight(event: &Event) -> u64 {
    match event {
        Event::Cart(n) => *n,
        Event::Order(text) => text.len() as u64,
    }
}

topology!(App = [weight]);

fn main() {
    App::describe();
}
