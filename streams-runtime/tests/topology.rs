//! The graph as data: sub-topologies, descriptions, and how many partitions internal topics get.

use expect_test::expect;
use streams_runtime::prelude::*;
use streams_runtime::topology::Plan;

#[topic(name = "orders", key = String, value = String, partitions = 6)]
struct Orders;
#[topic(name = "stores", key = String, value = Option<String>)]
struct StoresTopic;
#[topic(name = "enriched", key = String, value = String)]
struct Enriched;

#[derive(Branches)]
enum Size {
    Large(String),
    Small(String),
}

#[processor(from = Orders, split)]
fn by_size(order: &str) -> Size {
    if order.len() > 10 { Size::Large(order.to_owned()) } else { Size::Small(order.to_owned()) }
}

#[processor(from = Size::Large, select_key, repartition)]
fn by_store(order: &str) -> String {
    order[..1].to_owned()
}

#[ktable(store = "stores-store", from = StoresTopic)]
struct Stores;

#[processor(from = by_store, left_join = Stores, to = Enriched)]
fn with_store(order: &str, store: Option<&str>) -> String {
    format!("{order} {store:?}")
}

#[ktable(store = "small-orders", from = Size::Small, count)]
struct SmallOrders;

topology!(App = [by_size, by_store, Stores, with_store, SmallOrders]);

#[test]
fn description() {
    expect![[r#"
        Topologies:
           Sub-topology: 0
            Source: orders (topics: [orders])
              --> by_size
            Processor: by_size (split) (stores: [])
              --> by_store (branch Large), SmallOrders (branch Small)
              <-- orders
            Processor: by_store (select_key) (stores: [])
              --> by_store-sink-by_store-repartition
              <-- by_size
            Sink: by_store-sink-by_store-repartition (topic: by_store-repartition)
              <-- by_store
            Processor: SmallOrders (count) (stores: [small-orders])
              --> none
              <-- by_size
           Sub-topology: 1
            Source: stores (topics: [stores])
              --> Stores
            Source: by_store-repartition (topics: [by_store-repartition])
              --> with_store
            Processor: Stores (table) (stores: [stores-store])
              --> none
              <-- stores
            Processor: with_store (left_join) (stores: [stores-store])
              --> with_store-sink-enriched
              <-- by_store-repartition
            Sink: with_store-sink-enriched (topic: enriched)
              <-- with_store
    "#]]
    .assert_eq(&App::describe());
}

#[test]
fn mermaid() {
    expect![[r#"
        flowchart LR
          topic_enriched[(enriched)]
          topic_orders[(orders)]
          topic_stores[(stores)]
          topic_by_store_repartition[(by_store-repartition)]
          subgraph sub0["sub-topology 0"]
            by_size["by_size<br/>split"]
            by_store["by_store<br/>select_key"]
            SmallOrders[["SmallOrders<br/>count<br/>store small-orders"]]
          end
          subgraph sub1["sub-topology 1"]
            Stores[["Stores<br/>table<br/>store stores-store"]]
            with_store["with_store<br/>left_join"]
          end
          topic_orders --> by_size
          by_size -->|Large| by_store
          by_store --> topic_by_store_repartition
          topic_stores --> Stores
          topic_by_store_repartition --> with_store
          Stores -.->|left_join| with_store
          with_store --> topic_enriched
          by_size -->|Small| SmallOrders
    "#]]
    .assert_eq(&App::topology().mermaid());
}

/// `stores` is not declared: what the log has decides.
fn plan(stores: Option<u32>, orders: u32) -> Result<Plan, streams_runtime::topology::PlanError> {
    Plan::of(&App::topology(), "shop", move |name, declared| match name {
        "stores" => stores,
        "orders" => Some(orders),
        _ => Some(declared.unwrap_or(1)),
    })
}

#[test]
fn a_repartition_topic_takes_the_count_of_the_topic_it_is_joined_with() {
    let plan = plan(Some(3), 6).unwrap();
    let internal: Vec<_> = plan.internal.iter().map(|t| (t.name.as_str(), t.partitions)).collect();
    assert_eq!(
        internal,
        [
            ("shop-by_store-repartition", 3),
            ("shop-small-orders-changelog", 6),
            ("shop-stores-store-changelog", 3)
        ]
    );
    assert_eq!(plan.subs.iter().map(|sub| sub.tasks).collect::<Vec<_>>(), [6, 3]);
}

#[test]
fn everything_that_does_not_fit_is_said_at_once() {
    let error = plan(None, 4).unwrap_err().to_string();
    expect![[r#"
        the topics do not fit the topology `App`:
          topic `orders` has 4 partitions, but is declared with 6
          topic `stores` does not exist"#]]
    .assert_eq(&error);
}
