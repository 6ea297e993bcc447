//! `word`, `word = value`, `word(more)`: the one grammar of all attributes.
//!
//! Knows how arguments are spelled and says what is wrong with one; does not know what they mean together.

use crate::errors::Errors;
use crate::time::Duration;
use crate::words::{camel, nearest, ticks};
use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{LitInt, LitStr, Path, Token, Type};

/// What stands behind a word.
pub enum Value {
    /// Nothing: a bare word.
    Bare,
    /// `= "text"`
    Text(LitStr),
    /// `= 4`
    Number(LitInt),
    /// `= Item`, `= [A, B => E::B]`
    Links(Vec<Link>),
    /// `(more)`
    Nested(Vec<Arg>),
    /// `= dead_letter(Topic)`
    Called(Path),
    /// `= |order| order.at`, which nothing takes.
    Closure,
}

/// `Orders`, `ByType::General`, `Carts => Event::Cart`, `Json<Order>`.
pub struct Link {
    /// The item or format.
    pub ty: Type,
    /// The constructor behind `=>`.
    pub via: Option<Path>,
}

/// One argument.
pub struct Arg {
    /// Its word.
    pub key: Ident,
    /// What stands behind it.
    pub value: Value,
    /// True for a list in brackets.
    pub listed: bool,
}

impl Parse for Link {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let ty = input.parse()?;
        let via = match input.peek(Token![=>]) {
            true => {
                input.parse::<Token![=>]>()?;
                Some(input.parse()?)
            }
            false => None,
        };
        Ok(Link { ty, via })
    }
}

impl Parse for Arg {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            let args = Punctuated::<Arg, Token![,]>::parse_terminated(&content)?;
            return Ok(Arg { key, value: Value::Nested(args.into_iter().collect()), listed: false });
        }
        if input.peek(Token![:]) {
            return Err(input.error(format!("expected `=`\nhelp: write `{key} = ...`")));
        }
        if !input.peek(Token![=]) {
            return Ok(Arg { key, value: Value::Bare, listed: false });
        }
        input.parse::<Token![=]>()?;
        let listed = input.peek(syn::token::Bracket);
        let value = if input.peek(LitStr) {
            Value::Text(input.parse()?)
        } else if input.peek(LitInt) {
            Value::Number(input.parse()?)
        } else if input.peek(Token![|]) || input.peek(Token![move]) {
            input.parse::<syn::ExprClosure>()?;
            Value::Closure
        } else if listed {
            let content;
            syn::bracketed!(content in input);
            Value::Links(Punctuated::<Link, Token![,]>::parse_terminated(&content)?.into_iter().collect())
        } else {
            let link: Link = input.parse()?;
            match link {
                Link { ty: Type::Path(path), via: None } if input.peek(syn::token::Paren) => {
                    let content;
                    syn::parenthesized!(content in input);
                    content.parse::<proc_macro2::TokenStream>()?;
                    Value::Called(path.path)
                }
                link => Value::Links(vec![link]),
            }
        };
        Ok(Arg { key, value, listed })
    }
}

/// The arguments of one attribute, taken out one after the other.
pub struct Args {
    args: Vec<Arg>,
    /// An operator, probably, that nobody knows.
    pub unknown: Option<Ident>,
}

impl Args {
    /// Parses a list. `known` arguments and operator `words` are kept, anything else is an error that lists them.
    pub fn parse(
        tokens: TokenStream,
        attribute: &str,
        known: &[&str],
        words: &[&str],
        errors: &mut Errors,
    ) -> Args {
        let list = errors.ok(Punctuated::<Arg, Token![,]>::parse_terminated.parse2(tokens));
        if list.is_none() {
            errors.close();
        }
        Args::of(list.into_iter().flatten(), &format!("#[{attribute}]"), known, words, errors)
    }

    fn of(
        list: impl Iterator<Item = Arg>,
        owner: &str,
        known: &[&str],
        words: &[&str],
        errors: &mut Errors,
    ) -> Args {
        let mut args: Vec<Arg> = Vec::new();
        let (mut no_word, mut later) = (None, false);
        for arg in list {
            let key = arg.key.to_string();
            if !known.contains(&key.as_str()) && !words.contains(&key.as_str()) {
                // Words that go together, like `hopping` and `advance`, are one wish.
                let is_later = LATER.contains(&key.as_str());
                if !(later && is_later) {
                    errors.push(&arg.key, unknown(owner, &key, known, words));
                }
                later |= is_later;
                no_word = no_word.or(matches!(arg.value, Value::Bare).then_some(arg.key));
            } else if args.iter().any(|other| other.key == arg.key) {
                errors.push(&arg.key, format!("`{key}` is given twice\nhelp: remove one of them"));
            } else {
                args.push(arg);
            }
        }
        Args { args, unknown: no_word }
    }

    /// True if the argument is given.
    pub fn has(&self, key: &str) -> bool {
        self.args.iter().any(|arg| arg.key == key)
    }

    /// Takes an argument out.
    pub fn take(&mut self, key: &str) -> Option<Arg> {
        let at = self.args.iter().position(|arg| arg.key == key)?;
        Some(self.args.remove(at))
    }

    /// The operator: the one of `words` that is given. Two are an error.
    pub fn operator(&mut self, words: &[&str], errors: &mut Errors) -> Option<Arg> {
        let is_word = |arg: &Arg| words.contains(&arg.key.to_string().as_str());
        let at = self.args.iter().position(is_word)?;
        let first = self.args.remove(at);
        if let Some(second) = self.args.iter().find(|arg| is_word(arg)) {
            errors.push(
                &second.key,
                format!(
                    "a step does one thing: `{}` or `{}`\nhelp: put the other one on a function of its own",
                    first.key, second.key
                ),
            );
        }
        Some(first)
    }

    /// `key = "text"`
    pub fn text(&mut self, key: &str, errors: &mut Errors) -> Option<LitStr> {
        let arg = self.take(key)?;
        match arg.value {
            Value::Text(text) if text.value().is_empty() => {
                errors.push(&text, format!("`{key}` is empty\nhelp: write a name between the quotes"));
                None
            }
            Value::Text(text) => Some(text),
            _ => {
                errors.push(&arg.key, format!("`{key}` takes a string\nhelp: write `{key} = \"...\"`"));
                None
            }
        }
    }

    /// `key = 4`, at least 1
    pub fn count(&mut self, key: &str, errors: &mut Errors) -> Option<LitInt> {
        let arg = self.take(key)?;
        match arg.value {
            Value::Number(number) if number.base10_parse::<u32>().is_ok_and(|n| n > 0) => Some(number),
            Value::Number(number) => {
                errors.push(
                    &number,
                    format!("`{key}` must be between 1 and 4294967295\nhelp: write `{key} = 4`"),
                );
                None
            }
            _ => {
                errors.push(&arg.key, format!("`{key}` takes a whole number\nhelp: write `{key} = 4`"));
                None
            }
        }
    }

    /// `key = Item`, `key = [A, B]`
    pub fn links(&mut self, key: &str, errors: &mut Errors) -> Option<Vec<Link>> {
        let arg = self.take(key)?;
        match arg.value {
            Value::Links(links) if !links.is_empty() => Some(links),
            Value::Text(text) => {
                let written = text.value();
                let item = camel(&written);
                // A step is called as it is written; a topic or table, like its struct.
                let cure = match syn::parse_str::<Ident>(&written) {
                    Ok(_) if key == "from" && written != item => {
                        format!("write `{key} = {written}` for a step, `{key} = {item}` for a topic or table")
                    }
                    _ => format!("write `{key} = {item}`"),
                };
                errors.push(&text, format!("`{key}` takes the name of an item, not a string\nhelp: {cure}"));
                None
            }
            _ => {
                errors
                    .push(&arg.key, format!("`{key}` takes the name of an item\nhelp: write `{key} = Item`"));
                None
            }
        }
    }

    /// `key = Item`
    pub fn link(&mut self, key: &str, errors: &mut Errors) -> Option<Type> {
        let listed = self.args.iter().any(|arg| arg.key == key && arg.listed);
        let mut links = self.links(key, errors)?;
        if let [Link { ty, via: None }] = links.as_slice()
            && listed
        {
            let item = crate::shape::shown(ty);
            errors.push(ty, format!("`{key}` takes one item, not a list\nhelp: write `{key} = {item}`"));
        }
        if key == "to" && links.iter().any(|link| link.via.is_some()) {
            let message = "a list of branches behind `to` is designed, not built yet\nhelp: write each branch with a step of its own: `#[processor(from = MyEnum::Branch, to = MyTopic)] struct Branch;`";
            errors.push(&links[0].ty, message);
            return None;
        }
        if let Some(second) = links.get(1) {
            errors.push(&second.ty, format!("`{key}` takes one item\nhelp: remove this one"));
        }
        let link = links.remove(0);
        if let Some(via) = &link.via {
            errors.push(
                via,
                format!("`{key}` takes an item without `=>`\nhelp: only `from = [A => Enum::A]` converts"),
            );
        }
        Some(link.ty)
    }

    /// `key = skip`: one of `allowed`.
    pub fn choice(&mut self, key: &str, allowed: &[&str], errors: &mut Errors) -> Option<Ident> {
        let arg = self.take(key)?;
        if let Value::Links(links) = &arg.value
            && let [Link { ty: Type::Path(path), via: None }] = links.as_slice()
            && let Some(word) = path.path.get_ident()
        {
            if allowed.iter().any(|a| word == a) {
                return Some(word.clone());
            }
            if LATER.contains(&word.to_string().as_str()) {
                errors.push(word, later(&word.to_string(), &format!("`{key}` is one of {}", ticks(allowed))));
                return None;
            }
            errors.push(word, format!("`{key}` cannot be `{word}`\nhelp: it is one of {}", ticks(allowed)));
        } else if let Value::Called(path) = &arg.value
            && let Some(word) = path.get_ident().filter(|word| *word == "dead_letter" || *word == "to")
        {
            errors.push(word, later(&word.to_string(), &format!("`{key}` is one of {}", ticks(allowed))));
        } else {
            errors.push(&arg.key, format!("`{key}` takes a word\nhelp: write `{key} = {}`", allowed[0]));
        }
        None
    }

    /// `key = "15s"` in milliseconds.
    pub fn duration(&mut self, key: &str, errors: &mut Errors) -> Option<Duration> {
        let number = self.args.iter().find(|arg| arg.key == key).and_then(|arg| match &arg.value {
            Value::Number(number) => Some(number.clone()),
            _ => None,
        });
        if let Some(number) = number {
            self.take(key);
            // Kafka Streams counts in milliseconds.
            let (plain, ms) =
                (number.base10_digits().to_owned(), number.base10_parse::<i64>().unwrap_or(15_000));
            let text = if ms % 1_000 == 0 { format!("{}s", ms / 1_000) } else { format!("{ms}ms") };
            errors.push(
                &number,
                format!("`{plain}` has no unit\nhelp: write `{key} = \"{text}\"` if it is in milliseconds; units are ms, s, m, h, d"),
            );
            return None;
        }
        let text = self.text(key, errors)?;
        Duration::parse(text, errors)
    }

    /// `key` or `key(more)`.
    pub fn nested(&mut self, key: &str, known: &[&str], errors: &mut Errors) -> Option<(Ident, Args)> {
        let arg = self.take(key)?;
        let args = match arg.value {
            Value::Nested(args) => Args::of(args.into_iter(), &format!("`{key}`"), known, &[], errors),
            Value::Bare => Args { args: Vec::new(), unknown: None },
            _ => {
                errors.push(&arg.key, format!("`{key}` takes no value\nhelp: write `{key}` or `{key}(...)`"));
                return None;
            }
        };
        Some((arg.key, args))
    }
}

/// Words that the language has a place for, and this version does not know.
const LATER: &[&str] = &[
    "advance",
    "after",
    "before",
    "buffer",
    "changelog",
    "close",
    "cogroup",
    "commit",
    "dead_letter",
    "emit",
    "for_each",
    "full",
    "global",
    "group_by",
    "hopping",
    "in_memory",
    "merger",
    "name_of",
    "on",
    "outer_join",
    "partition_by",
    "pattern",
    "process",
    "process_values",
    "session",
    "sliding",
    "start",
    "subtract",
    "suppress",
    "ttl",
    "unlimited",
    "versioned",
    "wait",
    "within",
];

fn later(word: &str, takes: &str) -> String {
    format!("`{word}` is designed, not built yet\nhelp: until then {takes}")
}

fn unknown(owner: &str, key: &str, known: &[&str], words: &[&str]) -> String {
    let takes = match words {
        [] => format!("it takes {}", ticks(known)),
        _ => format!("it takes {}, and one operator: {}", ticks(known), ticks(words)),
    };
    let owner = if owner.starts_with('#') { format!("`{owner}`") } else { owner.to_owned() };
    if key == "for_each" {
        return later(key, "use `peek`");
    }
    if LATER.contains(&key) {
        return later(key, &takes.replacen("it takes", &format!("{owner} takes"), 1));
    }
    match nearest(key, known.iter().chain(words).copied()) {
        Some(word) => format!("{owner} has no argument `{key}`\nhelp: did you mean `{word}`? {takes}"),
        None => format!("{owner} has no argument `{key}`\nhelp: {takes}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let text = unknown("#[processor]", "form", &["from", "to"], &["filter"]);
        assert!(text.contains("did you mean `from`?") && text.contains("one operator: `filter`"));
        assert!(!unknown("#[processor]", "colour", &["from"], &[]).contains("did you mean"));
    }

    #[test]
    fn arguments_are_taken_out_by_kind() {
        let mut errors = Errors::default();
        let tokens = quote!(a = "15s", b = 4, c = [A, B => E::B], d, e(f = 1));
        let mut args = Args::parse(tokens, "step", &["a", "b", "c", "d", "e"], &[], &mut errors);
        assert_eq!(args.duration("a", &mut errors).unwrap().ms, 15_000);
        assert_eq!(args.count("b", &mut errors).unwrap().base10_digits(), "4");
        assert_eq!(args.links("c", &mut errors).unwrap().len(), 2);
        assert!(args.has("d") && args.nested("e", &["f"], &mut errors).is_some());
        assert!(errors.is_empty());
    }
}
