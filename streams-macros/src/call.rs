//! What the operators of a `#[processor]` make of its function: the call, and the type of what comes out.
//!
//! One method for each operator. A function that does not fit is one error; what the step emits is then guessed from
//! what is written, so that the steps behind it still link and stay quiet. Does not know `#[ktable]`.

use crate::errors::Errors;
use crate::params::{Params, Takes};
use crate::shape::{Nullable, Returned, items_of, option_of, pair_of, shown};
use crate::span::{check, moved, shown_at};
use crate::step::{Output, pass_on};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, Type};

/// What an operator makes of its function.
pub struct Made {
    /// What the step emits.
    pub output: Output,
    /// The impls that call the function.
    pub runs: TokenStream,
    /// How the step is connected.
    pub wire: TokenStream,
    /// Checks of its own.
    pub checks: TokenStream,
    /// True if the function returns a `Result`.
    pub fallible: bool,
    /// True if there was an error: `output` is a guess, and nothing can run.
    pub broken: bool,
}

impl Made {
    /// A unit struct that passes its records on.
    pub fn pass_on(name: &Ident) -> Made {
        let p = quote!(::streams_runtime::__private);
        Made {
            output: Output::unchanged(),
            runs: pass_on(name),
            wire: quote!(#p::wire_peek::<Self>(__wiring);),
            checks: TokenStream::new(),
            fallible: false,
            broken: false,
        }
    }

    /// Nothing that runs, but something that links.
    pub fn guessed(output: Output) -> Made {
        Made {
            output,
            runs: TokenStream::new(),
            wire: TokenStream::new(),
            checks: TokenStream::new(),
            fallible: true,
            broken: true,
        }
    }

    /// A function under an operator.
    pub fn of(function: &ItemFn, operator: &str, join: Option<&Type>, errors: &mut Errors) -> Made {
        let before = errors.len();
        let params = Params::of(function, Takes::of(operator), operator, errors);
        let returned = Returned::of(function);
        let call = Call { function, operator, returned: &returned, params: params.as_ref() };
        let mut made = match operator {
            "filter" | "filter_not" => call.filter(errors),
            "peek" => call.peek(errors),
            "map_values" => call.map_values(errors),
            "filter_map_values" => call.filter_map_values(errors),
            "map" => call.map(errors),
            "filter_map" => call.filter_map(errors),
            "select_key" => call.select_key(errors),
            "split" => call.split(errors),
            "flat_map_values" => call.flat_map_values(errors),
            "flat_map" => call.flat_map(errors),
            _ => call.join(join, errors),
        };
        if let Some(params) = &params {
            made.runs.extend(params.order(&function.sig.ident));
            made.checks.extend(params.order_check(&function.sig.ident));
        }
        made.broken |= errors.len() > before;
        made
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
    /// The return type does not fit the operator; `output` is what it was probably meant to be.
    fn refuse(&self, takes: &str, help: &str, output: Output, errors: &mut Errors) -> Made {
        let message =
            format!("`{}` returns {takes}, not `{}`\nhelp: {help}", self.operator, self.returned.shown());
        match &self.returned.ty {
            Some(ty) => errors.push(ty, message),
            None => errors.push(&self.function.sig.ident, message),
        }
        Made::guessed(output)
    }

    /// What is returned, as a value, if anything is.
    fn guess(&self) -> Output {
        match &self.returned.ty {
            Some(ty) => Output::unchanged().with_value(&Nullable::owned_of(ty)),
            None => Output::unchanged().with_unknown_value(),
        }
    }

    /// The call itself, its `Result` taken off.
    fn call(&self, on_error: &TokenStream) -> TokenStream {
        let name = &self.function.sig.ident;
        let arguments = self.params.map(|params| params.arguments(self.operator == "left_join", name));
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

    /// `impl Run` with `out` and what is made of the call.
    fn run(&self, out: TokenStream, made: impl FnOnce(TokenStream) -> TokenStream) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let name = &self.function.sig.ident;
        let body = made(self.call(&self.returned.user_error()));
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

    fn made(&self, output: Output, runs: TokenStream, wire: &str) -> Made {
        let wire = format_ident!("{wire}");
        Made {
            output,
            runs,
            wire: quote!(::streams_runtime::__private::#wire::<Self>(__wiring);),
            checks: TokenStream::new(),
            fallible: self.returned.fallible,
            broken: false,
        }
    }

    fn filter(&self, errors: &mut Errors) -> Made {
        let is_bool = matches!(&self.returned.ty, Some(Type::Path(path)) if path.path.segments.last().is_some_and(|s| s.ident == "bool"));
        if !is_bool {
            return self.refuse(
                "`bool`",
                "to change the value as well, use `filter_map_values` and return `Option<V>`",
                Output::unchanged(),
                errors,
            );
        }
        let not = (self.operator == "filter_not").then(|| quote!(!));
        let runs = self.run(quote!(::core::primitive::bool), |call| quote!(#not #call));
        self.made(Output::unchanged(), runs, "wire_filter")
    }

    fn peek(&self, errors: &mut Errors) -> Made {
        if self.returned.ty.is_some() {
            let help = "to change the value, use `map_values`";
            return self.refuse("nothing", help, Output::unchanged(), errors);
        }
        let runs = self.run(quote!(()), |call| quote!({ #call; }));
        self.made(Output::unchanged(), runs, "wire_peek")
    }

    fn map_values(&self, errors: &mut Errors) -> Made {
        let Some(ty) = &self.returned.ty else {
            let help = "to only look at records, use `peek`";
            return self.refuse("the new value", help, self.guess(), errors);
        };
        let value = self.owned(ty, errors);
        let inner = &value.ty;
        let runs = self.run(quote!(::core::option::Option<#inner>), |call| value.wrap(call));
        self.made(Output::unchanged().with_value(&value), runs, "wire_map_values").hiding(&[&value], self)
    }

    fn filter_map_values(&self, errors: &mut Errors) -> Made {
        let Some(ty) = self.returned.ty.as_ref().and_then(option_of) else {
            let help = "return `None` to drop a record, or use `map_values`";
            return self.refuse("`Option<V>`", help, self.guess(), errors);
        };
        let value = self.owned(ty, errors);
        let inner = &value.ty;
        let out = quote!(::core::option::Option<::core::option::Option<#inner>>);
        let runs = self.run(out, |call| match value.nullable {
            true => call,
            false => quote!(::core::option::Option::map(#call, ::core::option::Option::Some)),
        });
        let output = Output::unchanged().with_value(&value);
        self.made(output, runs, "wire_filter_map_values").hiding(&[&value], self)
    }

    /// Key and value of a pair, and the words that turn it into two `Option`s.
    fn pair(&self, ty: &Type, errors: &mut Errors) -> Option<Pair> {
        let (key, value) = pair_of(ty)?;
        Some(Pair { key: self.owned(key, errors), value: self.owned(value, errors) })
    }

    fn map(&self, errors: &mut Errors) -> Made {
        let Some(pair) = self.returned.ty.as_ref().and_then(|ty| self.pair(ty, errors)) else {
            return self.refuse(
                "`(K, V)`",
                "to keep the key, use `map_values`; to keep the value, use `select_key`",
                self.guess(),
                errors,
            );
        };
        let (out, wrapped) = (pair.out(), pair.wrapped());
        let runs = self.run(out, |call| quote!({ let (__k, __v) = #call; #wrapped }));
        self.made(pair.output(), runs, "wire_map").hiding(&[&pair.key, &pair.value], self)
    }

    fn filter_map(&self, errors: &mut Errors) -> Made {
        let inner = self.returned.ty.as_ref().and_then(option_of);
        let Some(pair) = inner.and_then(|ty| self.pair(ty, errors)) else {
            let help = "to keep the key, use `filter_map_values`";
            return self.refuse("`Option<(K, V)>`", help, self.guess(), errors);
        };
        let (out, wrapped) = (pair.out(), pair.wrapped());
        let runs = self.run(quote!(::core::option::Option<#out>), |call| {
            quote! {
                match #call {
                    ::core::option::Option::Some((__k, __v)) => ::core::option::Option::Some(#wrapped),
                    ::core::option::Option::None => ::core::option::Option::None,
                }
            }
        });
        self.made(pair.output(), runs, "wire_filter_map").hiding(&[&pair.key, &pair.value], self)
    }

    fn select_key(&self, errors: &mut Errors) -> Made {
        let Some(ty) = &self.returned.ty else {
            let help = "to only look at records, use `peek`";
            return self.refuse("the new key", help, Output::unchanged(), errors);
        };
        let key = self.owned(ty, errors);
        let inner = &key.ty;
        let runs = self.run(quote!(::core::option::Option<#inner>), |call| key.wrap(call));
        self.made(Output::unchanged().with_key(&key), runs, "wire_select_key").hiding(&[&key], self)
    }

    fn split(&self, errors: &mut Errors) -> Made {
        let Some(ty) = &self.returned.ty else {
            let help = "put `#[derive(Branches)]` on an enum and return it";
            return self.refuse("an enum of branches", help, self.guess(), errors);
        };
        let name = &self.function.sig.ident;
        let runs = self.run(quote!(#ty), |call| call);
        let here = moved(name, ty.span());
        let split_by = quote_spanned! { ty.span()=>
            impl ::streams_runtime::__private::SplitByOneStep for #ty { type Step = #here; }
        };
        let mut output = Output::unchanged();
        output.value = quote!(#ty);
        // Who reads the split itself is told so once; what its function takes is then no matter.
        output.value_nulls = quote!(::streams_runtime::__private::unknown);
        output.value_serde = quote!(::streams_runtime::ByType<#ty>);
        output.kind = quote!(::streams_runtime::__private::Kind::Split);
        let mut made = self.made(output, quote!(#runs #split_by), "wire_split");
        // That it is a set of branches is checked here.
        made.wire =
            quote_spanned!(shown_at(ty)=> ::streams_runtime::__private::wire_split::<Self>(__wiring););
        made
    }

    /// `impl RunEach` with `item` and what is made of each result.
    fn run_each(&self, item: TokenStream, made: TokenStream) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let name = &self.function.sig.ident;
        let error = self.returned.user_error();
        let call = self.call(&quote!(#p::Stopped::Function(#error)));
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

    fn flat_map_values(&self, errors: &mut Errors) -> Made {
        let Some(item) = self.returned.ty.as_ref().and_then(items_of) else {
            return self.refuse(
                "`Vec<V>` or `impl Iterator<Item = V>`",
                "for one value, use `map_values`; for one or none, `filter_map_values`",
                self.guess(),
                errors,
            );
        };
        let value = self.owned(item, errors);
        let inner = &value.ty;
        let runs = self.run_each(quote!(::core::option::Option<#inner>), value.wrap(quote!(__item)));
        self.made(Output::unchanged().with_value(&value), runs, "wire_flat_map_values")
            .hiding(&[&value], self)
    }

    fn flat_map(&self, errors: &mut Errors) -> Made {
        let item = self.returned.ty.as_ref().and_then(items_of);
        let Some(pair) = item.and_then(|ty| self.pair(ty, errors)) else {
            let help = "to keep the key, use `flat_map_values`";
            let takes = "`Vec<(K, V)>` or `impl Iterator<Item = (K, V)>`";
            return self.refuse(takes, help, self.guess(), errors);
        };
        let wrapped = pair.wrapped();
        let runs = self.run_each(pair.out(), quote!({ let (__k, __v) = __item; #wrapped }));
        self.made(pair.output(), runs, "wire_flat_map").hiding(&[&pair.key, &pair.value], self)
    }

    fn join(&self, table: Option<&Type>, errors: &mut Errors) -> Made {
        let p = quote!(::streams_runtime::__private);
        let Some(ty) = &self.returned.ty else {
            let help = "return what record and row make together";
            return self.refuse("the joined value", help, self.guess(), errors);
        };
        let value = self.owned(ty, errors);
        let Some(table) = table else { return Made::guessed(Output::unchanged().with_value(&value)) };
        let (name, inner, is_inner) = (&self.function.sig.ident, &value.ty, self.operator == "join");
        let body = value.wrap(self.call(&self.returned.user_error()));
        let runs = quote! {
            type __JoinLink = #table;
            type __JoinStream = <#p::AsInput<__JoinLink> as #p::Pick<{ #p::Is::<__JoinLink>::STREAM }>>::It;
            type __Join = <#p::AsTable<__JoinStream> as #p::Pick<{ #p::Is::<__JoinStream>::TABLE }>>::It;
            impl #p::RunJoin for #name {
                type Join = __Join;
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
        let mut made = self.made(Output::unchanged().with_value(&value), runs, "wire_join");
        let text = shown(table);
        made.checks = check(quote!(::streams_runtime::__private::joins::<#name>(#text)), table);
        made.hiding(&[&value], self)
    }

    /// What a step emits outlives the record it was made from. A reference is an error, and then its target is meant.
    fn owned(&self, ty: &Type, errors: &mut Errors) -> Nullable {
        if let Type::Reference(reference) = &Nullable::of(ty).ty {
            let owned = Nullable::owned_of(ty);
            let mutable = if reference.mutability.is_some() { "mutable " } else { "" };
            errors.push(
                ty,
                format!(
                    "a `{}` returns a value of its own, not a {mutable}reference\nhelp: return `{}`",
                    self.operator,
                    shown(&owned.ty)
                ),
            );
            return owned;
        }
        Nullable::of(ty)
    }
}

impl Made {
    /// Checks that types read from tokens do not hide an `Option` under another name.
    fn hiding(mut self, types: &[&Nullable], call: &Call<'_>) -> Made {
        let (p, step) = (quote!(::streams_runtime::__private), call.function.sig.ident.to_string());
        for Nullable { ty, .. } in types {
            let Type::Path(path) = ty else { continue };
            let Some(last) = path.path.segments.last() else { continue };
            // A primitive is no alias; this keeps the expansion of most steps short.
            if matches!(last.ident.to_string().as_str(), "String" | "bool" | "u64" | "i64" | "u32" | "i32") {
                continue;
            }
            let check = check(
                quote!(::streams_runtime::__private::written_out(::streams_runtime::__private::AsWritten::<#ty>::HIDES, #step)),
                ty,
            );
            self.checks.extend(quote! { const _: () = { use #p::NotHidden as _; #check }; });
        }
        self
    }
}

/// What `map` and its kin return.
struct Pair {
    key: Nullable,
    value: Nullable,
}

impl Pair {
    fn out(&self) -> TokenStream {
        let (k, v) = (&self.key.ty, &self.value.ty);
        quote!((::core::option::Option<#k>, ::core::option::Option<#v>))
    }

    fn wrapped(&self) -> TokenStream {
        let (key, value) = (self.key.wrap(quote!(__k)), self.value.wrap(quote!(__v)));
        quote!((#key, #value))
    }

    fn output(&self) -> Output {
        Output::unchanged().with_value(&self.value).with_key(&self.key)
    }
}

/// An output without a value that is known.
impl Output {
    fn with_unknown_value(mut self) -> Output {
        self.value = quote!(());
        self.value_nulls = quote!(::streams_runtime::__private::unknown);
        self.value_serde = quote!(());
        self
    }
}
