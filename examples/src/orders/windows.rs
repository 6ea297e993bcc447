//! Totals per location in each 15 seconds of event time. An order may be 5 seconds late.

use super::model::{Revenue, Store, TotalRevenue, WindowRevenue, WindowRevenueWithAddress};
use super::topics::*;
use super::{Stores, general_by_location, restaurant_by_location};
use streams_runtime::prelude::*;

/// How many general orders a location had in a window.
#[ktable(store = "general-count-15s", from = general_by_location, count, to = GeneralCountPerWindowTopic)]
#[window(tumbling = "15s", grace = "5s")]
pub struct GeneralCountPerWindow;

/// How many restaurant orders a location had in a window.
#[ktable(store = "restaurant-count-15s", from = restaurant_by_location, count, to = RestaurantCountPerWindowTopic)]
#[window(tumbling = "15s", grace = "5s")]
pub struct RestaurantCountPerWindow;

/// What the general orders of a location earned in a window.
#[ktable(store = "general-revenue-15s", from = general_by_location, aggregate)]
#[window(tumbling = "15s", grace = "5s")]
pub fn general_revenue_per_window(total: &mut TotalRevenue, revenue: &Revenue) {
    total.add(revenue);
}

/// What the restaurant orders of a location earned in a window.
#[ktable(store = "restaurant-revenue-15s", from = restaurant_by_location, aggregate)]
#[window(tumbling = "15s", grace = "5s")]
pub fn restaurant_revenue_per_window(total: &mut TotalRevenue, revenue: &Revenue) {
    total.add(revenue);
}

/// Back from location and window to the location alone, which is what stores are known by: a new key once more.
#[processor(from = general_revenue_per_window, map, repartition)]
pub fn general_window_by_location(
    location: Windowed<String>,
    total: TotalRevenue,
) -> (String, WindowRevenue) {
    by_location(location, total)
}

/// The same for restaurants.
#[processor(from = restaurant_revenue_per_window, map, repartition)]
pub fn restaurant_window_by_location(
    location: Windowed<String>,
    total: TotalRevenue,
) -> (String, WindowRevenue) {
    by_location(location, total)
}

fn by_location(location: Windowed<String>, total_revenue: TotalRevenue) -> (String, WindowRevenue) {
    let text = |ms| Timestamp::from_ms(ms).to_string();
    let TimeSpan { start, end } = location.window;
    (location.key, WindowRevenue { window_start: text(start), window_end: text(end), total_revenue })
}

/// The same with the store's address.
#[processor(from = general_window_by_location, left_join = Stores, to = GeneralRevenuePerWindowTopic)]
pub fn general_window_with_address(window: WindowRevenue, store: Option<&Store>) -> WindowRevenueWithAddress {
    WindowRevenueWithAddress { window_revenue: window, store: store.cloned() }
}

/// The same with the store's address.
#[processor(from = restaurant_window_by_location, left_join = Stores, to = RestaurantRevenuePerWindowTopic)]
pub fn restaurant_window_with_address(
    window: WindowRevenue,
    store: Option<&Store>,
) -> WindowRevenueWithAddress {
    WindowRevenueWithAddress { window_revenue: window, store: store.cloned() }
}
