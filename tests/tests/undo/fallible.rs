//! Functions that fail, in every step that may have one: the record is left out and counted, once.

use super::*;

/// What no step takes.
fn checked(word: &str) -> Result<&str, String> {
    if word.len() == 1 { Err(format!("`{word}` is too short")) } else { Ok(word) }
}

#[processor(from = In, filter, error = skip)]
fn kept(word: &str) -> Result<bool, String> {
    Ok(checked(word)?.len() > 1)
}
#[processor(from = In, filter_not, error = skip)]
fn short(word: &str) -> Result<bool, String> {
    Ok(checked(word)?.len() > 5)
}
#[processor(from = In, map, error = skip, to = Out)]
fn mapped(key: &str, word: &str) -> Result<(String, String), String> {
    Ok((format!("{key}!"), checked(word)?.to_uppercase()))
}
#[processor(from = kept, map_values, error = skip, to = Out)]
fn values(word: &str) -> Result<String, String> {
    if word.starts_with('k') { Err("no k".to_owned()) } else { Ok(word.to_owned()) }
}
#[processor(from = short, filter_map, error = skip, to = Out)]
fn some(key: &str, word: &str) -> Result<Option<(String, String)>, String> {
    if word == "-5" {
        return Err("no minus".to_owned());
    }
    Ok((key != "a").then(|| (word.to_owned(), key.to_owned())))
}
#[processor(from = In, filter_map_values, error = skip, to = Out)]
fn some_values(word: &str) -> Result<Option<String>, String> {
    let word = checked(word)?;
    Ok((word != "fig").then(|| word.to_owned()))
}
#[processor(from = In, flat_map, error = skip, to = Out)]
fn flat(key: &str, word: &str) -> Result<Vec<(String, String)>, String> {
    Ok(checked(word)?.split(' ').map(|word| (word.to_owned(), key.to_owned())).collect())
}
#[processor(from = In, flat_map_values, error = skip, to = Out)]
fn flat_values(word: &str) -> Result<Vec<String>, String> {
    Ok(checked(word)?.split(' ').map(str::to_owned).collect())
}
#[processor(from = In, select_key, error = skip, to = Out)]
fn keyed(word: &str) -> Result<String, String> {
    Ok(checked(word)?.to_owned())
}
#[processor(from = In, peek, error = skip, to = Second)]
fn watched(word: &str) -> Result<(), String> {
    checked(word).map(drop)
}

#[derive(Branches)]
enum Way {
    Left(String),
    Right(String),
}
#[processor(from = In, split, error = skip)]
fn way(word: &str) -> Result<Way, String> {
    let word = checked(word)?.to_owned();
    Ok(if word.len() % 2 == 0 { Way::Left(word) } else { Way::Right(word) })
}
#[processor(from = [Way::Left, Way::Right], merge, to = Second)]
struct Ways;

topology!(
    Fallible = [kept, short, mapped, values, some, some_values, flat, flat_values, keyed, watched, way, Ways]
);

#[test]
fn functions_that_fail() {
    undone::<Fallible>(feed, |driver| {
        let drops = driver.drops();
        assert_eq!(drops.len(), 11, "{drops:?}");
        String::new()
    });
}
