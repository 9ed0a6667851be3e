//! A position in the write-ahead log.

use std::fmt;
use std::str::FromStr;

/// A log sequence number: a byte position in the write-ahead log, printed by PostgreSQL as two
/// hexadecimal halves (`16/B374D848`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lsn(pub u64);

/// The text was not of the form `16/B374D848`.
#[derive(Debug, thiserror::Error)]
#[error("not a log sequence number: {0:?}")]
pub struct ParseLsnError(String);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Lsn {
    type Err = ParseLsnError;

    fn from_str(text: &str) -> Result<Lsn, ParseLsnError> {
        let halves = text.split_once('/').and_then(|(high, low)| {
            Some((u32::from_str_radix(high, 16).ok()?, u32::from_str_radix(low, 16).ok()?))
        });
        match halves {
            Some((high, low)) => Ok(Lsn(u64::from(high) << 32 | u64::from(low))),
            None => Err(ParseLsnError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_as_postgresql_prints_it() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(text.parse::<Lsn>().unwrap().to_string(), text);
        }
        assert!("16-B374D848".parse::<Lsn>().is_err());
    }
}
