//! Whether a body may be sent in another coding than it came in, as far as its headers say, and what it is then sent
//! with.

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderName, VARY};
use http::{HeaderMap, HeaderValue};

/// Headers that would no longer be true: of a body that is in a coding already or is a part of one, or over whose
/// bytes somebody has made a sum (RFC 9530, and its forerunners).
const OF_THE_BYTES: [HeaderName; 6] = [
    CONTENT_ENCODING,
    CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];
/// Where `no-transform` may stand.
const CONTROLS: [HeaderName; 3] = [
    CACHE_CONTROL,
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("surrogate-control"),
];
/// Types whose bytes are dense: trying would cost as much as it does elsewhere and bring nothing.
const DENSE: [&str; 9] = [
    "application/gzip",
    "application/pdf",
    "application/zip",
    "application/zstd",
    "audio/",
    "font/woff",
    "image/",
    "text/event-stream",
    "video/",
];
/// Text among them.
const SPARSE: [&str; 2] = ["image/bmp", "image/svg+xml"];

/// Whether a line of a response's head forbids that its body is coded.
pub fn forbids_coding(name: &HeaderName, value: &HeaderValue) -> bool {
    if OF_THE_BYTES.contains(name) {
        return true;
    }
    if CONTROLS.contains(name) {
        return says_no_transform(value);
    }
    if *name != CONTENT_TYPE {
        return false;
    }
    let kind = value.as_bytes().trim_ascii_start().to_ascii_lowercase();
    let is_one_of = |kinds: &[&str]| kinds.iter().any(|known| kind.starts_with(known.as_bytes()));
    is_one_of(&DENSE) && !is_one_of(&SPARSE)
}

/// `no-transform`, in whatever case and company (RFC 9111, sections 5.2.1.6 and 5.2.2.6).
pub(super) fn says_no_transform(value: &HeaderValue) -> bool {
    let directives = value.as_bytes().split(|byte| matches!(byte, b',' | b';'));
    directives.map(<[u8]>::trim_ascii).any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

/// Says that a response was chosen among codings, if it does not say so already.
pub fn vary(headers: &mut HeaderMap) {
    let is_told = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default();
        names
            .split(',')
            .any(|name| matches!(name.trim(), "*") || name.trim().eq_ignore_ascii_case("accept-encoding"))
    };
    if !headers.get_all(VARY).iter().any(is_told) {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dense_signed_coded_or_not_to_be_touched_stays_as_it_is() {
        let cases = [
            ("content-type", "application/json", false),
            ("content-type", "image/svg+xml", false),
            ("content-type", "Image/PNG", true),
            ("content-type", "font/woff2", true),
            ("content-encoding", "br", true),
            ("content-digest", "sha-256=:x:", true),
            ("cache-control", "max-age=60", false),
            ("cache-control", "max-age=60, No-Transform", true),
            ("cache-control", "x=\"a;no-transform;b\"", true),
            ("surrogate-control", "no-transform;courant", true),
            ("etag", "\"a\"", false),
        ];
        for (name, value, expected) in cases {
            let forbids = forbids_coding(&HeaderName::from_static(name), &HeaderValue::from_static(value));
            assert_eq!(forbids, expected, "{name}: {value}");
        }
    }
}
