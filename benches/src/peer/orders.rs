//! W1J: JSON of eight fields, read and written again.

use serde::{Deserialize, Serialize};
use streams_runtime::{Json, processor, topic, topology};

/// An order; its fields are written in this order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say nothing but their names")]
pub struct Order {
    pub id: i64,
    pub customer: String,
    pub product: String,
    pub quantity: i32,
    pub price_cents: i64,
    pub currency: String,
    pub ts: i64,
    pub status: String,
}

/// Orders as they come in.
#[topic(name = "orders", key = Vec<u8>, value = Json<Order>)]
pub struct Orders;

/// Orders that were seen.
#[topic(name = "seen-orders", key = Vec<u8>, value = Json<Order>)]
pub struct SeenOrders;

/// Adds one, and says that the order was seen.
#[processor(from = Orders, map_values)]
pub fn seen(mut order: Order) -> Order {
    order.quantity += 1;
    order.status = "SEEN".to_owned();
    order
}

/// Drops orders of nothing.
#[processor(from = seen, filter, to = SeenOrders)]
pub fn of_something(order: &Order) -> bool {
    order.quantity != 1
}

topology!(
    /// W1J: two stateless steps on JSON.
    pub InJson = [seen, of_something]
);
