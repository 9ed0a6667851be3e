//! A response as it is kept: how old, how fresh, for whom, and made new by a 304.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, COOKIE, ETAG, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, StatusCode};

use super::candidate::{Asked, Candidate, Refusal, Times};
use super::vary::Vary;
use crate::coding::{Accepted, Choice, Coding, Variants, forbids_coding};

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// What an entry takes besides its texts, roughly: itself, its maps, its place in the store.
const OVERHEAD_BYTES: usize = 512;
const HEADER_BYTES: usize = 64;

/// A response that is kept.
#[derive(Clone, Debug)]
pub struct Stored {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    vary: Vary,
    terms: Terms,
    requested: Instant,
    /// The body in other codings, where it may have any. Shared with what a 304 makes of it.
    variants: Option<Arc<Variants>>,
}

/// How a response may be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// How long it is fresh.
    pub(super) fresh: Duration,
    /// How long after that it may be used while it is asked for again.
    pub(super) while_revalidating: Duration,
    /// How long after that it may be used if the upstream fails.
    pub(super) on_error: Duration,
    /// How old it was when it came.
    pub(super) initial_age: Duration,
    pub(super) received: Instant,
    /// Whether requests that identify their user may have it.
    pub(super) for_authorized: bool,
    /// Whether requests with cookies may have it.
    pub(super) for_cookies: bool,
}

/// Whether a kept response may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Unasked.
    Fresh,
    /// Unasked, while it is asked for again.
    Revalidating,
    /// Only if the upstream agrees.
    Stale,
}

impl Stored {
    pub(super) fn new(
        status: StatusCode,
        headers: HeaderMap,
        vary: Vary,
        terms: Terms,
        requested: Instant,
        body: Bytes,
    ) -> Stored {
        let has_variants = Variants::are_worth_it(&body) && may_be_coded(&headers);
        let variants = has_variants.then(Arc::default);
        Stored { status, headers, body, vary, terms, requested, variants }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its headers, without what is said anew each time (`Age`).
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Its body, whole.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body in other codings; none where it is sent as it is to everybody.
    pub fn variants(&self) -> Option<&Arc<Variants>> {
        self.variants.as_ref()
    }

    /// What a client with these headers is sent of it, and what is left to be made.
    pub fn choose(&self, request: &HeaderMap) -> Option<Choice<'_>> {
        self.variants.as_ref().map(|variants| variants.choose(&Accepted::of(request)))
    }

    /// Makes its body in a coding, and keeps it if `charge` grants the bytes.
    pub fn make(&self, coding: Coding, charge: impl FnOnce(u64) -> bool) {
        if let Some(variants) = &self.variants {
            variants.make(coding, &self.body, self.headers.get(ETAG), charge);
        }
    }

    /// When it was asked for.
    pub fn requested(&self) -> Instant {
        self.requested
    }

    /// The memory it takes.
    pub fn weight_bytes(&self) -> usize {
        let line = |(name, value): (&HeaderName, &http::HeaderValue)| {
            name.as_str().len() + value.len() + HEADER_BYTES
        };
        let head: usize = self.headers.iter().map(line).sum();
        OVERHEAD_BYTES + head + self.vary.weight_bytes() + self.body.len()
    }

    /// Whether it answers a request with these headers, fresh or not.
    pub fn is_for(&self, request: &HeaderMap) -> bool {
        (self.terms.for_authorized || !request.contains_key(AUTHORIZATION))
            && (self.terms.for_cookies || !request.contains_key(COOKIE))
            && self.vary.matches(request)
    }

    /// Whether it takes the place of another: it varies by the same, and the same was said.
    pub(super) fn replaces(&self, other: &Stored) -> bool {
        self.vary == other.vary
    }

    /// How old it is.
    pub fn age(&self, now: Instant) -> Duration {
        self.terms.initial_age.saturating_add(now.saturating_duration_since(self.terms.received))
    }

    /// For how many seconds more it is fresh; below zero, since when it is not.
    pub fn ttl_s(&self, now: Instant) -> i64 {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        seconds(self.terms.fresh).saturating_sub(seconds(self.age(now)))
    }

    /// Whether it may be used.
    pub fn state(&self, now: Instant) -> State {
        let age = self.age(now);
        if age < self.terms.fresh {
            State::Fresh
        } else if age < self.terms.fresh.saturating_add(self.terms.while_revalidating) {
            State::Revalidating
        } else {
            State::Stale
        }
    }

    /// Whether it may be used because the upstream failed.
    pub fn may_cover_for_error(&self, now: Instant) -> bool {
        self.age(now) < self.terms.fresh.saturating_add(self.terms.on_error)
    }

    /// Whether an upstream can be asked whether it is still right.
    pub fn has_validator(&self) -> bool {
        self.headers.contains_key(ETAG) || self.headers.contains_key(LAST_MODIFIED)
    }

    /// Asks that in a request's headers.
    pub fn validate(&self, request: &mut HeaderMap) {
        request.remove(IF_NONE_MATCH);
        request.remove(IF_MODIFIED_SINCE);
        for (from, to) in [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)] {
            if let Some(value) = self.headers.get(from) {
                request.insert(to, value.clone());
            }
        }
    }

    /// Itself with what a 304 says of it (RFC 9111, section 3.2), or why it may be kept no longer.
    ///
    /// What describes the bytes that are here stays, the tag among it: the upstream was asked about one tag, so its
    /// answer is about that one, whatever other it names.
    pub fn freshened(
        &self,
        asked: &Asked<'_>,
        not_modified: &HeaderMap,
        times: &Times,
        ttl: Option<Duration>,
    ) -> (Stored, Result<(), Refusal>) {
        let of_the_body = [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_MD5, ETAG];
        let mut headers = self.headers.clone();
        // These speak of the time they were sent at.
        headers.remove(http::header::AGE);
        headers.remove(http::header::DATE);
        for name in not_modified.keys().filter(|name| !of_the_body.contains(name)) {
            headers.remove(name);
            for value in not_modified.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        match Candidate::judge(asked, self.status, &headers, times, ttl) {
            Ok(candidate) => {
                let fresh = candidate.complete(self.body.clone());
                // The same bytes under the same tag, as long as they may be coded at all.
                let variants = fresh.variants.as_ref().and(self.variants.clone());
                (Stored { variants, ..fresh }, Ok(()))
            }
            Err(refusal) => {
                crate::forward::strip_hop(&mut headers);
                let variants = self.variants.clone().filter(|_| may_be_coded(&headers));
                (Stored { headers, variants, ..self.clone() }, Err(refusal))
            }
        }
    }
}

fn may_be_coded(headers: &HeaderMap) -> bool {
    !headers.iter().any(|(name, value)| forbids_coding(name, value))
}
