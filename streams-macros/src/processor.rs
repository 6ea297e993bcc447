//! `#[processor]`: a step that makes a stream.
//!
//! Knows the attribute and how its parts go together; what an operator makes of its function is a matter of `call`.

use crate::args::Args;
use crate::call::Made;
use crate::errors::Errors;
use crate::format::Format;
use crate::item::Item;
use crate::link::Input;
use crate::params::Takes;
use crate::policies::Policies;
use crate::shape::Returned;
use crate::step::{Output, Repartition, Step};
use crate::window::Window;
use crate::words::{camel, nearest, snake, ticks};
use proc_macro2::TokenStream;
use quote::quote;

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
    "split",
    "merge",
];

/// The operator of a step that had an error where its word should be.
const UNKNOWN: &str = "unknown";

/// Operators that name their table.
const JOINS: [&str; 2] = ["join", "left_join"];

const ARGUMENTS: &[&str] =
    &["from", "join", "left_join", "to", "name", "repartition", "error", "null_key", "null_value"];

/// Expands `#[processor]`.
pub fn expand(attribute: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut args = Args::parse(attribute, "processor", ARGUMENTS, OPERATORS, &mut errors);
    let Some(mut item) = Item::parse(tokens.clone(), "processor", &mut errors) else {
        return errors.finish(tokens, TokenStream::new());
    };
    item.check_signature(&mut errors);
    let used = Window::refuse(item.attributes(), &mut errors);
    let generated = step(&item, &mut args, &mut errors).expand();
    errors.finish(&item, quote!(#used #generated))
}

fn step<'i>(item: &'i Item, args: &mut Args, errors: &mut Errors) -> Step<'i> {
    let name = item.name();
    let operator = operator(item, args, errors);
    let joined = JOINS.into_iter().find(|word| args.has(word));
    let join = joined.and_then(|word| args.link(word, errors));
    let policies = Policies::take(args, false, errors);
    let repartition = Repartition::take(args, errors);
    let to = args.link("to", errors);
    let shown_name = args.text("name", errors).map_or_else(|| name.to_string(), |text| text.value());
    let input = Input::take(args, item, Takes::of(&operator), errors);
    let made = match item.function() {
        Some(function) if operator == "merge" => {
            errors.push(
                &function.sig.ident,
                format!(
                    "`merge` calls nothing, and `{name}` is a function\nhelp: write `struct {};`, or another operator for the function",
                    camel(&name.to_string())
                ),
            );
            Made::guessed(Output::unchanged())
        }
        Some(_) if operator == UNKNOWN => Made::guessed(Output::unknown()),
        // A word that was nearly right says what the step emits, and no more.
        Some(function) if args.unknown.is_some() => {
            Made::guessed(Made::of(function, &operator, join.as_ref(), &mut Errors::default()).output)
        }
        Some(function) => Made::of(function, &operator, join.as_ref(), errors),
        None if operator == "merge" => Made::pass_on(name),
        None => {
            let function = snake(&name.to_string());
            errors.push(name, format!(
                    "`{operator}` calls a function, and `{name}` is a struct\nhelp: write `fn {function}(...)` below the attribute"
                ),);
            Made::guessed(Output::unchanged())
        }
    };
    policies.check_error(item, made.fallible, errors);
    let mut output = made.output;
    let mut checks = made.checks;
    let mut aliases = TokenStream::new();
    if let Some(repartition) = &repartition {
        for format in through_topic(&mut output, repartition) {
            aliases.extend(format.items);
            checks.extend(format.checks);
        }
    }
    let broken = made.broken || !errors.is_empty();
    Step {
        item,
        shown_name,
        branches: operator == "split" && !broken,
        operator,
        input,
        policies,
        output,
        repartition,
        to: to.filter(|_| !broken),
        join: join.filter(|_| !broken),
        store: None,
        table: TokenStream::new(),
        aliases,
        runs: made.runs,
        wire: made.wire,
        checks,
        broken,
    }
}

/// The one operator of a step. Without one, or with two, the error is said and the likeliest is meant.
fn operator(item: &Item, args: &mut Args, errors: &mut Errors) -> String {
    let name = item.name();
    let join = JOINS.into_iter().find(|word| args.has(word));
    let word = args.operator(OPERATORS, errors);
    match (join, &word, item.function()) {
        (Some(join), Some(second), _) => {
            errors.push(
                &second.key,
                format!(
                    "a step does one thing: `{join}` or `{}`\nhelp: put the other one on a function of its own",
                    second.key
                ),
            );
            join.to_owned()
        }
        (Some(join), None, _) => join.to_owned(),
        (None, Some(word), _) => word.key.to_string(),
        (None, None, None) => "merge".to_owned(),
        (None, None, Some(_)) if !errors.is_empty() => {
            // What cannot be read, or nobody knows, was probably the operator.
            let meant = args.unknown.as_ref().map(ToString::to_string);
            let meant = meant.and_then(|word| nearest(&word, OPERATORS.iter().copied()));
            meant.unwrap_or(UNKNOWN).to_owned()
        }
        (None, None, Some(function)) => {
            let words = ticks(OPERATORS);
            errors.push(
                name,
                format!("`{name}` does not say what it does\nhelp: add one of {words}, or `join = MyTable`"),
            );
            let returned = Returned::of(function);
            match returned.shown().as_str() {
                "bool" => "filter",
                "()" => "peek",
                _ => "map_values",
            }
            .to_owned()
        }
    }
}

/// Behind an internal topic both formats must be known.
fn through_topic(output: &mut Output, repartition: &Repartition) -> [Format; 2] {
    let Repartition { word, key, value, .. } = repartition;
    let windows = key.as_ref().filter(|_| !output.rekeyed).map(Format::keeps_windows);
    let mut key = Format::needed(key.as_ref(), &output.key_serde, &output.key, word, "Key");
    let value = Format::needed(value.as_ref(), &output.value_serde, &output.value, word, "Value");
    key.checks.extend(windows);
    (output.key_serde, output.value_serde) = (key.ty.clone(), value.ty.clone());
    [key, value]
}
