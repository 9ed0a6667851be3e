//! Entity tags: one per representation of an answer, and which of them a client has.
//!
//! The body as it is has `"hash"`, a coding of it `"hash-br"` and so on: strong tags, since the bytes differ
//! (RFC 9110, section 8.8.3.3). Never says what is sent.

use aws_lc_rs::digest::{Context, SHA256};
use http::header::IF_NONE_MATCH;
use http::{HeaderMap, HeaderValue};

use crate::encoding::{Accepted, Coding};

/// What the tag of a body says of it.
pub(crate) type Print = [u8; 16];

/// The print of a body as it is.
///
/// Of the range as well: a browser that is told "unchanged" keeps the headers it has, and so an old count.
pub(crate) fn print(range: Option<&HeaderValue>, body: &[u8]) -> Print {
    let mut context = Context::new(&SHA256);
    context.update(range.map_or(b"".as_slice(), HeaderValue::as_bytes));
    context.update(b"\n");
    context.update(body);
    *context.finish().as_ref().first_chunk().expect("a SHA-256 hash has 32 bytes")
}

/// The tag that says a print, in hexadecimal digits.
pub(crate) fn etag(print: &Print) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'"'; 34];
    for (digits, byte) in text[1..33].chunks_exact_mut(2).zip(print) {
        digits.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    HeaderValue::from_bytes(&text).expect("hexadecimal digits are a header value")
}

/// The tag of a coding of the body, or of the body as it is.
pub(crate) fn tag_of(etag: &HeaderValue, coding: Option<Coding>) -> HeaderValue {
    let Some(coding) = coding else { return etag.clone() };
    // A weak tag, which is an upstream's, is that of all codings.
    let Some(hash) = strong(etag) else { return etag.clone() };
    let tag = format!("\"{hash}-{}\"", coding.name());
    HeaderValue::from_str(&tag).expect("a hash and a name are a header value")
}

/// The representation that a client has and may be told is unchanged: `If-None-Match` names its tag.
///
/// Which representation a request selects is the server's choice among those it accepts (RFC 9110, section
/// 12.1), so one that the client has already is as good as the one that would be sent: an app that read the
/// body before its coding was made is not sent it again. One that the request does not accept is not: caches
/// name every tag they keep (RFC 9111, section 4.3.1), and would send the client what it cannot read.
/// A `*` means whatever would be sent. Tags compare weakly (RFC 9110, section 13.1.2).
pub(crate) fn known(
    request: &HeaderMap,
    etag: &HeaderValue,
    accepted: &Accepted,
    chosen: Option<Coding>,
) -> Option<Option<Coding>> {
    let weak = etag.to_str().ok().and_then(|tag| opaque(tag.strip_prefix("W/")?));
    let hash = strong(etag).or(weak)?;
    let lines = request.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).find_map(|tag| {
        if tag == "*" {
            return Some(chosen);
        }
        let tag = opaque(tag.strip_prefix("W/").unwrap_or(tag))?;
        let coding = match tag.strip_prefix(hash)? {
            "" => None,
            suffix => {
                Some(Coding::ALL.into_iter().find(|coding| suffix.strip_prefix('-') == Some(coding.name()))?)
            }
        };
        accepted.allows(coding).then_some(coding)
    })
}

/// What stands between the quotes of a strong tag.
fn strong(etag: &HeaderValue) -> Option<&str> {
    opaque(etag.to_str().ok()?)
}

fn opaque(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"')
}
