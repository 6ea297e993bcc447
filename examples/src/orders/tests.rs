//! The orders application on the driver: real tasks and stores, four partitions, no broker.

use super::*;
use rust_decimal::{Decimal, dec};
use streams_runtime::{Driver, TestRecord};

fn order(id: u64, location: &str, amount: Decimal, order_type: OrderType, time: &str) -> Order {
    let item = OrderLineItem { item: "Bananas".to_owned(), count: 1, amount };
    Order {
        order_id: id,
        location_id: location.to_owned(),
        final_amount: amount,
        order_type,
        order_line_items: vec![item],
        ordered_date_time: format!("2022-12-05T{time}"),
    }
}

fn general_order(id: u64, location: &str, amount: Decimal, time: &str) -> Order {
    order(id, location, amount, OrderType::General, time)
}

fn store(location: &str, city: &str) -> Store {
    let address = Address {
        address_line1: "1234 High Street".to_owned(),
        address_line2: String::new(),
        city: city.to_owned(),
        state: "Ohio".to_owned(),
        zip: "43004".to_owned(),
    };
    Store { location_id: location.to_owned(), address, contact_num: "1234567890".to_owned() }
}

fn driver_with(orders: impl IntoIterator<Item = Order>) -> Driver {
    let driver = OrdersApp::driver();
    driver.input::<StoresTopic>().pipe("store_1", store("store_1", "Columbus")).unwrap();
    for order in orders {
        driver.input::<Orders>().pipe(order.order_id.to_string(), order).unwrap();
    }
    driver
}

fn pipe_value(driver: &Driver, value: Option<&str>) {
    let headers = Headers::new();
    driver.input::<Orders>().pipe_bytes(Some(b"1"), value.map(str::as_bytes), 0, &headers).unwrap();
}

#[test]
fn orders_are_split_by_type_and_keep_their_key() {
    let driver = driver_with([
        general_order(1, "store_1", dec!(27.00), "08:55:27"),
        order(2, "store_1", dec!(15.00), OrderType::Restaurant, "08:55:27"),
    ]);
    let revenue = |amount| Some(Revenue { location_id: "store_1".to_owned(), final_amount: amount });
    let general = driver.output::<GeneralOrders>().read_all();
    assert_eq!(general, [(Some("1".to_owned()), revenue(dec!(27.00)))]);
    let restaurant = driver.output::<RestaurantOrders>().read_all();
    assert_eq!(restaurant, [(Some("2".to_owned()), revenue(dec!(15.00)))]);
}

#[test]
fn orders_are_counted_per_location_whatever_their_partition() {
    let orders = (1..=8).map(|id| general_order(id, "store_1", dec!(1), "08:55:27"));
    let driver = driver_with(orders);
    assert_eq!(driver.row::<GeneralCount>(&"store_1".to_owned()), Some(8));
    assert_eq!(driver.row::<RestaurantCount>(&"store_1".to_owned()), None);
    let mut counts = driver.output::<GeneralCountTopic>();
    let counts: Vec<i64> = counts.read_all().into_iter().filter_map(|(_, count)| count).collect();
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn revenue_is_added_up_exactly_and_joined_with_the_address() {
    let driver = driver_with([
        general_order(1, "store_1", dec!(0.10), "08:55:27"),
        general_order(2, "store_1", dec!(0.20), "08:55:28"),
    ]);
    let last = driver.output::<GeneralRevenueTopic>().read_all().pop().unwrap().1.unwrap();
    assert_eq!(last.total_revenue.running_revenue, dec!(0.30));
    assert_eq!(last.total_revenue.running_order_count, 2);
    assert_eq!(last.store.unwrap().address.city, "Columbus");
}

#[test]
fn a_store_that_is_unknown_or_closed_gives_no_address() {
    let driver = driver_with([general_order(1, "store_2", dec!(1), "08:55:27")]);
    let closed = TestRecord {
        key: Some("store_1".to_owned()),
        value: None,
        timestamp: Timestamp::default(),
        headers: Headers::new(),
    };
    driver.input::<StoresTopic>().pipe_record(&closed).unwrap();
    driver.input::<Orders>().pipe("2".to_owned(), general_order(2, "store_1", dec!(1), "08:55:28")).unwrap();
    let totals = driver.output::<GeneralRevenueTopic>().read_all();
    assert_eq!(totals.len(), 2);
    assert!(totals.iter().all(|(_, total)| total.as_ref().unwrap().store.is_none()));
}

#[test]
fn windows_follow_the_time_of_the_order() {
    let driver = driver_with([
        general_order(1, "store_1", dec!(27), "08:55:27"),
        general_order(2, "store_1", dec!(1), "08:55:31"),
        general_order(3, "store_1", dec!(10), "08:55:29"),
    ]);
    let windows = driver.windows::<GeneralCountPerWindow, String>();
    let shown: Vec<(String, i64)> = windows
        .into_iter()
        .map(|(key, count)| (Timestamp::from_ms(key.window.start).to_string(), count))
        .collect();
    let expected = [("2022-12-05T08:55:15Z".to_owned(), 2), ("2022-12-05T08:55:30Z".to_owned(), 1)];
    assert_eq!(shown, expected);
    let last = driver.output::<GeneralRevenuePerWindowTopic>().read_all().pop().unwrap().1.unwrap();
    assert_eq!(last.window_revenue.window_start, "2022-12-05T08:55:15Z");
    assert_eq!(last.window_revenue.total_revenue.running_revenue, dec!(37));
    assert_eq!(last.store.unwrap().address.city, "Columbus");
}

#[test]
fn an_order_after_the_grace_is_missing_in_its_window_and_counted() {
    let driver = driver_with([
        general_order(1, "store_1", dec!(1), "08:55:29"),
        general_order(2, "store_1", dec!(1), "08:55:35"),
        general_order(3, "store_1", dec!(1), "08:55:29"),
    ]);
    assert_eq!(driver.row::<GeneralCount>(&"store_1".to_owned()), Some(3));
    let windows = driver.windows::<GeneralCountPerWindow, String>();
    assert_eq!(windows.into_iter().map(|(_, count)| count).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(driver.dropped(), 2, "by the count and by the revenue");
}

#[test]
fn an_unknown_order_type_is_left_out_and_counted() {
    let driver = driver_with([]);
    let known = r#"{"orderId":1,"locationId":"store_1","finalAmount":1.5,"orderType":"GENERAL","orderLineItems":[],"orderedDateTime":"2022-12-05T08:55:27"}"#;
    pipe_value(&driver, Some(known));
    pipe_value(&driver, Some(&known.replace("GENERAL", "PICKUP")));
    assert_eq!(driver.dropped(), 1);
    assert_eq!(driver.row::<GeneralCount>(&"store_1".to_owned()), Some(1));
}

#[test]
fn an_order_that_is_null_is_left_out_and_counted() {
    let driver = driver_with([]);
    pipe_value(&driver, None);
    assert_eq!(driver.dropped(), 1);
    assert!(driver.rows::<GeneralCount>().is_empty());
}

#[test]
fn an_order_without_a_readable_time_is_left_out_and_counted() {
    let driver = driver_with([general_order(1, "store_1", dec!(1), "noon")]);
    assert_eq!(driver.dropped(), 1);
    assert!(driver.rows::<GeneralCount>().is_empty());
}

#[test]
fn the_graph_has_one_repartition_for_each_new_key() {
    let repartitions = OrdersApp::driver().internal_topics();
    let repartitions = repartitions.iter().filter(|topic| topic.ends_with("-repartition"));
    assert_eq!(repartitions.count(), 4);
}
