//! Dates of HTTP (RFC 9110, section 5.6.7), as header fields have them: once, or not at all.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName};

/// What a field that holds a date says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    /// Not a date, or more than one.
    Nonsense,
    At(SystemTime),
}

impl Said {
    pub(super) fn in_field(headers: &HeaderMap, name: &HeaderName) -> Said {
        let mut lines = headers.get_all(name).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Said::Nothing,
            (Some(only), None) => only.to_str().ok().and_then(parse).map_or(Said::Nonsense, Said::At),
            (Some(_), Some(_)) => Said::Nonsense,
        }
    }

    pub(super) fn at(self) -> Option<SystemTime> {
        match self {
            Said::At(time) => Some(time),
            Said::Nothing | Said::Nonsense => None,
        }
    }
}

/// A date in one of HTTP's three forms.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}
