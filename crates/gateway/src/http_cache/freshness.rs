//! How long a response is fresh and how old it is when it comes (RFC 9111, sections 4.2.1 to 4.2.3).

use std::time::{Duration, SystemTime};

use http::header::{AGE, DATE, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use super::candidate::Times;
use super::control::{CacheControl, seconds};
use super::date::Said;

/// A guess lasts no longer: nobody asked for it.
const GUESS_MAX: Duration = Duration::from_secs(60);
/// Older than any lifetime: what says no age that can be believed.
const ANCIENT: Duration = Duration::from_secs(u32::MAX as u64);

/// How long a response is fresh, and on whose word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// The response says so.
    Said(Duration),
    /// The route does, where the response says nothing.
    Route(Duration),
    /// Nobody does: a share of the time for which it has not changed.
    Guessed(Duration),
    /// Nothing is known.
    Unknown,
}

impl Lifetime {
    pub(super) fn of(
        status: StatusCode,
        headers: &HeaderMap,
        control: &CacheControl,
        ttl: Option<Duration>,
        wall: SystemTime,
    ) -> Lifetime {
        if let Some(said) = control.lifetime() {
            return Lifetime::Said(said);
        }
        let date = Said::in_field(headers, &DATE).at().unwrap_or(wall);
        if !control.is_targeted {
            match Said::in_field(headers, &EXPIRES) {
                Said::At(expires) => return Lifetime::Said(expires.duration_since(date).unwrap_or_default()),
                Said::Nonsense => return Lifetime::Said(Duration::ZERO),
                Said::Nothing => {}
            }
        }
        if !may_guess(status) && !control.public {
            return Lifetime::Unknown;
        }
        // Of errors nobody wants more than was said.
        if let Some(ttl) = ttl.filter(|_| !status.is_server_error() && !control.no_cache) {
            return Lifetime::Route(ttl);
        }
        match Said::in_field(headers, &LAST_MODIFIED) {
            Said::At(modified) => {
                Lifetime::Guessed((date.duration_since(modified).unwrap_or_default() / 10).min(GUESS_MAX))
            }
            Said::Nothing | Said::Nonsense => Lifetime::Unknown,
        }
    }

    pub(super) fn duration(self) -> Duration {
        match self {
            Lifetime::Said(time) | Lifetime::Route(time) | Lifetime::Guessed(time) => time,
            Lifetime::Unknown => Duration::ZERO,
        }
    }

    /// Whether the response itself says it.
    pub(super) fn is_said(self) -> bool {
        matches!(self, Lifetime::Said(_))
    }
}

/// Statuses that may be kept although nothing is said (RFC 9110, section 15.1).
pub(super) fn may_guess(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// How old a response is when it has arrived. An `Age` that is not one number makes it older than any lifetime:
/// it comes through a cache whose word cannot be taken.
pub(super) fn initial_age(headers: &HeaderMap, times: &Times) -> Duration {
    let mut lines = headers.get_all(AGE).iter();
    let said = match (lines.next(), lines.next()) {
        (None, _) => Duration::ZERO,
        (Some(only), None) => only.to_str().ok().and_then(seconds).unwrap_or(ANCIENT),
        (Some(_), Some(_)) => ANCIENT,
    };
    let date = Said::in_field(headers, &DATE).at();
    let apparent = date.map_or(Duration::ZERO, |date| times.wall.duration_since(date).unwrap_or_default());
    let delay = times.received.saturating_duration_since(times.requested);
    apparent.max(said.saturating_add(delay))
}

#[cfg(test)]
mod tests;
