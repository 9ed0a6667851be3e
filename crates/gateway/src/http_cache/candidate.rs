//! Whether a response may be kept, decided by its head alone (RFC 9111, section 3), before its body comes.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_LOCATION, COOKIE, DATE, ETAG, HeaderValue, LAST_MODIFIED,
    SET_COOKIE,
};
use http::{HeaderMap, Method, StatusCode, Uri};

use super::control::{CacheControl, RequestControl};
use super::freshness::{Lifetime, initial_age, may_guess};
use super::stored::{Stored, Terms};
use super::vary::Vary;
use crate::forward;

/// A request, as far as it decides what may be kept of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its target.
    pub uri: &'a Uri,
    /// Its headers, as the client sent them.
    pub headers: &'a HeaderMap,
}

/// When a response was asked for, and when its head came.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Before the request was sent.
    pub requested: Instant,
    /// After the response's head came.
    pub received: Instant,
    /// The same, by the calendar.
    pub wall: SystemTime,
}

/// Why a response is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request's method.
    Method,
    /// The response's status, or that nobody may guess at it.
    Status,
    /// `no-store`, on either side.
    NoStore,
    /// It is for one user.
    Private,
    /// The request identified its user, and nothing says that the answer is for all.
    Authorization,
    /// It sets a cookie, and does not say that it is public.
    SetCookie,
    /// The request carries a cookie, and nothing says how long the answer may be kept.
    Cookie,
    /// It matches no other request.
    Vary,
    /// It would have to be asked for again in full each time.
    Useless,
    /// It is too large.
    Size,
    /// It was made invalid while it came.
    Invalidated,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Method => "method",
            Refusal::Status => "status",
            Refusal::NoStore => "no-store",
            Refusal::Private => "private",
            Refusal::Authorization => "authorization",
            Refusal::SetCookie => "set-cookie",
            Refusal::Cookie => "cookie",
            Refusal::Vary => "vary",
            Refusal::Useless => "no-lifetime",
            Refusal::Size => "size",
            Refusal::Invalidated => "invalidated",
        })
    }
}

/// A response that may be kept once its body is here.
#[derive(Clone, Debug)]
pub struct Candidate {
    status: StatusCode,
    headers: HeaderMap,
    vary: Vary,
    terms: Terms,
    requested: Instant,
}

impl Candidate {
    /// Judges a response by its head. `ttl` is what the route says where the response says nothing.
    pub fn judge(
        asked: &Asked<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        times: &Times,
        ttl: Option<Duration>,
    ) -> Result<Candidate, Refusal> {
        let control = CacheControl::of(headers);
        let lifetime = Lifetime::of(status, headers, &control, ttl, times.wall);
        let has_validator = headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED);
        method(asked, headers, lifetime)?;
        self::status(status, &control, lifetime)?;
        people(asked, headers, &control, lifetime)?;
        let vary = Vary::of(headers, asked.headers).ok_or(Refusal::Vary)?;
        let age = initial_age(headers, times);
        let terms = Terms {
            fresh: if control.no_cache { Duration::ZERO } else { lifetime.duration() },
            while_revalidating: grace(&control, control.stale_while_revalidate),
            on_error: grace(&control, control.stale_if_error),
            initial_age: age,
            received: times.received,
            for_authorized: control.allows_authorization(),
            for_cookies: lifetime.is_said(),
        };
        let grace = terms.while_revalidating.max(terms.on_error);
        if !has_validator && terms.fresh.saturating_add(grace) <= age {
            return Err(Refusal::Useless);
        }
        let mut kept = headers.clone();
        forward::strip_hop(&mut kept);
        forward::strip_proxies(&mut kept);
        for field in &control.no_cache_fields {
            kept.remove(field);
        }
        // RFC 9110, section 6.6.1: what has no date is dated when it comes.
        kept.entry(DATE).or_insert_with(|| date(times.wall));
        Ok(Candidate { status, headers: kept, vary, terms, requested: times.requested })
    }

    /// What is kept, now that the body is whole.
    pub fn complete(self, body: Bytes) -> Stored {
        Stored::new(self.status, self.headers, self.vary, self.terms, self.requested, body)
    }

    /// How long the body will be, if its head says so.
    pub fn body_bytes(&self) -> Option<usize> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }
}

fn method(asked: &Asked<'_>, headers: &HeaderMap, lifetime: Lifetime) -> Result<(), Refusal> {
    match *asked.method {
        Method::GET => Ok(()),
        // RFC 9110, section 9.3.3: the answer to a POST that is what a GET of the same address would bring.
        Method::POST if lifetime.is_said() && is_here(asked.uri, headers.get(CONTENT_LOCATION)) => Ok(()),
        _ => Err(Refusal::Method),
    }
}

fn is_here(uri: &Uri, location: Option<&HeaderValue>) -> bool {
    let target = uri.path_and_query().map(|target| target.as_str().as_bytes());
    target.is_some() && location.map(HeaderValue::as_bytes) == target
}

fn status(status: StatusCode, control: &CacheControl, lifetime: Lifetime) -> Result<(), Refusal> {
    // Parts are not put together here, a 304 is an answer to one request, and what comes before an answer is none.
    if status.is_informational() || matches!(status.as_u16(), 206 | 304) {
        return Err(Refusal::Status);
    }
    if control.must_understand && !is_understood(status) {
        return Err(Refusal::Status);
    }
    // RFC 9111, section 5.2.2.3: who understands the status may pass over `no-store` beside `must-understand`.
    if control.no_store && !control.must_understand {
        return Err(Refusal::NoStore);
    }
    if control.private {
        return Err(Refusal::Private);
    }
    if lifetime.is_said() || control.public || may_guess(status) { Ok(()) } else { Err(Refusal::Status) }
}

/// Statuses that mean nothing to a cache but what RFC 9110 says of them.
fn is_understood(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=204 | 300..=303 | 307 | 308 | 400..=405 | 410 | 414 | 421 | 422 | 500..=504)
}

/// Two users never share what was made for one of them.
fn people(
    asked: &Asked<'_>,
    headers: &HeaderMap,
    control: &CacheControl,
    lifetime: Lifetime,
) -> Result<(), Refusal> {
    if RequestControl::of(asked.headers).no_store {
        return Err(Refusal::NoStore);
    }
    if asked.headers.contains_key(AUTHORIZATION) && !control.allows_authorization() {
        return Err(Refusal::Authorization);
    }
    let sets_cookie = headers.contains_key(SET_COOKIE) && !control.no_cache_fields.contains(&SET_COOKIE);
    if sets_cookie && !control.public {
        return Err(Refusal::SetCookie);
    }
    if asked.headers.contains_key(COOKIE) && !lifetime.is_said() {
        return Err(Refusal::Cookie);
    }
    Ok(())
}

/// How long something may be used stale.
fn grace(control: &CacheControl, said: Option<Duration>) -> Duration {
    if control.forbids_stale() { Duration::ZERO } else { said.unwrap_or_default() }
}

fn date(wall: SystemTime) -> HeaderValue {
    HeaderValue::try_from(httpdate::fmt_http_date(wall)).expect("a date is printable ASCII")
}

#[cfg(test)]
mod tests;
