//! An answer, as it is kept and as it is sent.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_RANGE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use pg::Lsn;
use rest::{Head, Plan};

use crate::bypass::Bypass;
use crate::consistency::POSITION;
use crate::failure::Failure;
use crate::response::Body;
use crate::row::Found;

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
    /// Strong: the same bytes, the same tag. Present where the answer may be kept.
    etag: Option<HeaderValue>,
    /// A position of the log above everything it shows.
    position: Option<HeaderValue>,
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
        let etag = kept.then(|| etag(&head, &body));
        let position = position.map(|position| position.to_string());
        let values = head.headers.values().map(HeaderValue::as_bytes);
        let more = [&etag, &position].into_iter().flatten().map(String::as_bytes);
        let parts: Vec<&[u8]> = std::iter::once(&body[..]).chain(values).chain(more).collect();
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
        let body = whole.slice(..body.len());
        Arc::new(Answer { status: head.status, described, body, etag, position, target: target.into() })
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

    /// The response to a request with these headers.
    pub(crate) fn response(&self, request: &HeaderMap, source: &Source) -> Response<Body> {
        let unchanged = match (&self.etag, request.get(IF_NONE_MATCH)) {
            (Some(etag), Some(known)) if self.status.is_success() => matches(known, etag),
            _ => false,
        };
        let mut headers = HeaderMap::with_capacity(self.described.len() + ADDED_HEADERS);
        let mut response = if unchanged {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            headers.extend(self.described.iter().map(|(name, value)| (name.clone(), value.clone())));
            let mut response = Response::new(Body::new(self.body.clone()));
            *response.status_mut() = self.status;
            response
        };
        if let Some(etag) = &self.etag {
            headers.insert(ETAG, etag.clone());
            // A cache between us and the reader does not hear of changes: it may keep, and must ask.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        }
        if let Some(position) = &self.position {
            headers.insert(POSITION, position.clone());
        }
        source.write(&mut headers);
        *response.headers_mut() = headers;
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

/// Of the range as well: a browser that is told "unchanged" keeps the headers it has, and so an old count.
fn etag(head: &Head, body: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(head.headers.get(CONTENT_RANGE).map_or(b"".as_slice(), HeaderValue::as_bytes));
    context.update(b"\n");
    context.update(body);
    let hash = context.finish();
    let mut text = String::with_capacity(34);
    text.push('"');
    for byte in &hash.as_ref()[..16] {
        text.push(char::from_digit(u32::from(byte >> 4), 16).expect("a half byte is a hexadecimal digit"));
        text.push(char::from_digit(u32::from(byte & 15), 16).expect("a half byte is a hexadecimal digit"));
    }
    text.push('"');
    text
}

/// `If-None-Match` compares weakly (RFC 9110, section 13.1.2).
fn matches(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(known), Ok(etag)) = (known.to_str(), etag.to_str()) else { return false };
    known.trim() == "*"
        || known.split(',').map(str::trim).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use pg::catalog::Obstacle;

    use super::*;

    fn answer(kept: bool) -> Arc<Answer> {
        let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
        Answer::whole(head, Bytes::from_static(b"[]"), kept, None, "/t")
    }

    #[test]
    fn a_reader_that_has_these_bytes_is_told_so_and_not_sent_them() {
        let answer = answer(true);
        let first = answer.response(&HeaderMap::new(), &Source::Miss { stored: true, collapsed: false });
        let mut request = HeaderMap::new();
        request.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let second = answer.response(&request, &Source::Hit { age: Duration::from_secs(7) });
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(second.headers()[AGE], "7");
        assert_eq!(second.headers()["cache-status"], "courant; hit");
    }

    #[test]
    fn a_bypass_tells_why_in_a_well_formed_string() {
        let object = "function \"f\u{e9}\\\"".to_owned();
        let source = Source::Bypass(Bypass::Obstacle(Obstacle::Volatile, object));
        let response = answer(false).response(&HeaderMap::new(), &source);
        let expected = r#"courant; fwd=bypass; detail="function \"f?\\\" is volatile""#;
        assert_eq!(response.headers()["cache-status"], expected);
        assert!(response.headers().get(ETAG).is_none());
    }
}
