//! Totals per location since the beginning.

use super::model::{Revenue, Store, TotalRevenue, TotalRevenueWithAddress};
use super::topics::*;
use super::{Stores, general, restaurant};
use streams_runtime::prelude::*;

/// General orders by location: a new key, so they are laid out anew, once for everything that is counted below.
#[processor(from = general, map, repartition)]
pub fn general_by_location(_order: Option<&str>, revenue: Revenue) -> (String, Revenue) {
    (revenue.location_id.clone(), revenue)
}

/// Restaurant orders by location.
#[processor(from = restaurant, map, repartition)]
pub fn restaurant_by_location(_order: Option<&str>, revenue: Revenue) -> (String, Revenue) {
    (revenue.location_id.clone(), revenue)
}

/// How many general orders a location had.
#[ktable(store = "general-orders-count", from = general_by_location, count, to = GeneralCountTopic)]
pub struct GeneralCount;

/// How many restaurant orders a location had.
#[ktable(store = "restaurant-orders-count", from = restaurant_by_location, count, to = RestaurantCountTopic)]
pub struct RestaurantCount;

/// What the general orders of a location earned.
#[ktable(store = "general-orders-revenue", from = general_by_location, aggregate)]
pub fn general_revenue(total: &mut TotalRevenue, revenue: &Revenue) {
    total.add(revenue);
}

/// What the restaurant orders of a location earned.
#[ktable(store = "restaurant-orders-revenue", from = restaurant_by_location, aggregate)]
pub fn restaurant_revenue(total: &mut TotalRevenue, revenue: &Revenue) {
    total.add(revenue);
}

/// The same with the store's address, as it is known at that moment.
#[processor(from = general_revenue, left_join = Stores, to = GeneralRevenueTopic)]
pub fn general_with_address(total: TotalRevenue, store: Option<&Store>) -> TotalRevenueWithAddress {
    TotalRevenueWithAddress { total_revenue: total, store: store.cloned() }
}

/// The same with the store's address, as it is known at that moment.
#[processor(from = restaurant_revenue, left_join = Stores, to = RestaurantRevenueTopic)]
pub fn restaurant_with_address(total: TotalRevenue, store: Option<&Store>) -> TotalRevenueWithAddress {
    TotalRevenueWithAddress { total_revenue: total, store: store.cloned() }
}
