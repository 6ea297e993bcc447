//! What each kind of item expands to, as formatted files in `snapshots/`; `UPDATE_EXPECT=1` accepts a change.

use crate::{branches, ktable, processor, topic, topology};
use expect_test::expect_file;
use proc_macro2::TokenStream;
use quote::quote;
use syn::visit_mut::VisitMut;

/// Expansions by name; all of them without an error.
fn expansions() -> Vec<(&'static str, TokenStream)> {
    vec![
        (
            "topic",
            topic::expand(
                quote!(name = "orders", key = String, value = Option<Json<Order>>, partitions = 4, timestamp = ordered_at),
                quote!(
                    pub struct Orders;
                ),
            ),
        ),
        (
            "filter",
            processor::expand(
                quote!(from = Orders, filter, null_value = skip),
                quote!(
                    fn paid(order: &Order) -> bool {
                        order.amount > 0
                    }
                ),
            ),
        ),
        (
            "map_repartition",
            processor::expand(
                quote!(from = [paid, crate::others::paid], map, repartition(partitions = 8, value = Json<Order>), error = skip),
                quote!(
                    pub fn by_size(key: &str, order: Order) -> Result<(u64, Order), Error> {
                        Ok((order.amount, order))
                    }
                ),
            ),
        ),
        (
            "join",
            processor::expand(
                quote!(from = Orders, left_join = Users, to = Named),
                quote!(
                    fn named(order: &Order, user: Option<&User>, at: Timestamp) -> Option<Line> {
                        None
                    }
                ),
            ),
        ),
        (
            "split",
            processor::expand(
                quote!(from = BySource::Shop, split),
                quote!(
                    fn by_size(order: Order) -> BySize {
                        BySize::Large(order)
                    }
                ),
            ),
        ),
        (
            "branches",
            branches::expand(quote!(
                enum BySize {
                    Small(Option<Order>),
                    Large(Order),
                    Ignored,
                }
            )),
        ),
        (
            "count",
            ktable::expand(
                quote!(store = "counts", from = Orders, count, null_value = keep, to = Counts),
                quote!(
                    struct PerUser;
                ),
            ),
        ),
        (
            "windowed_aggregate",
            ktable::expand(
                quote!(store = "sums", from = Orders, aggregate, init = ten, late = fail),
                quote!(
                    #[window(tumbling = "15s", grace = "5s")]
                    fn sum(sum: &mut Sum, key: &str, order: &Order) {}
                ),
            ),
        ),
        ("topology", topology::expand(quote!(pub App = [paid, crate::tables::PerUser]))),
    ]
}

#[test]
fn every_kind_of_item_expands_as_recorded() {
    for (name, tokens) in expansions() {
        let file = syn::parse2(tokens).unwrap_or_else(|error| panic!("`{name}` is not Rust: {error}"));
        let path = format!("{}/snapshots/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        expect_file![path].assert_eq(&prettyplease::unparse(&file));
    }
}

/// Paths of the user in the items above.
const USERS: &[&str] = &[
    "Orders",
    "Order",
    "Json",
    "String",
    "Option",
    "Error",
    "Result",
    "Ok",
    "None",
    "Users",
    "User",
    "Named",
    "Line",
    "Timestamp",
    "BySource",
    "BySize",
    "PerUser",
    "Counts",
    "Sum",
    "Small",
    "Large",
    "Ignored",
    "App",
    "crate",
];

/// Collects paths that start with a name nobody in scope need have: not `::`, not the user's, not generated.
struct Relative(Vec<String>);

impl VisitMut for Relative {
    // `clippy::all` is no path of an item.
    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}

    // The only functions outside of an `impl` are the user's.
    fn visit_item_fn_mut(&mut self, _: &mut syn::ItemFn) {}

    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        let first = path.segments[0].ident.to_string();
        // A single lower-case word is a local, a function or a module of the user, unless the language knows it.
        let own = first.starts_with("__") || first == "Self" || USERS.contains(&first.as_str());
        let primitive = matches!(first.as_str(), "str" | "bool" | "usize" | "u32" | "i64");
        let local = path.segments.len() == 1 && first.starts_with(char::is_lowercase) && !primitive;
        if path.leading_colon.is_none() && !own && !local {
            self.0.push(quote!(#path).to_string());
        }
        syn::visit_mut::visit_path_mut(self, path);
    }
}

#[test]
fn every_generated_path_is_absolute() {
    for (name, tokens) in expansions() {
        let mut found = Relative(Vec::new());
        found.visit_file_mut(&mut syn::parse2(tokens).expect("expansions are Rust"));
        assert!(found.0.is_empty(), "`{name}` names {:?}, which need not be in scope", found.0);
    }
}

#[test]
fn no_expansion_names_an_error() {
    for (name, tokens) in expansions() {
        assert!(!tokens.to_string().contains("compile_error"), "`{name}` has an error");
    }
}
