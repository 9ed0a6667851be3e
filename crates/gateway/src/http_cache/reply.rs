//! The answer to a request from a kept response: whole, a part, its head, or that the client has it.

use std::time::Instant;

use bytes::Bytes;
use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED,
};
use http::{HeaderMap, Method, StatusCode};

use super::conditional::{allows_part, is_known};
use super::range::{Range, Slice};
use super::stored::Stored;
use crate::coding::{self, Variant};

/// An answer, ready to be sent.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, `Age` among them.
    pub headers: HeaderMap,
    /// Its body; empty where none belongs.
    pub body: Bytes,
}

impl Reply {
    /// Answers a request.
    pub fn from(stored: &Stored, method: &Method, request: &HeaderMap, now: Instant) -> Reply {
        let mut headers = stored.headers().clone();
        headers.insert(AGE, HeaderValue::from(stored.age(now).as_secs().min(1 << 31)));
        if stored.variants().is_some() {
            coding::vary(&mut headers);
        }
        if stored.status().is_success() && is_known(request, &headers) {
            return Reply::unchanged(headers);
        }
        let body = stored.body();
        let range = if *method == Method::GET && stored.status() == StatusCode::OK {
            Range::of(request)
        } else {
            Range::Whole
        };
        let is_partial = matches!(range, Range::From(..) | Range::Last(_)) && allows_part(request, &headers);
        match (is_partial, range.slice(body.len())) {
            (true, Some(slice)) => Reply::part(headers, body, slice),
            (true, None) => Reply::beyond(headers, body.len()),
            (false, _) => {
                let body = match stored.choose(request).and_then(|choice| choice.variant) {
                    Some(variant) => coded(&mut headers, variant),
                    None => body,
                };
                Reply::whole(stored.status(), headers, method, body)
            }
        }
    }

    /// Whether a response that is on its way need not be sent: the client has it. Its answer then.
    pub fn known(
        method: &Method,
        request: &HeaderMap,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Reply> {
        let is_known = super::is_read(method) && status == StatusCode::OK && is_known(request, headers);
        is_known.then(|| Reply::unchanged(headers.clone()))
    }

    fn whole(status: StatusCode, mut headers: HeaderMap, method: &Method, body: &Bytes) -> Reply {
        // Of what no message has a body for, the upstream's word on its length stays as it was.
        if status != StatusCode::NO_CONTENT {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let body = if *method == Method::HEAD { Bytes::new() } else { body.clone() };
        Reply { status, headers, body }
    }

    fn part(mut headers: HeaderMap, body: &Bytes, slice: Slice) -> Reply {
        let range = format!("bytes {}-{}/{}", slice.from, slice.to - 1, body.len());
        headers.insert(CONTENT_RANGE, HeaderValue::try_from(range).expect("digits are a header value"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(slice.to - slice.from));
        Reply { status: StatusCode::PARTIAL_CONTENT, headers, body: body.slice(slice.from..slice.to) }
    }

    fn beyond(mut headers: HeaderMap, length: usize) -> Reply {
        for name in [CONTENT_TYPE, CONTENT_ENCODING, LAST_MODIFIED] {
            headers.remove(name);
        }
        let range = HeaderValue::try_from(format!("bytes */{length}")).expect("digits are a header value");
        headers.insert(CONTENT_RANGE, range);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        Reply { status: StatusCode::RANGE_NOT_SATISFIABLE, headers, body: Bytes::new() }
    }

    fn unchanged(mut headers: HeaderMap) -> Reply {
        // They describe a body that is not sent.
        for name in [CONTENT_LENGTH, CONTENT_RANGE] {
            headers.remove(name);
        }
        Reply { status: StatusCode::NOT_MODIFIED, headers, body: Bytes::new() }
    }
}

/// Makes the head that of the body in another coding, which is returned.
fn coded<'a>(headers: &mut HeaderMap, variant: &'a Variant) -> &'a Bytes {
    headers.insert(CONTENT_ENCODING, variant.coding.header());
    if let Some(etag) = &variant.etag {
        headers.insert(ETAG, etag.clone());
    }
    &variant.body
}

#[cfg(test)]
mod tests;
