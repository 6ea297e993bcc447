//! `topology!`: closes the graph.
//!
//! Knows paths; whether they are steps, and fit together, is checked by `verify` in the runtime.

use crate::errors::Errors;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Path, Token, Visibility, bracketed};

struct Topology {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    name: Ident,
    steps: Vec<Path>,
}

impl Parse for Topology {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        let content;
        bracketed!(content in input);
        let steps = Punctuated::<Path, Token![,]>::parse_terminated(&content)?.into_iter().collect();
        Ok(Topology { attributes, visibility, name, steps })
    }
}

/// Expands `topology!`.
pub fn expand(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let parsed = syn::parse2::<Topology>(tokens).map_err(|error| {
        syn::Error::new(
            error.span(),
            format!("{error}\nhelp: write `topology!(pub MyApp = [first_step, second_step]);`"),
        )
    });
    let generated = errors.ok(parsed).map(|topology| {
        if topology.steps.is_empty() {
            errors.push(
                &topology.name,
                format!(
                    "topology `{}` lists no steps\nhelp: add the steps between the brackets",
                    topology.name
                ),
            );
        }
        closed(&topology)
    });
    errors.finish(TokenStream::new(), generated)
}

fn closed(topology: &Topology) -> TokenStream {
    let p = quote!(::streams_runtime::__private);
    let Topology { attributes, visibility, name, steps } = topology;
    let entries = steps.iter().map(|step| {
        quote_spanned! { step.span()=>
            ::streams_runtime::__private::entry::<#step>()
        }
    });
    let checks = (0..steps.len()).zip(steps).map(|(i, step)| {
        quote_spanned!(step.span()=> const _: () = ::streams_runtime::__private::check_entry(__STEPS, #i);)
    });
    let doc = format!("The topology `{name}`.");
    let own_doc = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
    let doc = (!own_doc).then(|| quote!(#[doc = #doc]));
    quote! {
        #(#attributes)*
        #doc
        #visibility struct #name;
        const _: () = {
            const __STEPS: &[#p::Entry] = &[#(#entries),*];
            #(#checks)*
            const _: () = {
                #[allow(unused_imports)]
                use #p::NotListed as _;
                #(let _ = <#steps>::is_in_no_topology;)*
            };
            impl ::streams_runtime::App for #name {
                const NAME: &'static ::core::primitive::str = ::core::stringify!(#name);
                const STEPS: &'static [#p::Entry] = __STEPS;
            }
            impl #name {
                /// The graph: what reads what, in which sub-topologies.
                #[allow(dead_code)]
                pub fn topology() -> ::streams_runtime::Topology {
                    <Self as ::streams_runtime::App>::graph()
                }
                /// Sub-topologies, sources, steps, stores and sinks, in Kafka Streams' terms.
                #[allow(dead_code)]
                pub fn describe() -> ::std::string::String {
                    Self::topology().describe()
                }
                /// The graph as a Mermaid flowchart.
                #[allow(dead_code)]
                pub fn mermaid() -> ::std::string::String {
                    Self::topology().mermaid()
                }
                /// Starts the topology in a test.
                ///
                /// # Panics
                /// If the declared topics do not fit together.
                #[allow(dead_code)]
                pub fn driver() -> ::streams_runtime::Driver {
                    <Self as ::streams_runtime::App>::test_driver()
                }
                /// An application with this topology. Its id names its consumer group and internal topics.
                #[allow(dead_code)]
                pub fn builder(id: &::core::primitive::str) -> ::streams_runtime::Builder {
                    <Self as ::streams_runtime::App>::application(id)
                }
            }
        };
    }
}
