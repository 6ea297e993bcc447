//! `#[ktable]`: a step that makes a table.
//!
//! Knows the attribute, stores and windows; what the rows are is a matter of `fold`.

use crate::args::Args;
use crate::errors::Errors;
use crate::fold::Kept;
use crate::format::Format;
use crate::item::Item;
use crate::link::Input;
use crate::params::Takes;
use crate::policies::Policies;
use crate::shape::{Returned, nulls};
use crate::span::check;
use crate::step::{Output, Step};
use crate::window::Window;
use crate::words::{camel, kebab, nearest, snake, ticks};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{ItemFn, Type};

const OPERATORS: &[&str] = &["count", "reduce", "aggregate"];
const ARGUMENTS: &[&str] =
    &["store", "from", "to", "name", "key", "value", "init", "error", "null_key", "null_value", "late"];

/// Expands `#[ktable]`.
pub fn expand(attribute: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut args = Args::parse(attribute, "ktable", ARGUMENTS, OPERATORS, &mut errors);
    let Some(mut item) = Item::parse(tokens.clone(), "ktable", &mut errors) else {
        return errors.finish(tokens, TokenStream::new());
    };
    item.check_signature(&mut errors);
    let window = Window::take(item.attributes(), &mut errors);
    let used = window.as_ref().map(|window| window.used.clone());
    let generated = table(&item, window, &mut args, &mut errors).expand();
    errors.finish(&item, quote!(#used #generated))
}

/// What keeps the rows: a name, and the formats of key and row.
struct Store {
    name: String,
    at: TokenStream,
    key: Option<Type>,
    value: Option<Type>,
}

fn table<'i>(item: &'i Item, window: Option<Window>, args: &mut Args, errors: &mut Errors) -> Step<'i> {
    let name = item.name();
    let operator = operator(item, args, errors);
    let policies = Policies::take(args, operator == "count", errors);
    let shown_name = args.text("name", errors).map_or_else(|| name.to_string(), |text| text.value());
    let store = store(name, &operator, args, errors);
    let init = args.link("init", errors);
    let to = args.link("to", errors);
    let input = Input::take(args, item, Takes::of(&operator), errors);
    lone_arguments(&operator, item, window.as_ref(), init.as_ref(), &policies, errors);
    let kept = match (operator.as_str(), item.function()) {
        ("table", _) => Kept::records(name, store.is_some()),
        ("count", None) => Kept::count(name),
        ("count", Some(function)) => {
            let unit = camel(&name.to_string());
            errors.push(
                &function.sig.ident,
                format!(
                    "`count` calls nothing, and `{name}` is a function\nhelp: write `struct {unit};`, or use `aggregate`"
                ),
            );
            Kept::count(name)
        }
        (_, Some(function)) => {
            Kept::fold(function, &operator, init.as_ref(), errors).unwrap_or_else(Kept::guessed)
        }
        (_, None) => {
            let function = snake(&name.to_string());
            errors.push(
                name,
                format!(
                    "`{operator}` calls a function, and `{name}` is a struct\nhelp: write `fn {function}(...)` below the attribute, or use `count`"
                ),
            );
            Kept::guessed()
        }
    };
    let broken = !errors.is_empty();
    let rows = Rows::of(name, window.as_ref(), store.as_ref(), &kept);
    let mut checks = checks(name, &operator, &input, &policies);
    checks.extend([kept.checks, rows.checks]);
    let runs = kept.runs;
    Step {
        item,
        shown_name,
        operator,
        input,
        policies,
        output: rows.output,
        repartition: None,
        to: to.filter(|_| !broken),
        join: None,
        store: store.map(|store| store.name),
        table: rows.table,
        aliases: rows.aliases,
        branches: false,
        runs,
        wire: rows.wire,
        checks,
        broken,
    }
}

/// The operator; no word means the records as they are.
fn operator(item: &Item, args: &mut Args, errors: &mut Errors) -> String {
    let name = item.name();
    match (args.operator(OPERATORS, errors), item.function()) {
        (Some(word), _) => word.key.to_string(),
        (None, function) if !errors.is_empty() => {
            let meant = args.unknown.as_ref().map(ToString::to_string);
            let meant = meant.and_then(|word| nearest(&word, OPERATORS.iter().copied()));
            meant.unwrap_or(if function.is_some() { "aggregate" } else { "table" }).to_owned()
        }
        (None, None) => "table".to_owned(),
        (None, Some(_)) => {
            let words = ticks(&OPERATORS[1..]);
            errors.push(
                name,
                format!("`{name}` does not say how it changes its rows\nhelp: add one of {words}"),
            );
            "aggregate".to_owned()
        }
    }
}

/// `store`, with the formats that make sense only with it. What aggregates without one is told to name it, and goes
/// on with a name of its own.
fn store(name: &Ident, operator: &str, args: &mut Args, errors: &mut Errors) -> Option<Store> {
    let given = args.has("store");
    let text = args.text("store", errors);
    let (key, value) = (args.link("key", errors), args.link("value", errors));
    let kebab = kebab(&name.to_string());
    match (text, operator) {
        (Some(text), _) => Some(Store { at: text.to_token_stream(), name: text.value(), key, value }),
        (None, "table") if !given => {
            for (word, format) in [("key", key), ("value", value)] {
                let Some(format) = format else { continue };
                errors.push(
                    &format,
                    format!(
                        "`{word}` is the format of kept rows, and `{name}` keeps none\nhelp: add `store = \"{kebab}\"`, or remove `{word}`"
                    ),
                );
            }
            None
        }
        (None, _) => {
            if !given {
                errors.push(
                    name,
                    format!(
                        "`{operator}` keeps rows, so `{name}` needs a store\nhelp: add `store = \"{kebab}\"`, which names it and its changelog"
                    ),
                );
            }
            Some(Store { at: name.to_token_stream(), name: kebab, key, value })
        }
    }
}

/// What a table emits, how it is connected, and `impl Table` if it has rows.
struct Rows {
    output: Output,
    wire: TokenStream,
    table: TokenStream,
    aliases: TokenStream,
    checks: TokenStream,
}

impl Rows {
    fn of(name: &Ident, window: Option<&Window>, store: Option<&Store>, kept: &Kept) -> Rows {
        let from = quote!(<__From as ::streams_runtime::__private::Stream>);
        match store {
            Some(store) => Rows::kept(name, window, store, kept),
            None => Rows {
                output: Rows::output(
                    kept,
                    quote!(#from::Key),
                    quote!(#from::KeySerde),
                    kept.value_serde.clone(),
                ),
                wire: kept.wire.clone(),
                table: TokenStream::new(),
                aliases: TokenStream::new(),
                checks: TokenStream::new(),
            },
        }
    }

    fn output(kept: &Kept, key: TokenStream, key_serde: TokenStream, value_serde: TokenStream) -> Output {
        Output {
            key,
            key_nulls: nulls(false),
            value: kept.value.clone(),
            value_nulls: kept.value_nulls.clone(),
            key_serde,
            value_serde,
            kind: quote!(::streams_runtime::__private::Kind::Table),
            rekeyed: false,
            window_ms: None,
        }
    }

    fn kept(name: &Ident, window: Option<&Window>, store: &Store, kept: &Kept) -> Rows {
        let p = quote!(::streams_runtime::__private);
        let from = quote!(<__From as #p::Stream>);
        let Store { name: store, at, key, value } = store;
        let windows = key.as_ref().map(Format::keeps_windows);
        let key = Format::needed(key.as_ref(), &quote!(#from::KeySerde), &quote!(#from::Key), at, "Key");
        let value = Format::needed(value.as_ref(), &kept.value_serde, &kept.value, at, "Value");
        let (key_serde, value_serde) = (&key.ty, &value.ty);
        let (output, wire, rows, retention) = match window {
            None => (
                Rows::output(kept, quote!(#from::Key), key_serde.clone(), value_serde.clone()),
                kept.wire.clone(),
                quote!(::std::rc::Rc::new(#p::KeyedRows::<Self>::of(__wiring))),
                quote!(::core::option::Option::None),
            ),
            Some(window) => {
                let (ty, size, retention) = (window.ty(), window.size_ms, window.retention_ms);
                let format = quote!(::streams_runtime::TimeWindowed<#key_serde, #size>);
                let output =
                    Rows::output(kept, quote!(#p::Windowed<#from::Key>), format, value_serde.clone());
                (
                    Output { window_ms: Some(size), ..output },
                    quote_spanned!(kept.row_at=> #p::wire_windowed::<Self, #from::Key, #key_serde, #ty>(__wiring);),
                    quote!(::std::rc::Rc::new(#p::WindowedRows::<Self, #key_serde, #ty>::of(__wiring))),
                    quote!(::core::option::Option::Some(#retention)),
                )
            }
        };
        let table = quote! {
            impl #p::Table for #name {
                const STORE: #p::StoreSpec = #p::StoreSpec::of::<
                    <Self as #p::Stream>::KeySerde,
                    <Self as #p::Stream>::ValueSerde,
                >(#store, #retention);
                fn rows(
                    __wiring: &mut #p::Wiring,
                ) -> ::std::rc::Rc<dyn #p::Rows<<Self as #p::Stream>::Key, <Self as #p::Stream>::Value>> {
                    #rows
                }
            }
        };
        Rows {
            output,
            wire,
            table,
            aliases: key.items.into_iter().chain(value.items).collect(),
            checks: key.checks.into_iter().chain(value.checks).chain(windows.unwrap_or_default()).collect(),
        }
    }
}

/// Arguments that mean nothing where they stand.
fn lone_arguments(
    operator: &str,
    item: &Item,
    window: Option<&Window>,
    init: Option<&Type>,
    policies: &Policies,
    errors: &mut Errors,
) {
    if operator == "table" && window.is_some() && errors.is_empty() {
        let name = item.name();
        errors.push(name, format!("`{name}` is read as it is, so it has no windows\nhelp: remove `#[window]`, or aggregate with `count`"));
    }
    if let (Some(late), None) = (policies.late(), window) {
        errors.push(late, "`late` is about windows, and this table has none\nhelp: remove it, or add `#[window(tumbling = \"15s\", grace = \"0s\")]`");
    }
    if let (Some(init), true) = (init, operator != "aggregate") {
        let what =
            if operator == "table" { "this reads rows as they are" } else { "this is another operator" };
        errors.push(init, format!("`init` is the first row of an `aggregate`, and {what}\nhelp: remove it"));
    }
    let fallible = |function: &ItemFn| Returned::of(function).fallible;
    policies.check_error(item, item.function().is_some_and(fallible), errors);
}

fn checks(name: &Ident, operator: &str, input: &Input, policies: &Policies) -> TokenStream {
    let p = quote!(::streams_runtime::__private);
    let mut checks = vec![quote!(#p::needs_key::<#name>())];
    checks.push(match operator {
        "table" => quote!(#p::decides_deletes::<#name>()),
        _ => quote!(#p::table_source::<#name>()),
    });
    if operator == "count" && !policies.keep_nulls {
        checks.push(quote!(#p::counts_nulls::<#name>()));
    }
    checks.into_iter().map(|call| check(call, &input.at)).collect()
}
