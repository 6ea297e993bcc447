//! Spans of time as written: `"15s"`, `"1h 30m"`.
//!
//! Knows units; does not know what is measured.

use crate::errors::Errors;
use syn::LitStr;

/// A span of time as written.
pub struct Duration {
    /// Milliseconds.
    pub ms: i64,
    /// The literal, for messages.
    pub text: LitStr,
}

/// The units, longest first, with their milliseconds.
const UNITS: &[(&str, i64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Duration {
    /// Reads a literal; anything but integers with units is an error.
    pub fn parse(text: LitStr, errors: &mut Errors) -> Option<Duration> {
        match read(&text.value()) {
            Ok(ms) => Some(Duration { ms, text }),
            Err(message) => {
                errors.push(&text, message);
                None
            }
        }
    }

    /// Milliseconds in the largest units that fit, for messages: `1m 5s`.
    pub fn shown(mut ms: i64) -> String {
        let mut parts = Vec::new();
        for (unit, scale) in UNITS {
            if ms >= *scale {
                parts.push(format!("{}{unit}", ms / scale));
                ms %= scale;
            }
        }
        if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
    }
}

fn read(text: &str) -> Result<i64, String> {
    let mut sum = 0_i64;
    for part in text.split_whitespace() {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, unit) = part.split_at(digits);
        if number.is_empty() {
            return Err(not_a_span(text));
        }
        if unit.is_empty() {
            return Err(format!(
                "`{text}` has no unit\nhelp: write `\"{number}s\"` for seconds; units are ms, s, m, h, d"
            ));
        }
        let Some((_, scale)) = UNITS.iter().find(|(known, _)| *known == unit) else {
            return Err(format!(
                "`{unit}` is not a unit of time\nhelp: units are ms, s, m, h, d, as in `\"15s\"`"
            ));
        };
        let ms = number.parse::<i64>().ok().and_then(|number| number.checked_mul(*scale));
        sum = ms.and_then(|ms| sum.checked_add(ms)).ok_or_else(|| not_a_span(text))?;
    }
    if text.trim().is_empty() { Err(not_a_span(text)) } else { Ok(sum) }
}

fn not_a_span(text: &str) -> String {
    format!("`{text}` is not a span of time\nhelp: write a whole number and a unit, as in `\"15s\"`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_units() {
        assert_eq!(read("15s"), Ok(15_000));
        assert_eq!(read("1h 30m"), Ok(5_400_000));
        assert_eq!(read("0s"), Ok(0));
        assert!(read("15").unwrap_err().contains("has no unit"));
        assert!(read("15 s").unwrap_err().contains("has no unit"));
        assert!(read("5parsecs").unwrap_err().contains("`parsecs` is not a unit"));
        assert!(read("-5s").is_err() && read("").is_err() && read("99999999999999999999d").is_err());
    }

    #[test]
    fn spans_are_shown_in_large_units() {
        assert_eq!(Duration::shown(65_000), "1m 5s");
        assert_eq!(Duration::shown(0), "0s");
    }
}
