//! What goes through an internal topic has a format.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[derive(Clone)]
struct Cart(u64);

#[processor(from = Orders, map_values)]
fn cart(order: &u64) -> Cart {
    Cart(*order)
}

#[processor(from = cart, select_key, repartition)]
fn by_size(cart: &Cart) -> u64 {
    cart.0 / 100
}

#[ktable(store = "sizes", from = by_size, count)]
struct Sizes;

topology!(App = [cart, by_size, Sizes]);

fn main() {}
