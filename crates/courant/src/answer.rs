//! An answer, as it is kept and as it is sent.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LOCATION, DATE, ETAG, EXPIRES, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use pg::Lsn;
use rest::{Field, Head, Overrides, Plan};

use crate::bypass::Bypass;
use crate::consistency::POSITION;
use crate::encoding::{Accepted, Coding};
use crate::failure::Failure;
use crate::packed::Packed;
use crate::response::Body;
use crate::row::Found;
use crate::validator::{self, known, tag_of};
use crate::variants::Variants;

mod relayed;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// What an answer takes besides its texts: itself, and what its allocations take and are rounded up by.
const OVERHEAD_BYTES: usize = size_of::<Answer>() + 112;
/// Headers that are added to an answer's own when it is sent, those of the front door included.
const ADDED_HEADERS: usize = 6;

/// What the database answered, ready to be sent any number of times.
///
/// There are as many as the memory holds, so all texts lie in one allocation, and headers are known by a byte.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    texts: Packed,
    /// Whether an upstream made it, and its headers are its own.
    is_relayed: bool,
    /// The body in other codings, once somebody wants one.
    variants: OnceLock<Box<Variants>>,
}

// The texts of an answer, by number.
const BODY: usize = 0;
/// Of the body as it is. Strong: the same bytes, the same tag. Empty where the answer may not be kept.
const TAG: usize = 1;
/// A position of the log above everything it shows; empty where none is known.
const LOG_POSITION: usize = 2;
/// The request's path and query, where no `Content-Location` says them.
const TARGET: usize = 3;
/// The headers that the answer's head says, a byte each; their values follow.
const FIELDS: usize = 4;
const VALUES: usize = 5;
/// In the place of a field: a header whose name stands with its value.
const RELAYED: u8 = u8::MAX;
/// What an answer that is unchanged says again (RFC 9110, section 15.4.5), beside its tag.
const AGAIN: [HeaderName; 5] = [CACHE_CONTROL, CONTENT_LOCATION, DATE, EXPIRES, VARY];

/// Where a response came from (RFC 9211).
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// From the cache.
    Hit { age: Duration },
    /// From the database; `stored` if it is kept now, `collapsed` if another request's query answered.
    Miss { stored: bool, collapsed: bool },
    /// From an upstream, and why its answer is not kept, in a word.
    Unkept(&'static str),
    /// From the database or an upstream, past the cache, and why.
    Bypass(Bypass),
}

impl Answer {
    /// From what the database found. Answers that may be kept carry a validator.
    pub(crate) fn new(plan: &Plan, found: Found, kept: bool, target: &str) -> Result<Arc<Answer>, Failure> {
        let head = rest::respond(plan, &found.counts)?;
        let overrides = Overrides::read(found.told.headers.as_deref(), found.told.status.as_deref())?;
        let body = found.body.unwrap_or_default();
        let body = if plan.answer.is_binary() { bytes_of(&body)? } else { body };
        // What was said to this response alone has no validator.
        let kept = kept && found.told.is_empty();
        Ok(Answer::whole(head, &overrides, body, kept, found.position, target))
    }

    fn whole(
        head: Head,
        overrides: &Overrides,
        body: Bytes,
        kept: bool,
        position: Option<Lsn>,
        target: &str,
    ) -> Arc<Answer> {
        let tag = kept.then(|| validator::etag(head.get(Field::ContentRange), &body));
        let position = position.map(|position| position.to_string()).unwrap_or_default();
        let tag = tag.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
        let target = if head.get(Field::ContentLocation).is_some() { "" } else { target };
        let usual: Vec<_> = head.fields.iter().filter(|(field, _)| !overrides.names(&field.name())).collect();
        let own: Vec<Vec<u8>> =
            overrides.headers.iter().map(|(name, value)| relayed::written(name, value)).collect();
        let fields = usual.iter().map(|(field, _)| *field as u8).chain(own.iter().map(|_| RELAYED));
        let fields: Vec<u8> = fields.collect();
        let texts = [&body[..], tag, position.as_bytes(), target.as_bytes(), &fields];
        let values = usual.iter().map(|(_, value)| value.as_bytes());
        let texts = Packed::new(texts.into_iter().chain(values).chain(own.iter().map(Vec::as_slice)));
        let status = overrides.status.unwrap_or(head.status);
        Arc::new(Answer { status, texts, is_relayed: false, variants: OnceLock::new() })
    }

    /// The memory it takes.
    pub(crate) fn weight_bytes(&self) -> u64 {
        (OVERHEAD_BYTES + self.texts.len()) as u64
    }

    /// The body as PostgreSQL made it.
    pub(crate) fn body(&self) -> &[u8] {
        self.texts.text(BODY)
    }

    /// The request's path and query, in their canonical form where they have one: by it an administrator names
    /// the answer.
    pub(crate) fn target(&self) -> &str {
        let fields = self.texts.text(FIELDS);
        let canonical = fields.iter().position(|field| *field == Field::ContentLocation as u8);
        let number = canonical.map_or(TARGET, |position| VALUES + position);
        std::str::from_utf8(self.texts.text(number)).unwrap_or_default()
    }

    /// The headers of its own.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.described().collect()
    }

    /// Its tag: the same for the same answer, another for another. Empty where it may not be kept.
    pub(crate) fn tag(&self) -> &[u8] {
        self.texts.text(TAG)
    }

    /// Whether a reader would see no difference.
    pub(crate) fn is_same(&self, other: &Answer) -> bool {
        self.body() == other.body() && self.has_head_of(other)
    }

    /// Whether status and headers are the same.
    pub(crate) fn has_head_of(&self, other: &Answer) -> bool {
        self.status == other.status && self.described().eq(other.described())
    }

    /// Whether it has other codings at all: not if it is too small, nobody's to keep, or in one already.
    pub(crate) fn has_variants(&self) -> bool {
        let is_coded = || self.is_relayed && self.described().any(|(name, _)| name == CONTENT_ENCODING);
        !self.tag().is_empty() && Variants::are_worth_it(self.body()) && !is_coded()
    }

    /// What is left to be made for a client that accepts these codings.
    pub(crate) fn wanted(&self, accepted: &Accepted) -> Option<Coding> {
        if !self.has_variants() {
            return None;
        }
        match self.variants.get() {
            Some(variants) => variants.choose(accepted).wanted,
            None => accepted.preferred().next(),
        }
    }

    /// The body in other codings.
    pub(crate) fn variants(&self) -> &Variants {
        self.variants.get_or_init(Box::default)
    }

    /// Makes and keeps the body in a coding, if `charge` grants the memory.
    pub(crate) fn make(&self, coding: Coding, charge: impl FnOnce(u64) -> bool) {
        if let Some(etag) = self.value(TAG) {
            self.variants().make(coding, self.body(), &etag, charge);
        }
    }

    /// The response to a request with these headers.
    pub(crate) fn response(&self, request: &HeaderMap, source: &Source) -> Response<Body> {
        let mut headers = HeaderMap::with_capacity(self.texts.text(FIELDS).len() + ADDED_HEADERS);
        let mut response = match self.value(TAG) {
            Some(etag) => self.kept(&etag, request, &mut headers),
            None => self.sent(self.texts.shared(BODY), &mut headers),
        };
        if let Some(position) = self.value(LOG_POSITION) {
            headers.insert(POSITION, position);
        }
        source.write(&mut headers);
        *response.headers_mut() = headers;
        response
    }

    /// Of an answer that may be kept: in the best coding there is, or that nothing has changed.
    fn kept(&self, etag: &HeaderValue, request: &HeaderMap, headers: &mut HeaderMap) -> Response<Body> {
        let accepted = Accepted::of(request);
        let variant = self.variants.get().and_then(|variants| variants.choose(&accepted).variant);
        let chosen = variant.map(|variant| variant.coding);
        let known = if self.status.is_success() { known(request, etag, &accepted, chosen) } else { None };
        let response = match (known, variant) {
            (Some(_), _) => self.unchanged(headers),
            (None, Some(variant)) => self.sent(variant.body.clone(), headers),
            (None, None) => self.sent(self.texts.shared(BODY), headers),
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
        if self.is_relayed {
            Answer::complete(headers);
            return response;
        }
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        // A cache between us and the reader does not hear of changes: it may keep, and must ask.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response
    }

    fn sent(&self, body: Bytes, headers: &mut HeaderMap) -> Response<Body> {
        for (name, value) in self.described() {
            headers.append(name, value);
        }
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = self.status;
        response
    }

    fn unchanged(&self, headers: &mut HeaderMap) -> Response<Body> {
        for (name, value) in self.described().filter(|(name, _)| AGAIN.contains(name)) {
            headers.append(name, value);
        }
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    }

    fn described(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let fields = self.texts.text(FIELDS).iter().zip(VALUES..);
        fields.filter_map(|(field, number)| match Field::ALL.get(usize::from(*field)) {
            Some(field) => Some((field.name(), self.value(number).unwrap_or(HeaderValue::from_static("")))),
            None => relayed::line(self.texts.shared(number)),
        })
    }

    /// A text that is a header's value; none where it is empty.
    fn value(&self, number: usize) -> Option<HeaderValue> {
        let text = self.texts.shared(number);
        (!text.is_empty()).then(|| {
            HeaderValue::from_maybe_shared(text)
                .expect("it was a header's value, or is made of its characters")
        })
    }
}

impl Source {
    /// `hit`, `miss` or `bypass`, for the log and the metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Source::Hit { .. } => "hit",
            Source::Miss { .. } | Source::Unkept(_) => "miss",
            Source::Bypass(_) => "bypass",
        }
    }

    /// Why the cache was bypassed, in a word; empty otherwise.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Source::Bypass(why) => why.label(),
            Source::Hit { .. } | Source::Miss { .. } | Source::Unkept(_) => "",
        }
    }

    /// Says so in the response.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
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
            Source::Unkept(word) => HeaderValue::try_from(format!("courant; fwd=miss; detail={word}"))
                .expect("a word is a header value"),
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

/// The bytes that hexadecimal digits stand for.
fn bytes_of(digits: &[u8]) -> Result<Bytes, Failure> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    bytes
        .map(Bytes::from)
        .ok_or_else(|| Failure::Unreadable("a body is not in hexadecimal digits".to_owned()))
}

#[cfg(test)]
mod tests;
