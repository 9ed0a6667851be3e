//! An upstream's answer as an [`Answer`]: its own headers, its own tag where it has one.

use bytes::Bytes;
use gateway::coding;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Answer, RELAYED};
use crate::validator;

/// Between a header's name and its value, where neither can stand.
const BETWEEN: u8 = 0;

impl Answer {
    /// From an upstream's whole answer. `target` is the request's path and query.
    pub(crate) fn relayed(status: StatusCode, headers: &HeaderMap, body: &Bytes, target: &str) -> Answer {
        let own = headers.get(ETAG).cloned();
        let tag = own.unwrap_or_else(|| validator::etag(&validator::print(None, body)));
        // The length is the body's, whichever coding is sent.
        let kept = headers.iter().filter(|(name, _)| !matches!(*name, &ETAG | &CONTENT_LENGTH));
        let lines: Vec<Vec<u8>> = kept.map(|(name, value)| written(name, value)).collect();
        let fields = vec![RELAYED; lines.len()];
        let status = super::status_text(status, true);
        let texts = [&body[..], tag.as_bytes(), b"", target.as_bytes(), &status, &fields];
        let texts: Vec<&[u8]> = texts.into_iter().chain(lines.iter().map(Vec::as_slice)).collect();
        let is_codable = !headers.iter().any(|(name, value)| coding::forbids_coding(name, value));
        Answer::packed(&texts, is_codable)
    }

    /// What a relayed answer is sent with beside its own headers: it was chosen among codings, and who keeps it
    /// below hears of no change, unless the app has said how long it may be kept.
    pub(super) fn complete(headers: &mut HeaderMap) {
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        }
        coding::vary(headers);
    }
}

/// A header as [`line`] reads it.
pub(super) fn written(name: &HeaderName, value: &HeaderValue) -> Vec<u8> {
    [name.as_str().as_bytes(), &[BETWEEN], value.as_bytes()].concat()
}

/// A header's name and its value.
pub(super) fn line(text: Bytes) -> Option<(HeaderName, HeaderValue)> {
    let at = text.iter().position(|byte| *byte == BETWEEN)?;
    let name = HeaderName::from_bytes(&text[..at]).ok()?;
    Some((name, HeaderValue::from_maybe_shared(text.slice(at + 1..)).ok()?))
}
