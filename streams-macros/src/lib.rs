//! The attribute macros of streams.
//!
//! Entry points only: tokens in, tokens out. Their documentation stands on the re-exports in `streams-runtime`, where its
//! examples compile. Each attribute has a file of its own with its phases as functions: parse, check, expand. They
//! know paths and tokens, never types: what a macro writes down is only what the user said, and the runtime
//! derives and checks the rest.

mod args;
mod branches;
mod call;
mod default_serde;
mod errors;
mod fold;
mod format;
mod item;
mod ktable;
mod link;
mod params;
mod policies;
mod processor;
mod shape;
#[cfg(test)]
mod snapshots;
mod span;
mod step;
mod time;
mod topic;
mod topology;
mod window;
mod words;

use proc_macro::TokenStream;

#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn topic(attribute: TokenStream, item: TokenStream) -> TokenStream {
    topic::expand(attribute.into(), item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn processor(attribute: TokenStream, item: TokenStream) -> TokenStream {
    processor::expand(attribute.into(), item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn ktable(attribute: TokenStream, item: TokenStream) -> TokenStream {
    ktable::expand(attribute.into(), item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn window(attribute: TokenStream, item: TokenStream) -> TokenStream {
    window::expand(attribute.into(), item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro_derive(Branches)]
pub fn branches(item: TokenStream) -> TokenStream {
    branches::expand(item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro_derive(DefaultSerde)]
pub fn default_serde(item: TokenStream) -> TokenStream {
    default_serde::expand(item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro]
pub fn topology(tokens: TokenStream) -> TokenStream {
    topology::expand(tokens.into()).into()
}
