//! What `#[processor]` and `#[ktable]` have in common: the model of a step, and the items written for it.
//!
//! Knows what every step is linked by; what an operator does with records is a matter of `call` and `fold`.

use crate::args::Args;
use crate::errors::Errors;
use crate::item::Item;
use crate::link::Input;
use crate::policies::Policies;
use crate::span::{check, moved, spread};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

/// `repartition`, with its arguments.
pub struct Repartition {
    /// The word.
    pub word: Ident,
    /// `partitions = n`
    pub partitions: TokenStream,
    /// `key = Format`
    pub key: Option<syn::Type>,
    /// `value = Format`
    pub value: Option<syn::Type>,
}

impl Repartition {
    /// Takes it out of the arguments.
    pub fn take(args: &mut Args, errors: &mut Errors) -> Option<Repartition> {
        let (word, mut inner) = args.nested("repartition", &["partitions", "key", "value"], errors)?;
        let partitions = match inner.count("partitions", errors) {
            Some(n) => quote!(::core::option::Option::Some(#n)),
            None => quote!(::core::option::Option::None),
        };
        Some(Repartition {
            word,
            partitions,
            key: inner.link("key", errors),
            value: inner.link("value", errors),
        })
    }
}

/// `impl Run` of a unit struct that passes its records on.
pub fn pass_on(name: &Ident) -> TokenStream {
    let p = quote!(::streams_runtime::__private);
    quote! {
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
    }
}

/// What a step emits.
pub struct Output {
    /// Its key type.
    pub key: TokenStream,
    /// `present` or `nullable`.
    pub key_nulls: TokenStream,
    /// Its value type.
    pub value: TokenStream,
    /// `present` or `nullable`.
    pub value_nulls: TokenStream,
    /// The key's format.
    pub key_serde: TokenStream,
    /// The value's format.
    pub value_serde: TokenStream,
    /// `Kind::...`
    pub kind: TokenStream,
    /// True if the key is no longer the one its records were laid out by.
    pub rekeyed: bool,
    /// How long the windows of its keys are, if it makes them.
    pub window_ms: Option<i64>,
}

impl Output {
    /// Key and value as they came; operators change what they change.
    pub fn unchanged() -> Output {
        let p = quote!(::streams_runtime::__private);
        let from = quote!(<__From as #p::Stream>);
        Output {
            key: quote!(#from::Key),
            key_nulls: quote!(<Self as #p::Step>::KeyIn),
            value: quote!(#from::Value),
            value_nulls: quote!(<Self as #p::Step>::ValueIn),
            key_serde: quote!(#from::KeySerde),
            value_serde: quote!(#from::ValueSerde),
            kind: quote!(#p::Kind::Stream),
            rekeyed: false,
            window_ms: None,
        }
    }

    /// Nobody knows, after an error; it fits everything.
    pub fn unknown() -> Output {
        let unknown = quote!(::streams_runtime::__private::unknown);
        Output {
            key: quote!(()),
            key_nulls: unknown.clone(),
            value: quote!(()),
            value_nulls: unknown,
            key_serde: quote!(()),
            value_serde: quote!(()),
            ..Output::unchanged()
        }
    }

    /// Another value, in the format its type brings along.
    pub fn with_value(mut self, value: &crate::shape::Nullable) -> Output {
        let ty = &value.ty;
        self.value = quote!(#ty);
        self.value_nulls = value.nulls();
        self.value_serde = quote!(::streams_runtime::ByType<#ty>);
        self
    }

    /// Another key.
    pub fn with_key(mut self, key: &crate::shape::Nullable) -> Output {
        let ty = &key.ty;
        self.key = quote!(#ty);
        self.key_nulls = key.nulls();
        self.key_serde = quote!(::streams_runtime::ByType<#ty>);
        self.rekeyed = true;
        self
    }
}

/// A step, checked, ready to be written.
pub struct Step<'i> {
    /// The annotated item.
    pub item: &'i Item,
    /// `name = "..."`, or the item's own.
    pub shown_name: String,
    /// The operator's word.
    pub operator: String,
    /// What it reads.
    pub input: Input,
    /// Its policies.
    pub policies: Policies,
    /// What it emits.
    pub output: Output,
    /// An internal topic behind it.
    pub repartition: Option<Repartition>,
    /// The topic it writes.
    pub to: Option<syn::Type>,
    /// The joined table.
    pub join: Option<syn::Type>,
    /// The store it keeps.
    pub store: Option<String>,
    /// `impl Table`, if it keeps one.
    pub table: TokenStream,
    /// Aliases that `output` needs.
    pub aliases: TokenStream,
    /// Its branches, for a split.
    pub branches: bool,
    /// The impls of `Run`, `Fold`, …
    pub runs: TokenStream,
    /// How it is connected.
    pub wire: TokenStream,
    /// Checks of its own.
    pub checks: TokenStream,
    /// True after an error: the step links, but is not checked and does not run.
    pub broken: bool,
}

impl Step<'_> {
    /// Everything that is generated beside the user's item.
    pub fn expand(&self) -> TokenStream {
        let (name, vis) = (self.item.name(), self.item.visibility());
        let declared = self.declared();
        let (stream, step, listed) = (self.stream(), self.step(), self.listed());
        let (helpers, from, table, aliases) =
            (&self.input.helpers, &self.input.ty, &self.table, &self.aliases);
        let (runs, own, checks) = match self.broken {
            true => (None, None, None),
            false => (Some(&self.runs), Some(&self.checks), Some(self.common_checks())),
        };
        let marker = quote_spanned! { name.span()=>
            #[doc(hidden)]
            #[allow(non_upper_case_globals)]
            impl #name { #vis const is_in_no_topology: () = (); }
        };
        quote! {
            #declared
            #marker
            #[allow(clippy::all, unused_variables, unused_mut)]
            const _: () = {
                #[allow(unused_imports)]
                use ::streams_runtime::__private::IsNot as _;
                #helpers
                type __From = #from;
                #aliases
                #step #stream #table #runs #listed #own #checks };
        }
    }

    /// The type beside a function, called like it.
    fn declared(&self) -> TokenStream {
        let Item::Function(function) = self.item else { return TokenStream::new() };
        let (name, vis) = (&function.sig.ident, &function.vis);
        let doc = format!("The step of a topology that runs [`{name}`](fn@{name}).");
        quote! {
            #[doc = #doc]
            #[allow(non_camel_case_types)]
            #vis struct #name {}
        }
    }

    fn step(&self) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let (name, operator) = (self.item.name(), &self.operator);
        let policy = self.policies.constant();
        let from = self.inherited(quote!(
            type From = __From;
        ));
        let nulls = |policy: &Option<Ident>, side: TokenStream| match policy {
            Some(_) => quote!(#p::present),
            None => quote!(<__From as #p::Stream>::#side),
        };
        let key_in = nulls(&self.policies.null_key, quote!(KeyNulls));
        let value_in = nulls(&self.policies.null_value, quote!(ValueNulls));
        let key_in = self.inherited(quote!(type KeyIn = #key_in;));
        let value_in = self.inherited(quote!(type ValueIn = #value_in;));
        quote! {
            impl #p::Step for #name {
                #from
                #key_in
                #value_in
                const POLICY: #p::StepPolicy = #policy;
                const OPERATOR: &'static ::core::primitive::str = #operator;
            }
        }
    }

    fn stream(&self) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let (name, shown) = (self.item.name(), &self.shown_name);
        let path_name = name.to_string();
        let Output { key, key_nulls, value, value_nulls, key_serde, value_serde, kind, rekeyed, .. } =
            &self.output;
        let lineage = match (&self.repartition, rekeyed) {
            (Some(Repartition { partitions, .. }), _) => quote!(#p::Lineage::repartitioned(#partitions)),
            (None, true) => quote!(#p::Lineage::Rekeyed { by: #shown }),
            (None, false) => quote!(<__From as #p::Stream>::LINEAGE),
        };
        let attach = match &self.repartition {
            Some(_) => quote!(#p::attach_through_topic::<Self>(__wiring, __child)),
            None => {
                quote!(__wiring.port::<Self::Key, Self::Value>(&<Self as #p::Stream>::ID, ::core::option::Option::None).attach(__child))
            }
        };
        let format = match (&self.repartition, rekeyed) {
            (Some(_), _) => quote!(<<Self as #p::Stream>::KeySerde as ::streams_runtime::Serde>::NAME),
            (None, true) => quote!(""),
            (None, false) => quote!(<__From as #p::Stream>::KEY_FORMAT),
        };
        let window = match (&self.repartition, rekeyed, self.output.window_ms) {
            (_, _, Some(ms)) => quote!(::core::option::Option::Some(#ms)),
            (Some(_), true, None) => {
                quote!(<<Self as #p::Stream>::KeySerde as ::streams_runtime::Serde>::WINDOW_MS)
            }
            (None, true, None) => quote!(::core::option::Option::None),
            (_, false, None) => quote!(<__From as #p::Stream>::WINDOW_MS),
        };
        let repartition = self.repartition_spec();
        let table = match &self.store {
            Some(_) => quote!(::core::option::Option::Some(<Self as #p::Table>::STORE)),
            None => quote!(::core::option::Option::None),
        };
        let key = self.inherited(quote!(type Key = #key;));
        let key_nulls = self.inherited(quote!(type KeyNulls = #key_nulls;));
        let value = self.inherited(quote!(type Value = #value;));
        let value_nulls = self.inherited(quote!(type ValueNulls = #value_nulls;));
        let key_serde = self.inherited(quote!(type KeySerde = #key_serde;));
        let value_serde = self.inherited(quote!(type ValueSerde = #value_serde;));
        quote! {
            impl #p::Stream for #name {
                #key
                #key_nulls
                #value
                #value_nulls
                #key_serde
                #value_serde
                const ID: #p::Id = #p::Id::new(::core::concat!(::core::module_path!(), "::", #path_name), #shown);
                const KIND: #p::Kind = #kind;
                const LINEAGE: #p::Lineage = #lineage;
                const KEY_FORMAT: &'static ::core::primitive::str = #format;
                const WINDOW_MS: ::core::option::Option<::core::primitive::i64> = #window;
                const READS: &'static [#p::Read] = &[#p::Read {
                    id: <Self as #p::Stream>::ID,
                    branch: ::core::option::Option::None,
                    topic: ::core::option::Option::None,
                    repartition: #repartition,
                    table: #table,
                }];
                fn attach(__wiring: &mut #p::Wiring, __child: #p::Child<Self::Key, Self::Value>) { #attach }
            }
        }
    }

    /// What is taken over from the input is shown at its link: if the step is more visible than what it reads, that is
    /// said there, and once. Types of the user keep their own place.
    fn inherited(&self, item: TokenStream) -> TokenStream {
        match item.to_string().contains("__") {
            true => spread(item, &self.input.at),
            false => item,
        }
    }

    fn repartition_spec(&self) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        match &self.repartition {
            Some(Repartition { partitions, .. }) => quote! {
                ::core::option::Option::Some(#p::RepartitionSpec {
                    name: <Self as #p::Stream>::ID.name,
                    partitions: #partitions,
                })
            },
            None => quote!(::core::option::Option::None),
        }
    }

    fn listed(&self) -> TokenStream {
        let p = quote!(::streams_runtime::__private);
        let name = self.item.name();
        let none = quote!(::core::option::Option::None);
        let joins = match &self.join {
            Some(_) => {
                quote!(::core::option::Option::Some(<<Self as #p::RunJoin>::Join as #p::Stream>::READS[0]))
            }
            None => none.clone(),
        };
        let store = match &self.store {
            Some(_) => quote!(::core::option::Option::Some(<Self as #p::Table>::STORE)),
            None => none.clone(),
        };
        let to = match &self.to {
            Some(_) => quote!(::core::option::Option::Some(<__To as #p::Topic>::TOPIC)),
            None => none.clone(),
        };
        let branches = match self.branches {
            true => {
                let value = &self.output.value;
                quote!(#p::Is::<#value>::BRANCHES)
            }
            false => none,
        };
        let repartition = self.repartition_spec();
        let wire = (!self.broken).then_some(&self.wire);
        let wire_to = self.to.as_ref().map(|_| quote!(#p::wire_to::<Self, __To>(__wiring);));
        let wire_topic = self.repartition.as_ref().map(|_| quote!(#p::wire_repartition::<Self>(__wiring);));
        let to_alias = self.to.as_ref().map(|to| {
            quote! {
                type __ToLink = #to;
                type __To = <#p::AsTopic<__ToLink> as #p::Pick<{ #p::Is::<__ToLink>::TOPIC }>>::It;
            }
        });
        quote! {
            #to_alias
            impl #p::Listed for #name {
                const SPEC: #p::NodeSpec = #p::NodeSpec {
                    id: <Self as #p::Stream>::ID,
                    operator: <Self as #p::Step>::OPERATOR,
                    reads: <__From as #p::Stream>::READS,
                    joins: #joins,
                    store: #store,
                    to: #to,
                    repartition: #repartition,
                    branches: #branches,
                };
                fn wire(__wiring: &mut #p::Wiring) { #wire #wire_to #wire_topic }
            }
        }
    }

    /// Checks that every step may need, each spanned to the token it is about.
    fn common_checks(&self) -> TokenStream {
        let name = self.item.name();
        let mut checks = TokenStream::new();
        let here = |span: Span| moved(name, span);
        checks.extend(self.input.checks.clone());
        for (word, is_key) in [(&self.policies.null_key, true), (&self.policies.null_value, false)] {
            let Some(word) = word else { continue };
            let (at, step) = (word.span(), here(word.span()));
            checks.extend(quote_spanned!(at=> const _: () = ::streams_runtime::__private::null_policy::<#step>(#is_key);));
        }
        if let Some(to) = &self.to {
            let text = crate::shape::shown(to);
            let check = check(quote!(::streams_runtime::__private::writes::<#name, __To>(#text)), to);
            checks.extend(check);
        }
        checks
    }
}
