//! A nullable parameter taken by value is cloned where it is needed twice.

use streams_runtime::{Json, processor, topic, topology};

#[derive(serde::Serialize, serde::Deserialize)]
struct Cart(u64);

#[topic(name = "carts", key = String, value = Option<Json<Cart>>)]
struct Carts;

#[processor(from = Carts, filter)]
fn full(cart: Option<Cart>) -> bool {
    cart.is_some_and(|cart| cart.0 > 10)
}

topology!(App = [full]);

fn main() {}
