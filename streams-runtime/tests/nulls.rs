//! A null goes where the types say it may, and nowhere else.

use streams_runtime::prelude::*;

#[topic(name = "carts", key = String, value = Option<i64>)]
struct Carts;
#[topic(name = "orders", key = String, value = String)]
struct Orders;
#[topic(name = "weights", key = String, value = Option<i64>)]
struct Weights;
#[topic(name = "present", key = String, value = i64)]
struct Present;

enum Event {
    Cart(i64),
    Order(String),
}

fn weight(event: &Event) -> i64 {
    match event {
        Event::Cart(items) => *items,
        Event::Order(text) => text.len() as i64,
    }
}

#[processor(from = [Carts => Event::Cart, Orders => Event::Order], map_values, to = Weights)]
fn weighed(event: Option<&Event>) -> Option<i64> {
    event.map(weight)
}

#[processor(from = [Carts => Event::Cart, Orders => Event::Order], map_values, null_value = skip, to = Present)]
fn weighed_without_nulls(event: &Event) -> i64 {
    weight(event)
}

topology!(App = [weighed, weighed_without_nulls]);

#[test]
fn a_null_stays_a_null_when_unlike_streams_become_one() {
    let driver = App::driver();
    driver.input::<Carts>().pipe("a", 3).unwrap();
    driver.input::<Carts>().delete("a").unwrap();
    driver.input::<Orders>().pipe("a", "four").unwrap();
    let values =
        |all: Vec<(Option<String>, Option<i64>)>| all.into_iter().map(|(_, v)| v).collect::<Vec<_>>();
    assert_eq!(values(driver.output::<Weights>().read_all()), [Some(3), None, Some(4)]);
    assert_eq!(values(driver.output::<Present>().read_all()), [Some(3), Some(4)]);
    assert_eq!(driver.dropped(), 1);
}
