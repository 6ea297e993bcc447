//! Messages stay as they are where the user has items called like ours.

use serde::{Deserialize, Serialize};
use streams_runtime::{Json, processor, topic, topology};

mod value {
    #[derive(serde::Serialize)]
    pub struct Key;
}

#[derive(Serialize, Deserialize)]
struct Cart(u64);

#[topic(name = "carts", key = String, value = Option<Json<Cart>>)]
struct Carts;

#[processor(from = Carts, filter_map_values)]
fn present(cart: Option<&Cart>) -> Option<u64> {
    cart.map(|cart| cart.0)
}

#[processor(from = present, map_values)]
fn shown(total: Option<&u64>) -> String {
    format!("{total:?}")
}

topology!(App = [present, shown]);

fn main() {}
