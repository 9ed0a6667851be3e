//! Values in order: the types of which two values compare as two numbers do.

/// A type whose values can be placed on a line of 64-bit numbers, in the order in which PostgreSQL has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scale {
    /// `smallint`, `integer`, `bigint`: themselves.
    Integer,
    /// `date`: days.
    Date,
    /// `timestamp without time zone`: microseconds.
    Timestamp,
    /// `timestamp with time zone`: microseconds, in UTC.
    TimestampTz,
}

const SECOND_MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;

impl Scale {
    /// The scale of a type, by `pg_type.oid`, if it has one.
    pub fn of(type_id: u32) -> Option<Scale> {
        match type_id {
            20 | 21 | 23 => Some(Scale::Integer),
            1082 => Some(Scale::Date),
            1114 => Some(Scale::Timestamp),
            1184 => Some(Scale::TimestampTz),
            _ => None,
        }
    }

    /// Where a value stands: as the log prints it (`DateStyle` ISO), or a literal that PostgreSQL reads the
    /// same under every setting. `None` for all other forms, infinities and years before 1 or past 9999.
    pub fn place(self, text: &str) -> Option<i64> {
        match self {
            Scale::Integer => integer(text),
            Scale::Date => day(text.as_bytes()).and_then(|(day, rest)| rest.is_empty().then_some(day)),
            Scale::Timestamp => match moment(text.as_bytes())? {
                (micros, []) => Some(micros),
                _ => None,
            },
            Scale::TimestampTz => {
                let (micros, zone) = moment(text.as_bytes())?;
                Some(micros - offset_seconds(zone)? * SECOND_MICROS)
            }
        }
    }
}

fn integer(text: &str) -> Option<i64> {
    // PostgreSQL 16 also reads 0x1F and 1_000; those have no place.
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `YYYY-MM-DD` as days since 1970, and what follows.
fn day(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, text) = number(text, 4)?;
    let (month, text) = number(text.strip_prefix(b"-")?, 2)?;
    let (day, text) = number(text.strip_prefix(b"-")?, 2)?;
    if year == 0 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the day that may be missing comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    let days = before + (month * 153 + 2) / 5 + day - 1;
    Some((days - 719_468, text))
}

/// A day and a time of it as microseconds, and what follows. Without a time it is midnight.
fn moment(text: &[u8]) -> Option<(i64, &[u8])> {
    let (day, text) = day(text)?;
    let midnight = day * DAY_SECONDS * SECOND_MICROS;
    let Some(text) = text.strip_prefix(b" ").or_else(|| text.strip_prefix(b"T")) else {
        return text.is_empty().then_some((midnight, text));
    };
    let (hours, text) = number(text, 2)?;
    let (minutes, text) = number(text.strip_prefix(b":")?, 2)?;
    let (seconds, text) = number(text.strip_prefix(b":")?, 2)?;
    if hours > 24 || minutes > 59 || seconds > 60 {
        return None;
    }
    let (micros, text) = match text.strip_prefix(b".") {
        Some(fraction) => micros(fraction)?,
        None => (0, text),
    };
    let seconds = hours * 3600 + minutes * 60 + seconds;
    Some((midnight + seconds * SECOND_MICROS + micros, text))
}

/// One to six digits after the point; more would be rounded.
fn micros(text: &[u8]) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (value, rest) = number(text, digits)?;
    let missing = 6_u32.checked_sub(u32::try_from(digits).ok()?)?;
    (digits > 0).then_some((value * 10_i64.pow(missing), rest))
}

/// `Z`, `+HH`, `+HH:MM` or `+HH:MM:SS` as seconds east of UTC.
fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let (sign, text) = match zone {
        b"Z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (mut seconds, mut text) = number(text, 2).map(|(hours, text)| (hours * 3600, text))?;
    for unit in [60, 1] {
        let Some(rest) = text.strip_prefix(b":") else { break };
        let (value, rest) = number(rest, 2)?;
        seconds += value * unit;
        text = rest;
    }
    text.is_empty().then_some(sign * seconds)
}

/// A number of exactly so many digits, and what follows.
fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let all = head.iter().all(u8::is_ascii_digit);
    all.then(|| (head.iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0')), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_postgresql_has_them() {
        // select extract(epoch from …) * 1000000
        let tz = |text| Scale::TimestampTz.place(text);
        assert_eq!(tz("1970-01-01 00:00:00+00"), Some(0));
        assert_eq!(tz("2026-11-21 12:31:07.25+00"), Some(1_795_264_267_250_000));
        assert_eq!(tz("2026-11-21 18:01:07.25+05:30"), Some(1_795_264_267_250_000));
        assert_eq!(tz("2026-11-21T12:31:07.250000Z"), Some(1_795_264_267_250_000));
        assert_eq!(tz("1900-01-01 00:00:00+00:19:32"), Some(-2_208_989_972_000_000));
        assert_eq!(tz("0001-01-01 00:00:00+00"), Some(-62_135_596_800_000_000));
        assert_eq!(Scale::Timestamp.place("2024-02-29 24:00:00"), Scale::Timestamp.place("2024-03-01"));
        assert_eq!(Scale::Date.place("2000-03-01"), Some(11_017));
        assert_eq!(Scale::Integer.place("-42"), Some(-42));
    }

    #[test]
    fn what_depends_on_settings_or_has_no_number_has_no_place() {
        for text in ["2026-11-21 12:31:07", "2026-11-21", "now", "infinity", "0044-03-15 00:00:00+00 BC"] {
            assert_eq!(Scale::TimestampTz.place(text), None, "{text}");
        }
        for text in
            ["2026-11-21 12:31:07+00", "21.11.2026 12:31:07", "2026-11-21 12:31:07.1234567", "tomorrow"]
        {
            assert_eq!(Scale::Timestamp.place(text), None, "{text}");
        }
        for text in ["10000-01-01", "2026-13-01", "2026-1-1", "-infinity", ""] {
            assert_eq!(Scale::Date.place(text), None, "{text}");
        }
        for text in ["+1", "0x10", "1_000", "", "-", "9223372036854775808", "1.5"] {
            assert_eq!(Scale::Integer.place(text), None, "{text}");
        }
        assert_eq!(Scale::of(1700), None);
    }
}
