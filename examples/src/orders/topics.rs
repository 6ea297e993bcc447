//! The topics: what comes in, what goes out.

use super::model::{Order, Revenue, Store, TotalRevenueWithAddress, WindowRevenueWithAddress};
use streams_runtime::prelude::*;

/// Orders. Their keys do not matter, since everything below is per location. What cannot be read (a type we do not
/// know, no time) and what is null is left out and counted, so that one shop cannot stop the others.
#[topic(
    name = "orders",
    partitions = 4,
    key = Option<String>,
    value = Json<Order>,
    timestamp = ordered_at,
    decode = skip,
    null_value = skip,
    no_time = skip,
)]
pub struct Orders;

/// Event time is when the order was placed.
fn ordered_at(order: &Order) -> Option<Timestamp> {
    order.ordered_date_time.parse().ok()
}

/// Stores by location. Null: closed. Four partitions, as what is joined with it; with another number the join does
/// not compile.
#[topic(name = "stores", partitions = 4, key = String, value = Option<Json<Store>>)]
pub struct StoresTopic;

/// What each general order earned.
#[topic(name = "general-orders", key = Option<String>, value = Json<Revenue>)]
pub struct GeneralOrders;

/// What each restaurant order earned.
#[topic(name = "restaurant-orders", key = Option<String>, value = Json<Revenue>)]
pub struct RestaurantOrders;

/// How many general orders each location had.
#[topic(name = "general-count", key = String, value = i64)]
pub struct GeneralCountTopic;

/// How many restaurant orders each location had.
#[topic(name = "restaurant-count", key = String, value = i64)]
pub struct RestaurantCountTopic;

/// What the general orders of each location earned.
#[topic(name = "general-revenue", key = String, value = Json<TotalRevenueWithAddress>)]
pub struct GeneralRevenueTopic;

/// What the restaurant orders of each location earned.
#[topic(name = "restaurant-revenue", key = String, value = Json<TotalRevenueWithAddress>)]
pub struct RestaurantRevenueTopic;

/// How many general orders each location had in each 15 seconds.
#[topic(name = "general-count-15s", key = TimeWindowed<String, 15_000>, value = i64)]
pub struct GeneralCountPerWindowTopic;

/// How many restaurant orders each location had in each 15 seconds.
#[topic(name = "restaurant-count-15s", key = TimeWindowed<String, 15_000>, value = i64)]
pub struct RestaurantCountPerWindowTopic;

/// What the general orders of each location earned in each 15 seconds.
#[topic(name = "general-revenue-15s", key = String, value = Json<WindowRevenueWithAddress>)]
pub struct GeneralRevenuePerWindowTopic;

/// What the restaurant orders of each location earned in each 15 seconds.
#[topic(name = "restaurant-revenue-15s", key = String, value = Json<WindowRevenueWithAddress>)]
pub struct RestaurantRevenuePerWindowTopic;
