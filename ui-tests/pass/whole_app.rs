//! One application with a bit of everything.

use serde::{Deserialize, Serialize};
use streams_runtime::{Branches, DefaultSerde, Json, TimeWindowed, Timestamp, Windowed, ktable, processor, topic, topology};

#[derive(Clone, Serialize, Deserialize, DefaultSerde)]
struct Order {
    location: String,
    amount: i64,
    general: bool,
    at: i64,
}

#[derive(Clone, Default, Serialize, Deserialize, DefaultSerde)]
struct Revenue {
    orders: u32,
    amount: i64,
}

#[topic(name = "orders", partitions = 4, key = String, value = Json<Order>, timestamp = ordered_at)]
struct Orders;

fn ordered_at(order: &Order) -> Timestamp {
    Timestamp::from_ms(order.at)
}

#[topic(name = "shops", partitions = 4, key = String, value = Option<String>)]
struct ShopsTopic;
#[topic(name = "restaurants", key = String, value = Json<Order>)]
struct RestaurantOrders;
#[topic(name = "revenue", key = TimeWindowed<String, 15_000>, value = Json<Revenue>)]
struct Revenues;
#[topic(name = "reports", key = String, value = String)]
struct Reports;

#[processor(from = Orders, filter)]
fn paid(order: &Order) -> bool {
    order.amount > 0
}

#[derive(Branches)]
enum ByKind {
    General(Order),
    Restaurant(Order),
}

#[processor(from = paid, split)]
fn by_kind(order: Order) -> ByKind {
    if order.general { ByKind::General(order) } else { ByKind::Restaurant(order) }
}

#[processor(from = ByKind::Restaurant, to = RestaurantOrders)]
struct Restaurant;

#[processor(from = ByKind::General, select_key, repartition(partitions = 4))]
fn by_location(order: &Order) -> String {
    order.location.clone()
}

#[ktable(store = "revenue", from = by_location, aggregate, late = fail, to = Revenues)]
#[streams_runtime::window(tumbling = "15s", grace = "5s")]
fn revenue(revenue: &mut Revenue, order: &Order) {
    revenue.orders += 1;
    revenue.amount += order.amount;
}

#[processor(from = revenue, map, repartition)]
fn by_plain_key(location: Windowed<String>, revenue: &Revenue) -> (String, Revenue) {
    (location.key, revenue.clone())
}

#[ktable(store = "shops", from = ShopsTopic)]
struct Shops;

#[processor(from = by_plain_key, left_join = Shops, to = Reports)]
fn with_address(revenue: &Revenue, shop: Option<&str>) -> String {
    format!("{} {shop:?}", revenue.amount)
}

topology!(App = [paid, by_kind, Restaurant, by_location, revenue, by_plain_key, Shops, with_address]);

fn main() {
    let _driver = App::driver();
}
