//! `#[topic]`: a topic of Kafka as a struct.
//!
//! Knows the attribute and Kafka's rule for names; does not know who reads or writes the topic.

use crate::args::{Args, Value};
use crate::errors::Errors;
use crate::item::Item;
use crate::shape::{Nullable, json_of, nulls};
use crate::span::{check, shown_at};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Type;

const ARGUMENTS: &[&str] = &[
    "name",
    "key",
    "value",
    "partitions",
    "timestamp",
    "decode",
    "encode",
    "null_key",
    "null_value",
    "no_time",
];

/// Expands `#[topic]`.
pub fn expand(attribute: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut args = Args::parse(attribute, "topic", ARGUMENTS, &[], &mut errors);
    let Some(Item::Unit(unit)) = Item::parse(tokens.clone(), "topic", &mut errors) else {
        if errors.is_empty() {
            errors.push(&tokens, "`#[topic]` goes on a unit struct\nhelp: write `struct Orders;`");
        }
        return errors.finish(tokens, TokenStream::new());
    };
    let generated = topic(&unit.ident, &mut args, &mut errors);
    errors.finish(&unit, generated)
}

fn topic(item: &Ident, args: &mut Args, errors: &mut Errors) -> Option<TokenStream> {
    let p = quote!(::streams_runtime::__private);
    let given: Vec<bool> = ["name", "key", "value"].iter().map(|key| args.has(key)).collect();
    let name = args.text("name", errors);
    if let Some(text) = &name {
        check_name(text, errors);
    }
    let (key, value) = (args.link("key", errors), args.link("value", errors));
    let partitions = match args.count("partitions", errors) {
        Some(n) => quote!(::core::option::Option::Some(#n)),
        None => quote!(::core::option::Option::None),
    };
    let timestamp = args.take("timestamp");
    let decides_nulls = args.has("null_value") || value.as_ref().is_some_and(|ty| Nullable::of(ty).nullable);
    let policy = policy(args, &key, &value, errors);
    for (given, (argument, example)) in given.iter().zip([
        ("name", "name = \"orders\""),
        ("key", "key = String"),
        ("value", "value = Json<Order>"),
    ]) {
        if !given {
            errors.push(item, format!("topic `{item}` does not say its `{argument}`\nhelp: add `{example}`"));
        }
    }
    // After an error something of this name goes on, so that what reads it is not wrong as well.
    let name = name.map_or_else(|| item.to_string(), |name| name.value());
    let (key, value) = (Side::of(key.as_ref(), "Key"), Side::of(value.as_ref(), "Value"));
    let (key_nulls, value_nulls) = (&key.nulls, &value.nulls);
    let (key_serde, value_serde) = (&key.serde, &value.serde);
    let (formats, checks) = ([&key.items, &value.items], [&key.checks, &value.checks]);
    let timestamp = match timestamp {
        Some(argument) => timestamp_fn(argument, value.nullable, errors),
        None => None,
    };
    let path_name = item.to_string();
    Some(quote! {
        #[allow(clippy::all)]
        const _: () = {
            #[allow(unused_imports)]
            use #p::IsNot as _;
            #(#formats)*
            #(#checks)*
            impl #p::Stream for #item {
                type Key = <Self::KeySerde as ::streams_runtime::Serde>::Type;
                type KeyNulls = #key_nulls;
                type Value = <Self::ValueSerde as ::streams_runtime::Serde>::Type;
                type ValueNulls = #value_nulls;
                type KeySerde = #key_serde;
                type ValueSerde = #value_serde;
                const ID: #p::Id = #p::Id::new(::core::concat!(::core::module_path!(), "::", #path_name), #path_name);
                const KIND: #p::Kind = #p::Kind::Topic;
                const LINEAGE: #p::Lineage = match <Self as #p::Topic>::TOPIC.partitions {
                    ::core::option::Option::Some(__n) => #p::Lineage::Count(__n),
                    ::core::option::Option::None => #p::Lineage::Undeclared,
                };
                const KEY_FORMAT: &'static ::core::primitive::str =
                    <<Self as #p::Stream>::KeySerde as ::streams_runtime::Serde>::NAME;
                const WINDOW_MS: ::core::option::Option<::core::primitive::i64> =
                    <<Self as #p::Stream>::KeySerde as ::streams_runtime::Serde>::WINDOW_MS;
                const READS: &'static [#p::Read] = &[#p::Read {
                    id: <Self as #p::Stream>::ID,
                    branch: ::core::option::Option::None,
                    topic: ::core::option::Option::Some(<Self as #p::Topic>::TOPIC),
                    repartition: ::core::option::Option::None,
                    table: ::core::option::Option::None,
                }];
                fn attach(__wiring: &mut #p::Wiring, __child: #p::Child<Self::Key, Self::Value>) {
                    #p::attach_to_topic::<Self>(__wiring, __child)
                }
            }
            impl #p::Topic for #item {
                const TOPIC: #p::TopicSpec = #p::TopicSpec {
                    id: <Self as #p::Stream>::ID,
                    name: #name,
                    partitions: #partitions,
                    decides_nulls: #decides_nulls,
                    text: #p::TopicText::of::<<Self as #p::Stream>::KeySerde, <Self as #p::Stream>::ValueSerde>(),
                };
                const POLICY: #p::TopicPolicy = #policy;
                #timestamp
            }
        };
    })
}

/// Key or value of a topic.
struct Side {
    nullable: bool,
    nulls: TokenStream,
    /// An alias that always is a format.
    serde: TokenStream,
    items: TokenStream,
    checks: TokenStream,
}

impl Side {
    fn of(format: Option<&Type>, role: &str) -> Side {
        let p = quote!(::streams_runtime::__private);
        let Some(format) = format else {
            let none = TokenStream::new();
            return Side {
                nullable: false,
                nulls: quote!(#p::unknown),
                serde: quote!(()),
                items: none.clone(),
                checks: none,
            };
        };
        let Nullable { ty, nullable } = Nullable::of(format);
        // What is in the `Json` is carried even if it cannot be written.
        let carried = json_of(&ty).unwrap_or(&ty);
        let (raw, serde) = (format_ident!("__{role}Raw"), format_ident!("__{role}Format"));
        let check = check(quote!(#p::usable::<#raw>()), &ty);
        Side {
            nullable,
            nulls: nulls(nullable),
            serde: serde.to_token_stream(),
            items: quote! {
                type #raw = #ty;
                type #serde = <#p::AsFormat<#raw, #carried> as #p::Pick<{ #p::Is::<#raw>::FORMAT }>>::It;
            },
            checks: check,
        }
    }
}

/// Kafka's own rule for topic names.
fn check_name(text: &syn::LitStr, errors: &mut Errors) {
    let name = text.value();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.len() > 249 || name == "." || name == ".." || !name.chars().all(legal) {
        errors.push(
            text,
            format!("`{name}` cannot be the name of a topic\nhelp: use up to 249 of the letters a-z, A-Z, 0-9, `.`, `_` and `-`"),
        );
    }
}

fn policy(args: &mut Args, key: &Option<Type>, value: &Option<Type>, errors: &mut Errors) -> TokenStream {
    let p = quote!(::streams_runtime::__private);
    let mut two = |word: &str, errors: &mut Errors| {
        let choice = args.choice(word, &["skip", "fail"], errors);
        let tokens = match choice.as_ref().is_some_and(|choice| choice == "skip") {
            true => quote!(#p::Policy::Skip),
            false => quote!(#p::Policy::Fail),
        };
        (choice, tokens)
    };
    let (_, decode) = two("decode", errors);
    let (_, encode) = two("encode", errors);
    let (null_key_word, null_key) = two("null_key", errors);
    let (null_value_word, null_value) = two("null_value", errors);
    for (word, format, side) in [(null_key_word, key, "key"), (null_value_word, value, "value")] {
        if let (Some(word), Some(format)) = (word, format)
            && Nullable::of(format).nullable
        {
            errors.push(
                &word,
                format!("this topic expects null {side}s, so there is nothing to decide\nhelp: remove `null_{side}`, or the `Option` around the {side}"),
            );
        }
    }
    let no_time = match args.choice("no_time", &["skip", "fail", "partition_time"], errors) {
        Some(word) if word == "skip" => quote!(#p::NoTime::Skip),
        Some(word) if word == "partition_time" => quote!(#p::NoTime::PartitionTime),
        _ => quote!(#p::NoTime::Fail),
    };
    quote! {
        #p::TopicPolicy {
            decode: #decode, encode: #encode, null_key: #null_key, null_value: #null_value, no_time: #no_time,
        }
    }
}

/// `timestamp = ordered_at`: a function of the value.
fn timestamp_fn(argument: crate::args::Arg, nullable: bool, errors: &mut Errors) -> Option<TokenStream> {
    let p = quote!(::streams_runtime::__private);
    let function = match argument.value {
        Value::Links(mut links) if links.len() == 1 && links[0].via.is_none() => links.remove(0).ty,
        _ => {
            errors.push(&argument.key, "`timestamp` takes the name of a function\nhelp: write `timestamp = ordered_at` beside `fn ordered_at(order: &Order) -> Timestamp`");
            return None;
        }
    };
    let at = shown_at(&function);
    // As with the parameters of steps, filling the parameter is the check of its type.
    let argument = match nullable {
        true => quote_spanned!(at=> <_ as #p::TimeOfNullable<'_, _, Self>>::time_of(__value)),
        false => quote_spanned!(at=> <_ as #p::TimeOf<'_, _, Self>>::time_of(__value)),
    };
    let present = (!nullable).then(|| quote!(let __value = __value?;));
    let call = quote_spanned!(at=> #function(#argument));
    Some(quote! {
        fn timestamp(
            _: ::core::primitive::i64,
            _: ::core::option::Option<&<Self as #p::Stream>::Key>,
            __value: ::core::option::Option<&<Self as #p::Stream>::Value>,
        ) -> ::core::option::Option<::streams_runtime::Timestamp> {
            #present
            #p::IntoTime::into_time(#call)
        }
    })
}
