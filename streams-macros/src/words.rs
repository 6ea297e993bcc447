//! Words for messages: lists in backticks, near misses, one naming style turned into another.
//!
//! Knows texts only; does not know what the words mean.

/// `a`, `b`, `c` in backticks.
pub fn ticks(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// `word-lines`, `word_lines` → `WordLines`
pub fn camel(text: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    text.split(['-', '_', '.', ' ']).map(upper).collect()
}

/// `WordLines` → `word_lines`
pub fn snake(text: &str) -> String {
    joined(text, '_')
}

/// `WordLines`, `word_lines` → `word-lines`
pub fn kebab(text: &str) -> String {
    joined(text, '-').replace('_', "-")
}

fn joined(text: &str, between: char) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push(between);
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// The word a person most likely meant, if one is near.
pub fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let near = known.map(|known| (distance(known, word), known)).min()?;
    (near.0 <= 2 && near.0 < word.len()).then_some(near.1)
}

/// How many letters have to change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_style() {
        assert_eq!(camel("word-lines"), "WordLines");
        assert_eq!(camel("orders"), "Orders");
        assert_eq!(snake("WordCounts"), "word_counts");
        assert_eq!(kebab("WordCounts"), "word-counts");
        assert_eq!(kebab("by_word"), "by-word");
    }

    #[test]
    fn the_nearest_word_is_found() {
        assert_eq!(distance("filter", "fliter"), 2);
        assert_eq!(nearest("form", ["from", "to"].into_iter()), Some("from"));
        assert_eq!(nearest("colour", ["from", "to"].into_iter()), None);
        assert_eq!(nearest("x", ["to"].into_iter()), None);
    }
}
