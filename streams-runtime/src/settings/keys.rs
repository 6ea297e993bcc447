//! Whose setting a name is: ours, an internal topic's, or a property of some clients.
//!
//! Knows names and prefixes. Does not know values, nor who else said the same.

use super::build::{Build, Verdict};
use super::entry::{Entry, Origin};
use super::mistakes::Mistake;
use super::names::{self, OURS, TOPIC_PREFIX, split_prefix};
use super::properties::{self, Client};
use super::{environment, promises};
use crate::transport::is_secret;

/// Whose setting a name is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// Ours, by name.
    Ours(&'static str),
    /// Of internal topics, without prefix.
    Topic(String),
    /// Of all clients or of one kind, by its canonical name.
    Property(Option<Client>, String),
}

/// Whose setting an entry is, or why it is nobody's.
pub(super) fn key(entry: &Entry, build: &Build) -> Result<Key, Box<Mistake>> {
    let name = entry.name.as_str();
    let wrong = |problem: String, cure: String| Err(Box::new(Mistake::new(entry, problem, cure)));
    if let Some(ours) = OURS.iter().find(|ours| **ours == name) {
        return Ok(Key::Ours(ours));
    }
    if let Some((java, rest)) =
        names::JAVA_PREFIXES.iter().find_map(|java| Some((*java, name.strip_prefix(java)?)))
    {
        let problem = format!("there is no `{java}` here: all consumers of an application are alike");
        return wrong(problem, format!("write `consumer.{rest}`"));
    }
    let (prefix, property) = split_prefix(name);
    if let Some(cure) = names::elsewhere(property) {
        return wrong("there is no such setting here".to_owned(), cure.to_owned());
    }
    let client = Client::ALL.into_iter().find(|client| client.prefix() == prefix);
    let property = properties::canonical(property);
    if let (Some(ours), Some(_)) = (OURS.iter().find(|ours| **ours == property), client)
        && promises::about(property).is_none()
    {
        let problem = format!("`{ours}` is not a property of one kind of client");
        return wrong(problem, format!("write `{ours}`"));
    }
    let key = Key::Property(client, property.to_owned());
    if promises::about(property).is_some() {
        return Ok(key);
    }
    match (properties::clients(property), client) {
        (Some(meant), Some(client)) if !meant.contains(&client) => {
            let right = meant[0].prefix();
            let kind = right.trim_end_matches('.');
            wrong(format!("it is a property of a {kind}"), format!("write `{right}{property}`"))
        }
        (Some(_), _) => Ok(key),
        (None, _) if (build.judge)(property, "") != Verdict::Unknown => Ok(key),
        (None, None) if name.len() > TOPIC_PREFIX.len() && name.starts_with(TOPIC_PREFIX) => {
            Ok(Key::Topic(name[TOPIC_PREFIX.len()..].to_owned()))
        }
        (None, _) => {
            let nearest = names::nearest(name);
            let cure = match &nearest {
                Some(nearest) => spelt_as(nearest, &entry.origin),
                None => {
                    "see `docs/settings.md` for ours and librdkafka's `CONFIGURATION.md` for those of its \
                         clients"
                        .to_owned()
                }
            };
            let mut mistake = Mistake::new(entry, "there is no such setting", cure);
            if nearest.is_some_and(|nearest| is_secret(&nearest)) {
                mistake.hide();
            }
            Err(Box::new(mistake))
        }
    }
}

/// A name as it is written where it was misspelt.
fn spelt_as(name: &str, origin: &Origin) -> String {
    match origin {
        Origin::Environment(_) => format!("is `{}` meant (`{name}`)?", environment::variable(name)),
        _ => format!("is `{name}` meant?"),
    }
}
