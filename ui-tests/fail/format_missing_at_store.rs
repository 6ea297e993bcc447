//! What is kept in a store has a format.

use streams_runtime::{ktable, processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

#[derive(Clone, Default)]
struct Cart(u64);

#[ktable(store = "carts", from = Orders, aggregate)]
fn cart(cart: &mut Cart, order: &u64) {
    cart.0 += order;
}

#[processor(from = cart, filter)]
fn full(cart: &Cart) -> bool {
    cart.0 > 100
}

topology!(App = [cart, full]);

fn main() {}
