//! How current a reader wants its answer: what the header asks for, else what the configuration says.
//!
//! Never decides whether an answer is that current: the cache's gate does.

use std::time::Duration;

use cache::{Moment, Need};
use http::{HeaderMap, HeaderName};
use pg::Lsn;

/// The request's header: `strict`, `bounded=<milliseconds>` or `token=<position>`.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("courant-consistency");
/// The response's header: whoever sends it back as a token misses nothing that this response shows or did.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("courant-position");
/// The longest bound that a reader may choose: past it, a number is more likely a mistake.
const BOUND_MAX: Duration = Duration::from_secs(3600);

/// How current an answer has to be. Whatever it says, an answer misses no write acknowledged through this
/// node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Consistency {
    /// It misses nothing acknowledged longer ago than the configured bound.
    #[default]
    Bounded,
    /// The same, with a bound of the reader's own.
    Within(Duration),
    /// The same with the configured bound, and nothing up to this position of the log.
    Token(Lsn),
    /// It misses nothing acknowledged before the request arrived.
    Strict,
}

/// A header that says nothing known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header Courant-Consistency is strict, bounded=<milliseconds> or token=<position>, not {0:?}")]
pub(crate) struct Unknown(String);

impl Consistency {
    /// What the request asks for, else what is configured.
    pub(crate) fn of(headers: &HeaderMap, configured: Consistency) -> Result<Consistency, Unknown> {
        let Some(value) = headers.get(HEADER) else { return Ok(configured) };
        let unknown = || Unknown(String::from_utf8_lossy(value.as_bytes()).into_owned());
        value.to_str().ok().and_then(|text| Consistency::read(text.trim())).ok_or_else(unknown)
    }

    fn read(text: &str) -> Option<Consistency> {
        if text == "strict" {
            return Some(Consistency::Strict);
        }
        match text.split_once('=')? {
            ("bounded", number) if number.bytes().all(|digit| digit.is_ascii_digit()) => {
                let bound = Duration::from_millis(number.parse().ok()?);
                (bound <= BOUND_MAX).then_some(Consistency::Within(bound))
            }
            ("token", position) => position.parse().ok().map(Consistency::Token),
            _ => None,
        }
    }

    /// What the cache has to have applied for a request that arrived at `start`.
    pub(crate) fn need(self, start: Moment, configured: Duration) -> Need {
        match self {
            Consistency::Bounded => Need::within(start, configured),
            Consistency::Within(bound) => Need::within(start, bound),
            Consistency::Token(position) => Need { position, ..Need::within(start, configured) },
            Consistency::Strict => Need::within(start, Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_it_says_and_nothing_else() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().unwrap());
            Consistency::of(&headers, Consistency::Bounded)
        };
        assert_eq!(Consistency::of(&HeaderMap::new(), Consistency::Strict), Ok(Consistency::Strict));
        assert_eq!(of("strict"), Ok(Consistency::Strict));
        assert_eq!(of("bounded=250"), Ok(Consistency::Within(Duration::from_millis(250))));
        assert_eq!(of(" token=1/A0 "), Ok(Consistency::Token(Lsn(0x1_0000_00A0))));
        for wrong in
            ["", "bounded", "bounded=", "bounded=+1", "bounded=3600001", "token=", "token=1", "STRICT"]
        {
            assert_eq!(of(wrong), Err(Unknown(wrong.to_owned())), "{wrong}");
        }
    }

    #[test]
    fn a_position_is_needed_on_top_of_the_bound() {
        let (start, bound) = (Moment(50), Duration::from_secs(1));
        let need = Consistency::Token(Lsn(7)).need(start, bound);
        assert_eq!(need, Need { start, bound, position: Lsn(7) });
        assert_eq!(Consistency::Strict.need(start, bound), Need::within(start, Duration::ZERO));
    }
}
