//! `#[ktable]`: a step that keeps rows.

use crate::args::{Args, ticks};
use crate::errors::Errors;
use crate::link::Input;
use crate::params::{Params, Takes};
use crate::shape::{Nullable, Returned, nulls, option_of, shown};
use crate::span::{moved, shown_at};
use crate::step::{Item, Output, Policies, Step};
use crate::window::Window;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Type};

const OPERATORS: &[&str] = &["count", "reduce", "aggregate"];
const ARGUMENTS: &[&str] = &[
    "store",
    "from",
    "to",
    "name",
    "key",
    "value",
    "init",
    "retention",
    "error",
    "null_key",
    "null_value",
    "late",
];

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
    let generated = table(&item, window, &mut args, &mut errors).map(|step| step.expand());
    errors.finish(&item, quote!(#used #generated))
}

/// The formats and names of a table.
struct Named {
    store: String,
    store_at: Span,
    key: Option<Type>,
    value: Option<Type>,
    retention: Option<crate::args::Span>,
    init: Option<Type>,
}

fn table<'i>(
    item: &'i Item,
    window: Option<Window>,
    args: &mut Args,
    errors: &mut Errors,
) -> Option<Step<'i>> {
    let name = item.name();
    let word = args.operator(OPERATORS, errors);
    let operator = match (&word, item.function()) {
        (Some(word), _) => word.key.to_string(),
        (None, None) => "table".to_owned(),
        (None, Some(_)) => {
            let words = ticks(&OPERATORS[1..]);
            errors.push(
                name,
                format!("`{name}` does not say how it changes its rows\nhelp: add one of {words}"),
            );
            return None;
        }
    };
    let policies = Policies::take(args, operator == "count", errors);
    let shown_name = args.text("name", errors).map_or_else(|| name.to_string(), |text| text.value());
    let store = args.text("store", errors);
    let named = Named {
        store_at: store.as_ref().map_or(name.span(), |text| text.span()),
        store: store.map_or_else(|| shown_name.clone(), |text| text.value()),
        key: args.link("key", errors),
        value: args.link("value", errors),
        retention: args.duration("retention", errors),
        init: args.link("init", errors),
    };
    let to = args.link("to", errors);
    let Some(links) = args.links("from", errors) else {
        if errors.is_empty() {
            errors.push(name, format!("`{name}` does not say what it reads\nhelp: add `from = MyTopic`"));
        }
        return None;
    };
    let input = Input::of(&links, name);
    lone_arguments(&operator, item, window.as_ref(), &named, &policies, errors);
    let kept = match (operator.as_str(), item.function()) {
        ("table", _) => Kept::topic(),
        ("count", None) => Kept::count(name),
        ("count", Some(function)) => {
            errors.push(
                &function.sig.ident,
                format!("`count` calls nothing\nhelp: write `struct {};`, or use `aggregate`", camel(name)),
            );
            return None;
        }
        (_, Some(function)) => Kept::fold(function, &operator, &named, errors)?,
        (_, None) => {
            errors.push(
                name,
                format!(
                    "`{operator}` calls a function\nhelp: write `fn {}(...)`, or use `count`",
                    snake(name)
                ),
            );
            return None;
        }
    };
    Some(assemble(item, operator, shown_name, input, policies, window, named, kept, to))
}

#[allow(clippy::too_many_arguments)]
fn assemble<'i>(
    item: &'i Item,
    operator: String,
    shown_name: String,
    input: Input,
    policies: Policies,
    window: Option<Window>,
    named: Named,
    kept: Kept,
    to: Option<Type>,
) -> Step<'i> {
    let p = quote!(::streams_runtime::__private);
    let name = item.name();
    let from = quote!(<<Self as #p::Step>::From as #p::Stream>);
    let at = named.store_at;
    let usable = |named: &Option<Type>, otherwise: TokenStream| match named {
        Some(ty) => quote_spanned!(ty.span()=> <#ty as ::streams_runtime::__private::Usable>::Serde),
        None => quote_spanned!(at=> <#otherwise as ::streams_runtime::__private::Usable>::Serde),
    };
    let key_serde = usable(&named.key, quote!(#from::KeySerde));
    let value_serde = usable(&named.value, kept.value_serde.clone());
    let (key, key_serde, wire, rows) = match &window {
        None => (
            quote!(#from::Key),
            key_serde,
            kept.wire.clone(),
            quote!(::std::rc::Rc::new(#p::KeyedRows::<Self>::of(__wiring))),
        ),
        Some(window) => {
            let (ty, size) = (window.ty(), window.size_ms);
            (
                quote!(#p::Windowed<#from::Key>),
                quote!(::streams_runtime::TimeWindowed<#key_serde, #size>),
                quote!(#p::wire_windowed::<Self, #from::Key, #key_serde, #ty>(__wiring);),
                quote!(::std::rc::Rc::new(#p::WindowedRows::<Self, #key_serde, #ty>::of(__wiring))),
            )
        }
    };
    let store = &named.store;
    let retention = match (&window, &named.retention) {
        (Some(window), None) => Some(window.size_ms.saturating_add(window.grace_ms)),
        (_, retention) => retention.as_ref().map(|span| span.ms),
    };
    let retention = match retention {
        Some(ms) => quote!(::core::option::Option::Some(#ms)),
        None => quote!(::core::option::Option::None),
    };
    let table = quote! {
        impl #p::Table for #name {
            const STORE: #p::StoreSpec = #p::StoreSpec {
                name: #store,
                hash: #p::store_hash(#store),
                changelog: true,
                retention_ms: #retention,
            };
            fn rows(
                __wiring: &mut #p::Wiring,
            ) -> ::std::rc::Rc<dyn #p::Rows<<Self as #p::Stream>::Key, <Self as #p::Stream>::Value>> {
                #rows
            }
        }
    };
    let checks = checks(name, &operator, &input, &policies);
    let output = Output {
        key,
        key_nulls: nulls(false),
        value: kept.value,
        value_nulls: kept.value_nulls,
        key_serde,
        value_serde,
        kind: quote!(#p::Kind::Table),
        rekeyed: false,
    };
    let runs = kept.runs;
    Step {
        item,
        shown_name,
        operator,
        input,
        policies,
        output,
        repartition: None,
        to,
        join: None,
        store: Some(quote!(#store)),
        branches: false,
        runs: quote!(#runs #table),
        wire,
        checks,
    }
}

/// Arguments that mean nothing where they stand.
fn lone_arguments(
    operator: &str,
    item: &Item,
    window: Option<&Window>,
    named: &Named,
    policies: &Policies,
    errors: &mut Errors,
) {
    if operator == "table" && window.is_some() {
        let name = item.name();
        errors.push(name, format!("`{name}` is read as it is, so it has no windows\nhelp: remove `#[window]`, or aggregate with `count`"));
    }
    if let (Some(retention), None) = (&named.retention, window) {
        errors.push(&retention.text, "`retention` says how long windows are kept, and this table has none\nhelp: remove it, or add `#[window(tumbling = \"15s\")]`");
    }
    if let (Some(retention), Some(window)) = (&named.retention, window)
        && retention.ms < window.size_ms + window.grace_ms
    {
        errors.push(
            &retention.text,
            format!(
                "a retention of `{}` is shorter than window and grace together ({} ms)\nhelp: keep windows at least until they are closed",
                retention.text.value(),
                window.size_ms + window.grace_ms
            ),
        );
    }
    if let (Some(late), None) = (policies.late(), window) {
        errors.push(late, "`late` is about windows, and this table has none\nhelp: remove it, or add `#[window(tumbling = \"15s\")]`");
    }
    if let (Some(init), true) = (&named.init, operator != "aggregate") {
        errors.push(
            init,
            format!(
                "`init` is the first value of an `aggregate`, and this is a `{operator}`\nhelp: remove it"
            ),
        );
    }
    let fallible = item.function().is_some_and(|function| Returned::of(function).fallible);
    if let (Some(error), false) = (policies.error(), fallible) {
        let name = item.name();
        errors.push(error, format!("`{name}` cannot fail, so there is no `error` to decide\nhelp: return a `Result`, or remove `error`"));
    }
}

fn checks(name: &Ident, operator: &str, input: &Input, policies: &Policies) -> TokenStream {
    let (at, here) = (input.span, moved(name, input.span));
    let mut checks = quote_spanned!(at=> const _: () = ::streams_runtime::__private::needs_key::<#here>(););
    checks.extend(quote_spanned!(at=> const _: () = ::streams_runtime::__private::table_source::<#here>();));
    if operator == "count" && !policies.keep_nulls {
        checks.extend(
            quote_spanned!(at=> const _: () = ::streams_runtime::__private::counts_nulls::<#here>();),
        );
    }
    checks
}

fn camel(name: &Ident) -> String {
    name.to_string()
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect::<String>())
                .unwrap_or_default()
        })
        .collect()
}

fn snake(name: &Ident) -> String {
    let mut snake = String::new();
    for letter in name.to_string().chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// What an operator keeps.
struct Kept {
    value: TokenStream,
    value_nulls: TokenStream,
    value_serde: TokenStream,
    runs: TokenStream,
    wire: TokenStream,
}

impl Kept {
    /// The records as they are.
    fn topic() -> Kept {
        let p = quote!(::streams_runtime::__private);
        Kept {
            value: quote!(<<Self as #p::Step>::From as #p::Stream>::Value),
            value_nulls: quote!(<Self as #p::Step>::ValueIn),
            value_serde: quote!(<<Self as #p::Step>::From as #p::Stream>::ValueSerde),
            runs: TokenStream::new(),
            wire: quote!(#p::wire_table::<Self>(__wiring);),
        }
    }

    fn count(name: &Ident) -> Kept {
        let p = quote!(::streams_runtime::__private);
        let runs = fold_impl(
            name,
            &quote!(::core::primitive::i64),
            false,
            quote! {
                *__row = ::core::option::Option::Some(match __row {
                    ::core::option::Option::Some(__count) => *__count + 1,
                    ::core::option::Option::None => 1,
                });
            },
        );
        Kept {
            value: quote!(::core::primitive::i64),
            value_nulls: nulls(false),
            value_serde: quote!(::core::primitive::i64),
            runs,
            wire: quote!(#p::wire_aggregate::<Self>(__wiring);),
        }
    }

    fn fold(function: &ItemFn, operator: &str, named: &Named, errors: &mut Errors) -> Option<Kept> {
        let p = quote!(::streams_runtime::__private);
        let name = &function.sig.ident;
        let params = Params::of(function, Takes::State, operator, errors)?;
        let returned = Returned::of(function);
        if let Some(ty) = &returned.ty {
            errors.push(
                ty,
                format!("`{operator}` changes the row in place and returns nothing, not `{}`\nhelp: change `*row` through the first parameter", returned.shown()),
            );
            return None;
        }
        let state = params.state?;
        let row = match state {
            Type::Reference(reference) if reference.mutability.is_some() => &*reference.elem,
            other => {
                let bare = match other {
                    Type::Reference(reference) => &*reference.elem,
                    other => other,
                };
                errors.push(
                    other,
                    format!(
                        "the first parameter is the row and is changed in place\nhelp: write `&mut {}`",
                        shown(bare)
                    ),
                );
                return None;
            }
        };
        let row = Nullable { ty: option_of(row).unwrap_or(row).clone(), nullable: option_of(row).is_some() };
        let arguments = params.arguments(quote!(join));
        let ty = &row.ty;
        let call = |state: TokenStream| {
            let call = quote_spanned!(shown_at(name)=> #name(#state, #arguments));
            match returned.fallible {
                true => quote! {
                    if let ::core::result::Result::Err(__error) = #call {
                        return ::core::result::Result::Err(#p::user_error(__error));
                    }
                },
                false => quote!(#call;),
            }
        };
        let body = match (operator, row.nullable) {
            ("reduce", nullable) => {
                let change = call(if nullable { quote!(__row) } else { quote!(__all) });
                quote! {
                    match __row {
                        // As in Kafka Streams, the function is not called for the first value.
                        ::core::option::Option::None => *__row = __value.take(),
                        ::core::option::Option::Some(__all) => { #change }
                    }
                }
            }
            (_, true) => {
                let init = named.init.as_ref().map(|init| quote! {
                    if ::core::option::Option::is_none(__row) { *__row = ::core::option::Option::Some(#init()); }
                });
                let change = call(quote!(__row));
                quote!(#init #change)
            }
            (_, false) => {
                let init = match &named.init {
                    Some(init) => quote_spanned!(init.span()=> #init()),
                    None => quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default()),
                };
                let change = call(quote!(__all));
                quote! {
                    let __all = ::core::option::Option::get_or_insert_with(__row, || #init);
                    #change
                }
            }
        };
        let runs = fold_impl(name, &quote!(#ty), returned.fallible, body);
        let value_serde = quote_spanned!(ty.span()=> ::streams_runtime::ByType<#ty>);
        Some(Kept {
            value: quote!(#ty),
            value_nulls: row.nulls(),
            value_serde,
            runs,
            wire: quote!(#p::wire_aggregate::<Self>(__wiring);),
        })
    }
}

fn fold_impl(name: &Ident, row: &TokenStream, fallible: bool, body: TokenStream) -> TokenStream {
    let p = quote!(::streams_runtime::__private);
    quote! {
        impl #p::Fold for #name {
            type Row = #row;
            const FALLIBLE: ::core::primitive::bool = #fallible;
            #[inline]
            fn fold(
                __row: &mut ::core::option::Option<#row>,
                __key: &mut #p::KeySlot<'_, #p::KeyIn<Self>>,
                __value: &mut #p::Slot<'_, #p::ValueIn<Self>>,
                __cx: &#p::Context<'_>,
            ) -> ::core::result::Result<(), #p::UserError> {
                #body
                ::core::result::Result::Ok(())
            }
        }
    }
}
