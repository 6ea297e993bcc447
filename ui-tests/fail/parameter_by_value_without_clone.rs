//! What a step takes by value can be cloned.

use streams_runtime::{processor, topic, topology};

#[topic(name = "orders", key = String, value = u64, partitions = 4)]
struct Orders;

struct Cart(u64);

#[processor(from = Orders, map_values)]
fn cart(order: &u64) -> Cart {
    Cart(*order)
}

#[processor(from = cart, filter)]
fn full(cart: Cart) -> bool {
    cart.0 > 100
}

topology!(App = [cart, full]);

fn main() {}
