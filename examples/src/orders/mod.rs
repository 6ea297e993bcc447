//! Retail orders: split by type, counted and added up per location, joined with the address of the store; the same
//! in windows of 15 seconds.
//!
//! ```text
//!                      general-orders                restaurant-orders      one record an order
//! orders ─ by_type ─┬─ general ──┬─ count, revenue per location             totals.rs
//!                   │            └─ the same per 15 seconds                 windows.rs
//!                   └─ restaurant ─ as general
//! stores ─ Stores, the table both are joined with
//! ```

mod model;
mod topics;
mod totals;
mod windows;

pub use model::*;
pub use topics::*;
pub use totals::*;
pub use windows::*;

use streams_runtime::prelude::*;

/// The two ways an order can go.
#[derive(Branches)]
pub enum ByType {
    /// Goods.
    General(Order),
    /// Meals.
    Restaurant(Order),
}

/// Splits orders by their type.
#[processor(from = Orders, split)]
pub fn by_type(order: Order) -> ByType {
    match order.order_type {
        OrderType::General => ByType::General(order),
        OrderType::Restaurant => ByType::Restaurant(order),
    }
}

/// What a general order earned, still under the order's key.
#[processor(from = ByType::General, map_values, to = GeneralOrders)]
pub fn general(order: Order) -> Revenue {
    order.into()
}

/// What a restaurant order earned, still under the order's key.
#[processor(from = ByType::Restaurant, map_values, to = RestaurantOrders)]
pub fn restaurant(order: Order) -> Revenue {
    order.into()
}

/// The stores by location: where they are, whom to call.
#[ktable(store = "stores", from = StoresTopic)]
pub struct Stores;

topology!(
    /// Retail orders, added up.
    pub OrdersApp = [
        Stores,
        by_type,
        general,
        restaurant,
        general_by_location,
        restaurant_by_location,
        GeneralCount,
        RestaurantCount,
        general_revenue,
        restaurant_revenue,
        general_with_address,
        restaurant_with_address,
        GeneralCountPerWindow,
        RestaurantCountPerWindow,
        general_revenue_per_window,
        restaurant_revenue_per_window,
        general_window_by_location,
        restaurant_window_by_location,
        general_window_with_address,
        restaurant_window_with_address,
    ]
);

#[cfg(test)]
mod tests;
