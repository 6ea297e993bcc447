//! `#[processor]`: a step that makes a stream.

use crate::args::{Args, ticks};
use crate::errors::Errors;
use crate::link::Input;
use crate::params::{Params, Takes};
use crate::shape::{Nullable, Returned, items_of, option_of, pair_of};
use crate::span::{moved, shown_at};
use crate::step::{Item, Output, Policies, Repartition, Step};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Type};

const OPERATORS: &[&str] = &[
    "filter",
    "filter_not",
    "map",
    "map_values",
    "flat_map",
    "flat_map_values",
    "filter_map",
    "filter_map_values",
    "select_key",
    "peek",
    "for_each",
    "split",
    "merge",
    "join",
    "left_join",
];

const ARGUMENTS: &[&str] = &["from", "to", "name", "repartition", "error", "null_key", "null_value"];

/// Expands `#[processor]`.
pub fn expand(attribute: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut args = Args::parse(attribute, "processor", ARGUMENTS, OPERATORS, &mut errors);
    let Some(item) = Item::parse(tokens.clone(), "processor", &mut errors) else {
        return errors.finish(tokens, TokenStream::new());
    };
    item.check_signature(&mut errors);
    let generated = step(&item, &mut args, &mut errors).map(|step| step.expand());
    errors.finish(&item, generated)
}

fn step<'i>(item: &'i Item, args: &mut Args, errors: &mut Errors) -> Option<Step<'i>> {
    let name = item.name();
    let joined = ["join", "left_join"]
        .into_iter()
        .find_map(|word| args.has(word).then(|| (word, args.link(word, errors))));
    let word = args.operator(OPERATORS, errors);
    let operator = match (&joined, &word) {
        (Some((join, _)), Some(second)) => {
            errors.push(
                &second.key,
                format!("a step does one thing: `{join}` or `{}`\nhelp: put the other one on a function of its own", second.key),
            );
            (*join).to_owned()
        }
        (Some((join, _)), None) => (*join).to_owned(),
        (None, Some(word)) => word.key.to_string(),
        (None, None) if item.function().is_none() => "merge".to_owned(),
        (None, None) => {
            let words = ticks(OPERATORS);
            errors.push(name, format!("`{name}` does not say what it does\nhelp: add one of {words}"));
            return None;
        }
    };
    let policies = Policies::take(args, false, errors);
    let repartition = Repartition::take(args, errors);
    let to = args.link("to", errors);
    let shown_name = args.text("name", errors).map_or_else(|| name.to_string(), |text| text.value());
    let links = args.links("from", errors);
    let Some(links) = links else {
        if errors.is_empty() {
            errors.push(name, format!("`{name}` does not say what it reads\nhelp: add `from = MyTopic`"));
        }
        return None;
    };
    let input = Input::of(&links, name);
    let join = match joined {
        Some((_, None)) => return None,
        Some((_, table)) => table,
        None => None,
    };
    let made = match item.function() {
        Some(function) if operator == "merge" => {
            errors.push(
                &function.sig.ident,
                format!("`merge` calls nothing\nhelp: write `struct {name};`, or another operator for the function"),
            );
            return None;
        }
        Some(function) => Made::of(function, &operator, join.as_ref(), errors)?,
        None if operator == "merge" => Made::pass_on(name),
        None => {
            errors
                .push(name, format!("`{operator}` calls a function\nhelp: write `fn {}(...)`", snake(name)));
            return None;
        }
    };
    if let (Some(word), None) = (policies.error(), item.function()) {
        errors.push(word, "`error` is about a function, and this step has none\nhelp: remove it");
    }
    if !made.fallible
        && let (Some(word), Some(_)) = (policies.error(), item.function())
    {
        errors.push(word, format!("`{name}` cannot fail, so there is no `error` to decide\nhelp: return a `Result`, or remove `error`"));
    }
    let mut output = made.output;
    let mut checks = made.checks;
    if let Some(repartition) = &repartition {
        through_topic(&mut output, repartition);
        let at = repartition.word.span();
        let step = moved(name, at);
        checks.extend(
            quote_spanned!(at=> const _: () = ::streams_runtime::__private::repartitions::<#step>();),
        );
    }
    Some(Step {
        item,
        shown_name,
        branches: operator == "split",
        operator,
        input,
        policies,
        output,
        repartition,
        to,
        join,
        store: None,
        runs: made.runs,
        wire: made.wire,
        checks,
    })
}

/// Behind an internal topic both formats must be known, so they are named here once: `Usable` is a projection that
/// fails where it stands, and everything behind it stays quiet.
fn through_topic(output: &mut Output, repartition: &Repartition) {
    let at = repartition.word.span();
    let usable = |named: &Option<Type>, inherited: &TokenStream| match named {
        Some(ty) => quote_spanned!(ty.span()=> <#ty as ::streams_runtime::__private::Usable>::Serde),
        None => {
            // Only the projection gets the user's span; the type inside keeps its own.
            let inherited = inherited.clone();
            quote_spanned!(at=> <#inherited as ::streams_runtime::__private::Usable>::Serde)
        }
    };
    output.key_serde = usable(&repartition.key, &output.key_serde);
    output.value_serde = usable(&repartition.value, &output.value_serde);
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

/// What an operator makes of its function.
struct Made {
    output: Output,
    runs: TokenStream,
    wire: TokenStream,
    checks: TokenStream,
    fallible: bool,
}

impl Made {
    /// A unit struct that passes its records on.
    fn pass_on(name: &Ident) -> Made {
        let p = quote!(::streams_runtime::__private);
        Made {
            output: Output::unchanged(),
            runs: quote! {
                impl #p::Run for #name {
                    type Out = ();
                    fn run(
                        _: &mut #p::KeySlot<'_, #p::KeyIn<Self>>,
                        _: &mut #p::Slot<'_, #p::ValueIn<Self>>,
                        _: &#p::Context<'_>,
                    ) -> ::core::result::Result<(), #p::UserError> {
                        ::core::result::Result::Ok(())
                    }
                }
            },
            wire: quote!(#p::wire_peek::<Self>(__wiring);),
            checks: TokenStream::new(),
            fallible: false,
        }
    }

    fn of(function: &ItemFn, operator: &str, join: Option<&Type>, errors: &mut Errors) -> Option<Made> {
        let takes = if join.is_some() { Takes::Row } else { Takes::Record };
        let params = Params::of(function, takes, operator, errors);
        let returned = Returned::of(function);
        let made = Call { function, operator, returned: &returned, params: params.as_ref() };
        let result = match operator {
            "filter" | "filter_not" => made.filter(errors),
            "peek" | "for_each" => made.peek(errors),
            "map_values" => made.map_values(errors),
            "filter_map_values" => made.filter_map_values(errors),
            "map" => made.map(errors),
            "filter_map" => made.filter_map(errors),
            "select_key" => made.select_key(errors),
            "split" => made.split(errors),
            "flat_map_values" => made.flat_map_values(errors),
            "flat_map" => made.flat_map(errors),
            _ => made.join(join?, errors),
        };
        params.is_some().then_some(result).flatten()
    }
}

/// One annotated function under one operator.
struct Call<'a> {
    function: &'a ItemFn,
    operator: &'a str,
    returned: &'a Returned,
    params: Option<&'a Params<'a>>,
}

impl Call<'_> {
    /// The return type does not fit the operator.
    fn refuse(&self, takes: &str, help: &str, errors: &mut Errors) -> Option<Made> {
        let message =
            format!("`{}` returns {takes}, not `{}`\nhelp: {help}", self.operator, self.returned.shown());
        match &self.returned.ty {
            Some(ty) => errors.push(ty, message),
            None => errors.push(&self.function.sig.ident, message),
        }
        None
    }

    /// The call itself, its `Result` taken off.
    fn call(&self, on_error: TokenStream) -> TokenStream {
        let name = &self.function.sig.ident;
        let join = format_ident!("{}", if self.operator == "left_join" { "left_join" } else { "join" });
        let arguments = self.params.map(|params| params.arguments(quote!(#join)));
        let call = quote_spanned!(shown_at(name)=> #name(#arguments));
        match self.returned.fallible {
            true => quote! {
                match #call {
                    ::core::result::Result::Ok(__ok) => __ok,
                    ::core::result::Result::Err(__error) => return ::core::result::Result::Err(#on_error),
                }
            },
            false => call,
        }
    }

    fn user_error() -> TokenStream {
        quote!(::streams_runtime::__private::user_error(__error))
    }

    /// `impl Run` with `out` and what is made of the call.
    fn run(&self, out: TokenStream, made: impl FnOnce(TokenStream) -> TokenStream) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let name = &self.function.sig.ident;
        let body = made(self.call(Self::user_error()));
        quote! {
            impl #p::Run for #name {
                type Out = #out;
                #[inline]
                fn run(
                    __key: &mut #p::KeySlot<'_, #p::KeyIn<Self>>,
                    __value: &mut #p::Slot<'_, #p::ValueIn<Self>>,
                    __cx: &#p::Context<'_>,
                ) -> ::core::result::Result<#out, #p::UserError> {
                    ::core::result::Result::Ok(#body)
                }
            }
        }
    }

    fn made(&self, output: Output, runs: TokenStream, wire: &str) -> Option<Made> {
        let wire = format_ident!("{wire}");
        Some(Made {
            output,
            runs,
            wire: quote!(::streams_runtime::__private::#wire::<Self>(__wiring);),
            checks: TokenStream::new(),
            fallible: self.returned.fallible,
        })
    }

    fn filter(&self, errors: &mut Errors) -> Option<Made> {
        let is_bool = matches!(&self.returned.ty, Some(Type::Path(path)) if path.path.segments.last().is_some_and(|s| s.ident == "bool"));
        if !is_bool {
            return self.refuse(
                "`bool`",
                "to change the value as well, use `filter_map_values` and return `Option<V>`",
                errors,
            );
        }
        let not = (self.operator == "filter_not").then(|| quote!(!));
        let runs = self.run(quote!(::core::primitive::bool), |call| quote!(#not #call));
        self.made(Output::unchanged(), runs, "wire_filter")
    }

    fn peek(&self, errors: &mut Errors) -> Option<Made> {
        if self.returned.ty.is_some() {
            return self.refuse("nothing", "to change the value, use `map_values`", errors);
        }
        let runs = self.run(quote!(()), |call| quote!({ #call; }));
        self.made(Output::unchanged(), runs, "wire_peek")
    }

    fn map_values(&self, errors: &mut Errors) -> Option<Made> {
        let Some(ty) = &self.returned.ty else {
            return self.refuse("the new value", "to only look at records, use `peek`", errors);
        };
        let value = self.owned(ty, errors)?;
        let inner = &value.ty;
        let runs = self.run(quote!(::core::option::Option<#inner>), |call| value.wrap(call));
        self.made(Output::unchanged().with_value(&value), runs, "wire_map_values")
    }

    fn filter_map_values(&self, errors: &mut Errors) -> Option<Made> {
        let Some(ty) = self.returned.ty.as_ref().and_then(option_of) else {
            return self.refuse("`Option<V>`", "return `None` to drop a record, or use `map_values`", errors);
        };
        let value = self.owned(ty, errors)?;
        let inner = &value.ty;
        let out = quote!(::core::option::Option<::core::option::Option<#inner>>);
        let runs = self.run(out, |call| match value.nullable {
            true => call,
            false => quote!(::core::option::Option::map(#call, ::core::option::Option::Some)),
        });
        self.made(Output::unchanged().with_value(&value), runs, "wire_filter_map_values")
    }

    fn pair(&self, ty: Option<&Type>, errors: &mut Errors) -> Option<(Nullable, Nullable)> {
        let (key, value) = ty.and_then(pair_of)?;
        Some((self.owned(key, errors)?, self.owned(value, errors)?))
    }

    fn map(&self, errors: &mut Errors) -> Option<Made> {
        if self.returned.ty.as_ref().and_then(pair_of).is_none() {
            return self.refuse(
                "`(K, V)`",
                "to keep the key, use `map_values`; to keep the value, use `select_key`",
                errors,
            );
        }
        let (key, value) = self.pair(self.returned.ty.as_ref(), errors)?;
        let (k, v) = (&key.ty, &value.ty);
        let (wrapped_key, wrapped_value) = (key.wrap(quote!(__k)), value.wrap(quote!(__v)));
        let out = quote!((::core::option::Option<#k>, ::core::option::Option<#v>));
        let runs = self.run(out, |call| quote!({ let (__k, __v) = #call; (#wrapped_key, #wrapped_value) }));
        self.made(Output::unchanged().with_value(&value).with_key(&key), runs, "wire_map")
    }

    fn filter_map(&self, errors: &mut Errors) -> Option<Made> {
        let inner = self.returned.ty.as_ref().and_then(option_of);
        if inner.and_then(pair_of).is_none() {
            return self.refuse("`Option<(K, V)>`", "to keep the key, use `filter_map_values`", errors);
        }
        let (key, value) = self.pair(inner, errors)?;
        let (k, v) = (&key.ty, &value.ty);
        let (wrapped_key, wrapped_value) = (key.wrap(quote!(__k)), value.wrap(quote!(__v)));
        let out = quote!(::core::option::Option<(::core::option::Option<#k>, ::core::option::Option<#v>)>);
        let runs = self.run(out, |call| {
            quote! {
                match #call {
                    ::core::option::Option::Some((__k, __v)) => ::core::option::Option::Some((#wrapped_key, #wrapped_value)),
                    ::core::option::Option::None => ::core::option::Option::None,
                }
            }
        });
        self.made(Output::unchanged().with_value(&value).with_key(&key), runs, "wire_filter_map")
    }

    fn select_key(&self, errors: &mut Errors) -> Option<Made> {
        let Some(ty) = &self.returned.ty else {
            return self.refuse("the new key", "to only look at records, use `peek`", errors);
        };
        let key = self.owned(ty, errors)?;
        let inner = &key.ty;
        let runs = self.run(quote!(::core::option::Option<#inner>), |call| key.wrap(call));
        self.made(Output::unchanged().with_key(&key), runs, "wire_select_key")
    }

    fn split(&self, errors: &mut Errors) -> Option<Made> {
        let Some(ty) = &self.returned.ty else {
            return self.refuse(
                "an enum of branches",
                "put `#[derive(Branches)]` on an enum and return it",
                errors,
            );
        };
        let name = &self.function.sig.ident;
        let runs = self.run(quote!(#ty), |call| call);
        let here = moved(name, ty.span());
        let split_by = quote_spanned! { ty.span()=>
            impl ::streams_runtime::__private::SplitBy for #ty { type Step = #here; }
        };
        let mut output = Output::unchanged();
        output.value = quote!(#ty);
        output.value_nulls = crate::shape::nulls(false);
        output.value_serde = quote!(::streams_runtime::ByType<#ty>);
        output.kind = quote!(::streams_runtime::__private::Kind::Split);
        self.made(output, quote!(#runs #split_by), "wire_split")
    }

    /// `impl RunEach` with `item` and what is made of each result.
    fn run_each(&self, item: TokenStream, made: TokenStream) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let name = &self.function.sig.ident;
        let call = self.call(quote!(#p::Stopped::Function(#p::user_error(__error))));
        quote! {
            impl #p::RunEach for #name {
                type Item = #item;
                #[inline]
                fn run_each(
                    __key: &mut #p::KeySlot<'_, #p::KeyIn<Self>>,
                    __value: &mut #p::Slot<'_, #p::ValueIn<Self>>,
                    __cx: &#p::Context<'_>,
                    __emit: &mut dyn ::core::ops::FnMut(#item) -> ::core::result::Result<(), #p::Failure>,
                ) -> ::core::result::Result<(), #p::Stopped> {
                    for __item in #call {
                        if let ::core::result::Result::Err(__failure) = __emit(#made) {
                            return ::core::result::Result::Err(#p::Stopped::Behind(__failure));
                        }
                    }
                    ::core::result::Result::Ok(())
                }
            }
        }
    }

    fn flat_map_values(&self, errors: &mut Errors) -> Option<Made> {
        let Some(item) = self.returned.ty.as_ref().and_then(items_of) else {
            return self.refuse(
                "`Vec<V>` or `impl Iterator<Item = V>`",
                "for one value, use `map_values`; for one or none, `filter_map_values`",
                errors,
            );
        };
        let value = self.owned(item, errors)?;
        let inner = &value.ty;
        let runs = self.run_each(quote!(::core::option::Option<#inner>), value.wrap(quote!(__item)));
        self.made(Output::unchanged().with_value(&value), runs, "wire_flat_map_values")
    }

    fn flat_map(&self, errors: &mut Errors) -> Option<Made> {
        let item = self.returned.ty.as_ref().and_then(items_of);
        if item.and_then(pair_of).is_none() {
            return self.refuse(
                "`Vec<(K, V)>` or `impl Iterator<Item = (K, V)>`",
                "to keep the key, use `flat_map_values`",
                errors,
            );
        }
        let (key, value) = self.pair(item, errors)?;
        let (k, v) = (&key.ty, &value.ty);
        let (wrapped_key, wrapped_value) = (key.wrap(quote!(__k)), value.wrap(quote!(__v)));
        let out = quote!((::core::option::Option<#k>, ::core::option::Option<#v>));
        let runs = self.run_each(out, quote!({ let (__k, __v) = __item; (#wrapped_key, #wrapped_value) }));
        self.made(Output::unchanged().with_value(&value).with_key(&key), runs, "wire_flat_map")
    }

    fn join(&self, table: &Type, errors: &mut Errors) -> Option<Made> {
        let p = quote!(::streams_runtime::__private);
        let Some(ty) = &self.returned.ty else {
            return self.refuse("the joined value", "return what record and row make together", errors);
        };
        let value = self.owned(ty, errors)?;
        let (name, inner, is_inner) = (&self.function.sig.ident, &value.ty, self.operator == "join");
        let body = value.wrap(self.call(Self::user_error()));
        let runs = quote! {
            impl #p::RunJoin for #name {
                type Join = #table;
                const INNER: ::core::primitive::bool = #is_inner;
                #[inline]
                fn run_join(
                    __key: &mut #p::KeySlot<'_, #p::KeyIn<Self>>,
                    __value: &mut #p::Slot<'_, #p::ValueIn<Self>>,
                    __row: ::core::option::Option<&<<Self as #p::RunJoin>::Join as #p::Stream>::Value>,
                    __cx: &#p::Context<'_>,
                ) -> ::core::result::Result<::core::option::Option<#inner>, #p::UserError> {
                    ::core::result::Result::Ok(#body)
                }
            }
        };
        let mut made = self.made(Output::unchanged().with_value(&value), runs, "wire_join")?;
        let at = table.span();
        let here = moved(name, at);
        made.checks = quote_spanned!(at=> const _: () = ::streams_runtime::__private::joins::<#here>(););
        Some(made)
    }

    /// What a step emits outlives the record it was made from.
    fn owned(&self, ty: &Type, errors: &mut Errors) -> Option<Nullable> {
        let value = Nullable::of(ty);
        if let Type::Reference(reference) = &value.ty {
            let inner = crate::shape::shown(&reference.elem);
            let owned = if inner == "str" { "String".to_owned() } else { inner };
            errors.push(
                ty,
                format!(
                    "a `{}` returns a value of its own, not a reference\nhelp: return `{owned}`",
                    self.operator
                ),
            );
            return None;
        }
        Some(value)
    }
}
