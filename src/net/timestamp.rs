//! A moment in nanoseconds since 1970, as `LogEntry.timestamp` gives it: RFC 3339, UTC, up to nine
//! digits of a second, trailing zeros left out at will (`2019-11-12T12:35:16.59353182Z`).

use std::fmt;

use chrono::{DateTime, SecondsFormat};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads RFC 3339. The usual form is read without a general parser: it is on the path of every
    /// log entry; anything else (an offset, a lower-case `t`) is left to chrono.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_usual(text.as_bytes()).or_else(|| {
            let text = text.trim();
            let general = DateTime::parse_from_rfc3339(text).ok();
            let general = general.and_then(|at| at.timestamp_nanos_opt()).map(Self);
            general.or_else(|| of_table(text)).or_else(|| since_1970(text))
        })
    }

    /// To the second, for people.
    #[must_use]
    pub fn to_second(self) -> String {
        let moment = DateTime::from_timestamp_nanos(self.0);
        moment.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// The start of the time bucket of this many seconds that holds this moment.
    #[must_use]
    pub fn bucket(self, seconds: i64) -> Self {
        let width = seconds.max(1).saturating_mul(1_000_000_000);
        Self(self.0.div_euclid(width).saturating_mul(width))
    }
}

/// Seconds since 1970, as BigQuery prints them (`1.791968401E9`), or milli-, micro- or nanoseconds,
/// which are told by their size.
fn since_1970(text: &str) -> Option<Timestamp> {
    if text.contains(['e', 'E']) {
        let seconds: f64 = text.parse().ok()?;
        // A float of this size holds microseconds exactly.
        let micros = (1e8..1e11).contains(&seconds).then(|| format!("{:.0}", seconds * 1e6))?;
        return micros.parse::<i64>().ok()?.checked_mul(1_000).map(Timestamp);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !(9..=19).contains(&whole.len()) || fraction.len() > 9 {
        return None;
    }
    let places = u32::try_from(fraction.len()).ok()?;
    let is_number = whole.bytes().all(|byte| byte.is_ascii_digit());
    let whole: i64 = whole.parse().ok().filter(|_| is_number)?;
    let fraction = digits(fraction.as_bytes())?;
    let unit = match whole {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    whole.checked_mul(unit)?.checked_add(fraction * unit / 10_i64.pow(places)).map(Timestamp)
}

/// As tables print it: `2019-11-06 16:41:38.394575 UTC`, or without a zone, which is UTC then.
fn of_table(text: &str) -> Option<Timestamp> {
    let bare = text.strip_suffix(" UTC").or_else(|| text.strip_suffix("+00")).unwrap_or(text);
    let (date, time) = bare.split_once([' ', 'T'])?;
    parse_usual(format!("{date}T{}Z", time.trim_end_matches('Z')).as_bytes())
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

/// A reader of timestamps that come more or less in order: most are of the second that was read
/// last.
#[derive(Debug, Clone)]
pub struct Clock {
    /// `2026-10-14T09:00:00` as it is written, and what it means.
    second: ([u8; 19], Timestamp),
}

impl Default for Clock {
    fn default() -> Self {
        Self { second: (*b"1970-01-01T00:00:00", Timestamp(0)) }
    }
}

impl Clock {
    /// Reads the usual form; `None` for any other.
    pub fn read(&mut self, text: &[u8]) -> Option<Timestamp> {
        let (head, tail) = text.split_first_chunk::<19>()?;
        if *head != self.second.0 {
            self.second = (*head, second(head)?);
        }
        let nanos = nanoseconds(tail)?;
        self.second.1.0.checked_add(nanos).map(Timestamp)
    }
}

fn parse_usual(bytes: &[u8]) -> Option<Timestamp> {
    let (head, tail) = bytes.split_first_chunk::<19>()?;
    let nanos = nanoseconds(tail)?;
    second(head)?.0.checked_add(nanos).map(Timestamp)
}

/// `.5Z` or `Z`.
fn nanoseconds(tail: &[u8]) -> Option<i64> {
    let fraction = tail.strip_suffix(b"Z")?;
    match fraction.strip_prefix(b".") {
        Some(digits_after) if (1..=9).contains(&digits_after.len()) => {
            let missing = u32::try_from(9 - digits_after.len()).ok()?;
            Some(digits(digits_after)? * 10_i64.pow(missing))
        }
        None if fraction.is_empty() => Some(0),
        _ => None,
    }
}

/// `2026-10-14T09:00:00`.
fn second(head: &[u8; 19]) -> Option<Timestamp> {
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, wanted)| head.get(*at) != Some(wanted)) {
        return None;
    }
    let part = |from: usize, to: usize| digits(head.get(from..to)?);
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970 of a civil date: years start in March, so that the leap day comes last.
    let (shifted_year, shifted_month) =
        if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year - era * 400;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000).map(Timestamp)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = DateTime::from_timestamp_nanos(self.0);
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Timestamp, parse_usual};
    use chrono::DateTime;

    #[test]
    fn the_short_way_agrees_with_the_general_parser() {
        for text in [
            "2019-11-12T12:35:16.59353182Z",
            "2020-02-29T23:59:59.999999999Z",
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.5Z",
            "2100-03-01T00:00:00.1Z",
        ] {
            let general = DateTime::parse_from_rfc3339(text).unwrap().timestamp_nanos_opt();
            assert_eq!(parse_usual(text.as_bytes()).map(|moment| moment.0), general, "{text}");
            let mut clock = Clock::default();
            for _ in 0..2 {
                assert_eq!(clock.read(text.as_bytes()).map(|moment| moment.0), general, "{text}");
            }
        }
        assert_eq!(
            Timestamp::parse("2021-06-04T15:27:35+02:00").unwrap().to_string(),
            "2021-06-04T13:27:35Z"
        );
        assert_eq!(
            Timestamp::parse("2019-11-06 16:41:38.394575 UTC"),
            Timestamp::parse("2019-11-06T16:41:38.394575Z")
        );
        for bad in ["2021-02-29T00:00:00Z", "2021-13-01T00:00:00Z", "yesterday", ""] {
            assert!(Timestamp::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn buckets_start_at_multiples_also_before_1970() {
        let bucket = |text: &str| Timestamp::parse(text).unwrap().bucket(300).to_string();
        assert_eq!(bucket("2021-06-04T13:27:35.7Z"), "2021-06-04T13:25:00Z");
        assert_eq!(bucket("1969-12-31T23:59:59Z"), "1969-12-31T23:55:00Z");
    }
}
