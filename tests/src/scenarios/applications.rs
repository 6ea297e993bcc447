//! Small applications: greetings, words, orders.

use super::binding::Binding;
use super::scenarios;
use super::topics::{last_letters, upper, words_of};
use rust_decimal::Decimal;
use rust_decimal::serde::arbitrary_precision;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use streams_runtime::prelude::*;

scenarios! {
    app_greetings, app_greetings_json, app_alphabet, app_alphabet_join, app_orders_split, app_orders_windowed,
    app_word_count,
}

mod app_greetings {
    use super::*;

    #[topic(name = "greetings", key = Option<String>, value = Option<String>)]
    struct Greetings;
    #[topic(name = "greetings-spanish", key = Option<String>, value = Option<String>)]
    struct GreetingsSpanish;
    #[topic(name = "greetings-uppercase", key = Option<String>, value = String)]
    struct GreetingsUppercase;

    #[processor(from = [Greetings, GreetingsSpanish], filter_map_values)]
    fn long(greeting: Option<String>) -> Option<String> {
        greeting.filter(|greeting| greeting.chars().count() > 5)
    }

    #[processor(from = long, map, to = GreetingsUppercase)]
    fn shout(key: Option<&str>, greeting: &str) -> (Option<String>, String) {
        (upper(key), greeting.to_uppercase())
    }

    topology!(App = [long, shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology)
            .reads::<Greetings>()
            .reads::<GreetingsSpanish>()
            .writes::<GreetingsUppercase>()
    }
}

mod app_greetings_json {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Greeting {
        message: String,
        time_stamp: String,
    }

    #[topic(name = "greetings", key = Option<String>, value = Option<Json<Greeting>>)]
    struct Greetings;
    #[topic(name = "greetings-spanish", key = Option<String>, value = Option<Json<Greeting>>)]
    struct GreetingsSpanish;
    #[topic(name = "greetings-uppercase", key = Option<String>, value = Json<Greeting>)]
    struct GreetingsUppercase;

    #[processor(from = [Greetings, GreetingsSpanish], filter_map_values)]
    fn long(greeting: Option<Greeting>) -> Option<Greeting> {
        greeting.filter(|greeting| greeting.message.chars().count() > 2)
    }

    #[processor(from = long, map_values, to = GreetingsUppercase)]
    fn shout(greeting: Greeting) -> Greeting {
        Greeting { message: greeting.message.to_uppercase(), ..greeting }
    }

    topology!(App = [long, shout]);

    pub fn bind() -> Binding {
        Binding::of(App::topology)
            .reads::<Greetings>()
            .reads::<GreetingsSpanish>()
            .writes::<GreetingsUppercase>()
    }
}

#[topic(name = "words", key = Option<String>, value = Option<String>)]
struct Words;

mod app_alphabet {
    use super::*;

    #[topic(name = "counts", key = String, value = i64)]
    struct CountsOut;
    #[topic(name = "reduced", key = String, value = String)]
    struct ReducedOut;
    #[topic(name = "aggregated", key = String, value = Json<LetterWords>)]
    struct AggregatedOut;

    /// All words of one letter.
    #[derive(Clone, Default, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct LetterWords {
        key: String,
        /// In order of arrival, without repetition.
        value_list: Vec<String>,
        running_count: i32,
    }

    #[ktable(store = "count-per-alphabet", from = Words, count, null_key = skip, null_value = skip, to = CountsOut)]
    struct Counts;

    #[ktable(store = "reduced-words", from = Words, reduce, null_key = skip, null_value = skip, to = ReducedOut)]
    fn reduced(all: &mut String, word: &str) {
        *all = last_letters(format!("{}-{}", all.to_uppercase(), word.to_uppercase()));
    }

    #[ktable(
        store = "aggregated-words", from = Words, aggregate, value = Json<LetterWords>,
        null_key = skip, null_value = skip, to = AggregatedOut
    )]
    fn aggregated(words: &mut LetterWords, letter: &str, word: &str) {
        words.key = letter.to_owned();
        words.running_count += 1;
        if !words.value_list.iter().any(|known| known == word) {
            words.value_list.push(word.to_owned());
        }
    }

    topology!(App = [Counts, reduced, aggregated]);

    pub fn bind() -> Binding {
        Binding::of(App::topology)
            .reads::<Words>()
            .writes::<CountsOut>()
            .writes::<ReducedOut>()
            .writes::<AggregatedOut>()
            .keeps::<Counts>()
            .keeps::<reduced>()
            .keeps::<aggregated>()
    }
}

mod app_alphabet_join {
    use super::*;

    #[topic(name = "alphabets", key = Option<String>, value = Option<String>)]
    struct AlphabetsTopic;
    #[topic(name = "joined", key = String, value = Json<Described>)]
    struct Joined;

    #[derive(Serialize, Deserialize)]
    struct Described {
        abbreviation: String,
        description: String,
    }

    #[ktable(store = "alphabet-store", from = AlphabetsTopic, null_key = skip)]
    struct Alphabets;

    #[processor(from = Words, join = Alphabets, null_key = skip, null_value = skip, to = Joined)]
    fn described(word: String, description: &str) -> Described {
        Described { abbreviation: word, description: description.to_owned() }
    }

    topology!(App = [Alphabets, described]);

    pub fn bind() -> Binding {
        Binding::of(App::topology)
            .reads::<Words>()
            .reads::<AlphabetsTopic>()
            .writes::<Joined>()
            .keeps::<Alphabets>()
    }
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum OrderType {
    General,
    Restaurant,
    Pickup,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderLineItem {
    item: String,
    count: i32,
    #[serde(with = "arbitrary_precision")]
    amount: Decimal,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: i32,
    location_id: String,
    #[serde(with = "arbitrary_precision")]
    final_amount: Decimal,
    order_type: OrderType,
    order_line_items: Vec<OrderLineItem>,
    ordered_date_time: String,
}

#[derive(Clone, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
struct Revenue {
    location_id: String,
    #[serde(with = "arbitrary_precision")]
    final_amount: Decimal,
}

impl From<Order> for Revenue {
    fn from(order: Order) -> Revenue {
        Revenue { location_id: order.location_id, final_amount: order.final_amount }
    }
}

#[derive(Clone, Default, Serialize, Deserialize, DefaultSerde)]
#[serde(rename_all = "camelCase")]
struct TotalRevenue {
    location_id: String,
    running_order_count: i32,
    #[serde(with = "arbitrary_precision")]
    running_revenue: Decimal,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TotalRevenueWithAddress {
    total_revenue: TotalRevenue,
    store: Option<Value>,
}

#[topic(name = "orders", key = Option<String>, value = Option<Json<Order>>)]
struct Orders;

mod app_orders_split {
    use super::*;

    #[topic(name = "general-orders", key = Option<String>, value = Json<Revenue>)]
    struct GeneralOrders;
    #[topic(name = "restaurant-orders", key = Option<String>, value = Json<Revenue>)]
    struct RestaurantOrders;

    #[derive(Branches)]
    enum ByType {
        General(Order),
        Restaurant(Order),
        Neither,
    }

    #[processor(from = Orders, filter_map_values)]
    fn some(order: Option<Order>) -> Option<Order> {
        order
    }

    #[processor(from = some, split)]
    fn by_type(order: Order) -> ByType {
        match order.order_type {
            OrderType::General => ByType::General(order),
            OrderType::Restaurant => ByType::Restaurant(order),
            OrderType::Pickup => ByType::Neither,
        }
    }

    #[processor(from = ByType::General, map_values, to = GeneralOrders)]
    fn general(order: Order) -> Revenue {
        order.into()
    }

    #[processor(from = ByType::Restaurant, map_values, to = RestaurantOrders)]
    fn restaurant(order: Order) -> Revenue {
        order.into()
    }

    topology!(App = [some, by_type, general, restaurant]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Orders>().writes::<GeneralOrders>().writes::<RestaurantOrders>()
    }
}

mod app_orders_windowed {
    use super::*;

    #[topic(name = "stores", key = Option<String>, value = Option<Json<Value>>)]
    struct StoresTopic;
    #[topic(name = "general-count", key = TimeWindowed<String, 15_000>, value = i64)]
    struct GeneralCount;
    #[topic(name = "general-revenue", key = TimeWindowed<String, 15_000>, value = Json<TotalRevenue>)]
    struct GeneralRevenue;
    #[topic(name = "general-revenue-with-address", key = String, value = Json<TotalRevenueWithAddress>)]
    struct GeneralRevenueWithAddress;

    #[processor(from = Orders, filter_map_values)]
    fn general(order: Option<Order>) -> Option<Order> {
        order.filter(|order| order.order_type == OrderType::General)
    }

    #[processor(from = general, map, repartition)]
    fn by_location(order: Order) -> (String, Revenue) {
        (order.location_id.clone(), order.into())
    }

    #[ktable(store = "general-count", from = by_location, count, to = GeneralCount)]
    #[window(tumbling = "15s", grace = "5s", retention = "1d")]
    struct Counts;

    #[ktable(store = "general-revenue", from = by_location, aggregate, to = GeneralRevenue)]
    #[window(tumbling = "15s", grace = "5s", retention = "1d")]
    fn revenue(total: &mut TotalRevenue, location: &str, revenue: &Revenue) {
        total.location_id = location.to_owned();
        total.running_order_count += 1;
        total.running_revenue += revenue.final_amount;
    }

    #[ktable(store = "stores", from = StoresTopic, null_key = skip)]
    struct Stores;

    #[processor(from = revenue, map, repartition)]
    fn by_plain_key(location: Windowed<String>, total: TotalRevenue) -> (String, TotalRevenue) {
        (location.key, total)
    }

    #[processor(from = by_plain_key, left_join = Stores, to = GeneralRevenueWithAddress)]
    fn with_address(total_revenue: TotalRevenue, store: Option<Value>) -> TotalRevenueWithAddress {
        TotalRevenueWithAddress { total_revenue, store }
    }

    topology!(App = [general, by_location, Counts, revenue, Stores, by_plain_key, with_address]);

    pub fn bind() -> Binding {
        Binding::of(App::topology)
            .reads::<Orders>()
            .reads::<StoresTopic>()
            .writes::<GeneralCount>()
            .writes::<GeneralRevenue>()
            .writes::<GeneralRevenueWithAddress>()
            .keeps_windows::<Counts, String>()
            .keeps_windows::<revenue, String>()
    }
}

mod app_word_count {
    use super::*;

    #[topic(name = "lines", key = Option<String>, value = Option<String>)]
    struct Lines;
    #[topic(name = "word-counts", key = String, value = i64)]
    struct WordCounts;

    #[processor(from = Lines, flat_map_values)]
    fn words(line: Option<&str>) -> Vec<String> {
        words_of(line.map(str::to_lowercase).as_deref())
    }

    #[processor(from = words, select_key, repartition)]
    fn by_word(word: &str) -> String {
        word.to_owned()
    }

    #[ktable(store = "word-counts", from = by_word, count, to = WordCounts)]
    struct Counts;

    topology!(App = [words, by_word, Counts]);

    pub fn bind() -> Binding {
        Binding::of(App::topology).reads::<Lines>().writes::<WordCounts>().keeps::<Counts>()
    }
}
