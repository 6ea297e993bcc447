//! What an order, a store and their totals are. Money is decimal, never floating point.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use streams_runtime::prelude::*;

/// An order as the shops send it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its number.
    pub order_id: u64,
    /// The store it was placed at.
    pub location_id: String,
    /// What was paid.
    #[serde(with = "rust_decimal::serde::arbitrary_precision")]
    pub final_amount: Decimal,
    /// Goods or meals.
    pub order_type: OrderType,
    /// What was bought.
    pub order_line_items: Vec<OrderLineItem>,
    /// When, such as `2022-12-05T08:55:27`, in UTC.
    pub ordered_date_time: String,
}

/// Goods or meals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderType {
    /// Goods.
    General,
    /// Meals.
    Restaurant,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderLineItem {
    /// What.
    pub item: String,
    /// How many.
    pub count: u32,
    /// For how much.
    #[serde(with = "rust_decimal::serde::arbitrary_precision")]
    pub amount: Decimal,
}

/// What an order earned, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct Revenue {
    /// The store.
    pub location_id: String,
    /// What was paid.
    #[serde(with = "rust_decimal::serde::arbitrary_precision")]
    pub final_amount: Decimal,
}

impl From<Order> for Revenue {
    fn from(order: Order) -> Revenue {
        Revenue { location_id: order.location_id, final_amount: order.final_amount }
    }
}

/// What the orders of a location earned so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct TotalRevenue {
    /// The store.
    pub location_id: String,
    /// How many orders.
    pub running_order_count: u64,
    /// What they earned.
    #[serde(with = "rust_decimal::serde::arbitrary_precision")]
    pub running_revenue: Decimal,
}

impl TotalRevenue {
    /// Adds an order.
    pub fn add(&mut self, revenue: &Revenue) {
        self.location_id.clone_from(&revenue.location_id);
        self.running_order_count += 1;
        self.running_revenue += revenue.final_amount;
    }
}

/// A store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Its location.
    pub location_id: String,
    /// Where it is.
    pub address: Address,
    /// Whom to call.
    pub contact_num: String,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Street and number.
    pub address_line1: String,
    /// What stands below, often nothing.
    #[serde(default)]
    pub address_line2: String,
    /// City.
    pub city: String,
    /// State.
    pub state: String,
    /// Postal code.
    pub zip: String,
}

/// A total and the store it was earned in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct TotalRevenueWithAddress {
    /// The total.
    pub total_revenue: TotalRevenue,
    /// The store; `null` if nobody told us of it.
    pub store: Option<Store>,
}

/// The total of one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct WindowRevenue {
    /// First millisecond of the window.
    pub window_start: String,
    /// First millisecond after it.
    pub window_end: String,
    /// The total.
    pub total_revenue: TotalRevenue,
}

/// The total of one window and the store it was earned in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
pub struct WindowRevenueWithAddress {
    /// The window and its total.
    pub window_revenue: WindowRevenue,
    /// The store; `null` if nobody told us of it.
    pub store: Option<Store>,
}
