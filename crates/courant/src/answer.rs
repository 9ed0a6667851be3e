//! An answer, as it is kept and as it is sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LOCATION, CONTENT_RANGE, ETAG, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use pg::Lsn;
use rest::{Head, Plan};

use crate::bypass::Bypass;
use crate::consistency::POSITION;
use crate::encoding::{Accepted, Coding};
use crate::failure::Failure;
use crate::response::Body;
use crate::row::Found;
use crate::validator::{self, known, tag_of};
use crate::variants::Variants;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Bytes an answer takes besides its body and header values, allocations included.
const OVERHEAD_BYTES: usize = 320;
/// A header in an answer's list, besides its value's bytes.
const LISTED_BYTES: usize = size_of::<(HeaderName, HeaderValue)>();
/// Headers that are added to an answer's own when it is sent.
const ADDED_HEADERS: usize = 5;

/// What the database answered, ready to be sent any number of times.
///
/// There are as many as the memory holds, so headers are a list, and their values lie in one allocation with the
/// body: a map of them would take more than a small answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    /// What the answer's head says of this body.
    described: Box<[(HeaderName, HeaderValue)]>,
    body: Bytes,
    /// Of the body as it is. Strong: the same bytes, the same tag. Present where the answer may be kept.
    etag: Option<HeaderValue>,
    /// A position of the log above everything it shows.
    position: Option<HeaderValue>,
    /// The body in other codings, as far as they are made.
    pub(crate) variants: Variants,
    /// The request's path and query, by which an administrator names it.
    pub(crate) target: Box<str>,
}

/// Where a response came from (RFC 9211).
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// From the cache.
    Hit { age: Duration },
    /// From the database; `stored` if it is kept now, `collapsed` if another request's query answered.
    Miss { stored: bool, collapsed: bool },
    /// From the database, past the cache, and why.
    Bypass(Bypass),
}

impl Answer {
    /// From what the database found. Answers that may be kept carry a validator.
    pub(crate) fn new(plan: &Plan, found: Found, kept: bool, target: &str) -> Result<Arc<Answer>, Failure> {
        let head = rest::respond(plan, &found.counts)?;
        Ok(Answer::whole(head, found.body.unwrap_or_default(), kept, found.position, target))
    }

    fn whole(head: Head, body: Bytes, kept: bool, position: Option<Lsn>, target: &str) -> Arc<Answer> {
        let etag = kept.then(|| validator::etag(head.headers.get(CONTENT_RANGE), &body));
        let position = position.map(|position| position.to_string());
        let values = head.headers.values().map(HeaderValue::as_bytes);
        let more = [etag.as_ref().map(HeaderValue::as_bytes), position.as_deref().map(str::as_bytes)];
        let parts: Vec<&[u8]> =
            std::iter::once(&body[..]).chain(values).chain(more.into_iter().flatten()).collect();
        let whole = Bytes::from(parts.concat());
        let mut taken = body.len();
        let mut value_of = |bytes: usize| {
            let value = whole.slice(taken..taken + bytes);
            taken += bytes;
            HeaderValue::from_maybe_shared(value)
                .expect("it was a header's value, or is made of its characters")
        };
        let described =
            head.headers.iter().map(|(name, value)| (name.clone(), value_of(value.len()))).collect();
        let etag = etag.map(|etag| value_of(etag.len()));
        let position = position.map(|position| value_of(position.len()));
        let (status, body) = (head.status, whole.slice(..body.len()));
        let variants = Variants::default();
        Arc::new(Answer { status, described, body, etag, position, variants, target: target.into() })
    }

    /// The memory it takes.
    pub(crate) fn weight_bytes(&self) -> u64 {
        let listed: usize = self.described.iter().map(|(_, value)| value.len() + LISTED_BYTES).sum();
        (OVERHEAD_BYTES + self.body.len() + self.target.len() + listed) as u64
    }

    /// The body as PostgreSQL made it.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether a reader would see no difference.
    pub(crate) fn is_same(&self, other: &Answer) -> bool {
        self.body == other.body && self.has_head_of(other)
    }

    /// Whether status and headers are the same.
    pub(crate) fn has_head_of(&self, other: &Answer) -> bool {
        self.status == other.status && self.described == other.described
    }

    /// What is left to be made for a client that accepts these codings; nothing for an answer too small, one
    /// that is coded already, or one that is nobody's to keep.
    pub(crate) fn wanted(&self, accepted: &Accepted) -> Option<Coding> {
        let coded = self.described.iter().any(|(name, _)| *name == CONTENT_ENCODING);
        let codable = self.etag.is_some() && !coded;
        let worth = codable && Variants::are_worth_it(&self.body);
        if worth { self.variants.choose(accepted).wanted } else { None }
    }

    /// Makes and keeps the body in a coding, if `charge` grants the memory.
    pub(crate) fn make(&self, coding: Coding, charge: impl FnOnce(u64) -> bool) {
        if let Some(etag) = &self.etag {
            self.variants.make(coding, &self.body, etag, charge);
        }
    }

    /// Its tag: the same for the same answer, another for another. Empty where it may not be kept.
    pub(crate) fn tag(&self) -> &[u8] {
        self.etag.as_ref().map_or(b"", HeaderValue::as_bytes)
    }

    /// The response to a request with these headers.
    pub(crate) fn response(&self, request: &HeaderMap, source: &Source) -> Response<Body> {
        let mut headers = HeaderMap::with_capacity(self.described.len() + ADDED_HEADERS);
        let mut response = match &self.etag {
            Some(etag) => self.kept(etag, request, &mut headers),
            None => self.sent(self.body.clone(), &mut headers),
        };
        if let Some(position) = &self.position {
            headers.insert(POSITION, position.clone());
        }
        source.write(&mut headers);
        *response.headers_mut() = headers;
        response
    }

    /// Of an answer that may be kept: in the best coding there is, or that nothing has changed.
    fn kept(&self, etag: &HeaderValue, request: &HeaderMap, headers: &mut HeaderMap) -> Response<Body> {
        let accepted = Accepted::of(request);
        let variant = self.variants.choose(&accepted).variant;
        let chosen = variant.map(|variant| variant.coding);
        let known = if self.status.is_success() { known(request, etag, &accepted, chosen) } else { None };
        let response = match (known, variant) {
            (Some(_), _) => self.unchanged(headers),
            (None, Some(variant)) => self.sent(variant.body.clone(), headers),
            (None, None) => self.sent(self.body.clone(), headers),
        };
        let tag = match (known, variant) {
            (Some(coding), _) => tag_of(etag, coding),
            (None, Some(variant)) => {
                headers.insert(CONTENT_ENCODING, variant.coding.header());
                variant.etag.clone()
            }
            (None, None) => etag.clone(),
        };
        headers.insert(ETAG, tag);
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        // A cache between us and the reader does not hear of changes: it may keep, and must ask.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response
    }

    fn sent(&self, body: Bytes, headers: &mut HeaderMap) -> Response<Body> {
        // No name stands twice.
        headers.extend(self.described.iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = self.status;
        response
    }

    /// Says of the headers what RFC 9110, section 15.4.5, asks to be said again.
    fn unchanged(&self, headers: &mut HeaderMap) -> Response<Body> {
        let again = self.described.iter().filter(|(name, _)| [CONTENT_LOCATION, VARY].contains(name));
        headers.extend(again.map(|(name, value)| (name.clone(), value.clone())));
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    }
}

impl Source {
    /// `hit`, `miss` or `bypass`, for the log and the metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Source::Hit { .. } => "hit",
            Source::Miss { .. } => "miss",
            Source::Bypass(_) => "bypass",
        }
    }

    /// Why the cache was bypassed, in a word; empty otherwise.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Source::Bypass(why) => why.label(),
            Source::Hit { .. } | Source::Miss { .. } => "",
        }
    }

    fn write(&self, headers: &mut HeaderMap) {
        let status = match self {
            Source::Hit { age } => {
                headers.insert(AGE, HeaderValue::from(age.as_secs()));
                HeaderValue::from_static("courant; hit")
            }
            Source::Miss { stored: true, collapsed: false } => {
                HeaderValue::from_static("courant; fwd=miss; stored")
            }
            Source::Miss { stored: true, collapsed: true } => {
                HeaderValue::from_static("courant; fwd=miss; stored; collapsed")
            }
            Source::Miss { stored: false, collapsed: true } => {
                HeaderValue::from_static("courant; fwd=miss; collapsed")
            }
            Source::Miss { stored: false, collapsed: false } => HeaderValue::from_static("courant; fwd=miss"),
            Source::Bypass(Bypass::Method) => HeaderValue::from_static("courant; fwd=method"),
            Source::Bypass(why) => bypass(&why.to_string()),
        };
        headers.insert(CACHE_STATUS, status);
    }
}

/// `detail` is a structured-field string (RFC 8941, section 3.3.3): printable ASCII, quotes escaped.
fn bypass(reason: &str) -> HeaderValue {
    let mut text = String::from("courant; fwd=bypass; detail=\"");
    for c in reason.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            ' '..='~' => text.push(c),
            _ => text.push('?'),
        }
    }
    text.push('"');
    HeaderValue::from_str(&text).expect("printable ASCII is a header value")
}

#[cfg(test)]
mod tests;
