//! Times as text: ISO 8601, so that people can read them.
//!
//! Knows the calendar and nothing else. Times are in UTC unless they say an offset.

use crate::record::Timestamp;
use std::fmt;
use std::str::FromStr;

const DAY_MS: i64 = 86_400_000;

/// The last millisecond of the year 9999; what lies behind has no form in ISO 8601.
const LAST_MS: i64 = 253_402_300_799_999;

/// `2022-12-05T08:55:27Z`, with milliseconds if there are any. A time before 1970 or after 9999 is shown as
/// milliseconds.
///
/// ```
/// use streams_runtime::Timestamp;
/// assert_eq!(Timestamp::from_ms(1_670_230_527_000).to_string(), "2022-12-05T08:55:27Z");
/// assert_eq!(Timestamp::from_ms(1).to_string(), "1970-01-01T00:00:00.001Z");
/// ```
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.as_ms();
        if !(0..=LAST_MS).contains(&ms) {
            return write!(f, "{ms}");
        }
        let (year, month, day) = date_of(ms / DAY_MS);
        let (seconds, ms) = (ms % DAY_MS / 1000, ms % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if ms > 0 {
            write!(f, ".{ms:03}")?;
        }
        f.write_str("Z")
    }
}

/// A text that is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time: write `2022-12-05T08:55:27Z`, or milliseconds since 1970")]
pub struct ParseTimestampError(String);

/// Reads `2022-12-05T08:55:27Z`: seconds, fractions of them and the zone may be missing, without a zone it is UTC.
/// A whole number is in milliseconds since 1970.
///
/// ```
/// use streams_runtime::Timestamp;
/// let time: Timestamp = "2022-12-05T09:55:27.060293+01:00".parse()?;
/// assert_eq!(time, Timestamp::from_ms(1_670_230_527_060));
/// assert_eq!("1670230527060".parse(), Ok(time));
/// assert!("yesterday".parse::<Timestamp>().is_err());
/// # Ok::<(), streams_runtime::ParseTimestampError>(())
/// ```
impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, ParseTimestampError> {
        let ms = text.parse().ok().or_else(|| milliseconds(text));
        ms.map(Timestamp::from_ms).ok_or_else(|| ParseTimestampError(text.to_owned()))
    }
}

fn milliseconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut date = date.split('-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let days = days_since_1970(year, month, day);
    if date.next().is_some() || date_of(days) != (year, month, day) {
        return None;
    }
    let (time, offset_minutes) = zone(time)?;
    let (time, fraction) = time.split_once('.').map_or((time, None), |(time, rest)| (time, Some(rest)));
    let mut parts = time.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| digits(second, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let ms = match fraction {
        None => 0,
        Some(fraction) if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) => {
            return None;
        }
        Some(fraction) => format!("{fraction:0<3}")[..3].parse().ok()?,
    };
    Some(days * DAY_MS + ((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + ms)
}

/// Cuts off `Z` or `+01:00`; the offset is in minutes.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, 0)) };
    let (hours, minutes) = time[at + 1..].split_once(':')?;
    let minutes = digits(hours, 2)? * 60 + digits(minutes, 2)?;
    Some((&time[..at], if time[at..].starts_with('-') { -minutes } else { minutes }))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

/// Days since 1970-01-01 in the Gregorian calendar. Years begin in March here, so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// The reverse, for days from 1970 on (and those in which [`days_since_1970`] can lie).
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_millennia_is_read_as_it_is_shown() {
        for day in 0..=LAST_MS / DAY_MS {
            let time = Timestamp::from_ms(day * DAY_MS + day % DAY_MS);
            assert_eq!(time.to_string().parse(), Ok(time));
        }
    }

    #[test]
    fn seconds_fractions_and_zone_may_be_missing() {
        let at = |text: &str| text.parse::<Timestamp>().map(Timestamp::as_ms);
        assert_eq!(at("1970-01-01T00:01"), Ok(60_000));
        assert_eq!(at("1970-01-01 00:00:01.5"), Ok(1_500));
        assert_eq!(at("1970-01-01T00:00:00-00:30"), Ok(1_800_000));
        assert_eq!(at("2024-02-29T00:00:00Z"), Ok(1_709_164_800_000));
        assert_eq!(at("-5"), Ok(-5));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-01-01",
            "2023-01-01T24:00:00Z",
            "2023-01-01T1:00:00Z",
            "2023-01-01T00:00:00.Z",
            "2023-01-01T00:00:00+1",
            "2023-01-01T00:00:00é",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_has_no_date_is_shown_in_milliseconds() {
        assert_eq!(Timestamp::from_ms(i64::MAX).to_string(), i64::MAX.to_string());
        assert_eq!(Timestamp::from_ms(-1).to_string(), "-1");
    }
}
