//! Whether a client has already what it asks for (RFC 9110, section 13).

use http::HeaderMap;
use http::header::{DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED};

use super::control::elements;
use super::date::{Said, parse};
use crate::coding::{Accepted, bare};

/// Whether a request's conditions say that the client has the response with these headers.
pub(super) fn is_known(request: &HeaderMap, response: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        return names_tag(request, response);
    }
    let Said::At(since) = Said::in_field(request, &IF_MODIFIED_SINCE) else { return false };
    let modified = match Said::in_field(response, &LAST_MODIFIED) {
        Said::At(modified) => Some(modified),
        // Never changed that anybody knows of, so not since it was sent.
        Said::Nothing => Said::in_field(response, &DATE).at(),
        Said::Nonsense => None,
    };
    modified.is_some_and(|modified| modified <= since)
}

/// `If-None-Match`, weakly (RFC 9110, section 13.1.2).
fn names_tag(request: &HeaderMap, response: &HeaderMap) -> bool {
    let Some(tag) = response.get(ETAG).map(|tag| String::from_utf8_lossy(tag.as_bytes())) else {
        return false;
    };
    let is_this = |known: &str| opaque(known) == opaque(&tag) || is_coding_of(&tag, known, request);
    request.get_all(IF_NONE_MATCH).iter().any(|line| {
        let line = String::from_utf8_lossy(line.as_bytes());
        line.trim() == "*" || elements(&line).0.into_iter().any(is_this)
    })
}

/// Whether a tag is that of a coding which we have made: what the client does not accept is not what it has.
fn is_coding_of(tag: &str, known: &str, request: &HeaderMap) -> bool {
    bare(known).is_some_and(|(known, coding)| {
        opaque(&known) == opaque(tag) && Accepted::of(request).allows(Some(coding))
    })
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Whether a part may be sent: there is no `If-Range`, or it names these very bytes (RFC 9110, section 13.1.5).
pub(super) fn allows_part(request: &HeaderMap, response: &HeaderMap) -> bool {
    let Some(condition) = request.get(IF_RANGE) else { return true };
    if condition.as_bytes().starts_with(b"\"") {
        return response.get(ETAG) == Some(condition);
    }
    let (Some(then), Said::At(modified)) =
        (condition.to_str().ok().and_then(parse), Said::in_field(response, &LAST_MODIFIED))
    else {
        return false;
    };
    // Within the second in which it was sent, it may have changed again.
    let is_strong = Said::in_field(response, &DATE).at().is_some_and(|date| date > modified);
    then == modified && is_strong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::{Lines, headers};

    const MONDAY: &str = "Mon, 07 Nov 1994 12:00:00 GMT";
    const SUNDAY: &str = "Sun, 06 Nov 1994 12:00:00 GMT";

    #[test]
    fn a_client_has_it_if_it_names_the_tag_or_a_time_since_which_nothing_changed() {
        let cases: &[(Lines, Lines, bool)] = &[
            (&[], &[("etag", "\"a\"")], false),
            (&[("if-none-match", "\"a\"")], &[("etag", "\"a\"")], true),
            (&[("if-none-match", "\"b\", \"a\", \"c\"")], &[("etag", "\"a\"")], true),
            (&[("if-none-match", "W/\"a\"")], &[("etag", "\"a\"")], true),
            (&[("if-none-match", "\"x, \\\"a\\\"\"")], &[("etag", "\"a\"")], false),
            (&[("if-none-match", "*")], &[("etag", "\"a\"")], true),
            (&[("if-none-match", "\"a\"")], &[], false),
            // The tag decides, whatever the time says.
            (
                &[("if-none-match", "\"b\""), ("if-modified-since", MONDAY)],
                &[("etag", "\"a\""), ("last-modified", SUNDAY)],
                false,
            ),
            (&[("if-modified-since", MONDAY)], &[("last-modified", SUNDAY)], true),
            (&[("if-modified-since", SUNDAY)], &[("last-modified", SUNDAY)], true),
            (&[("if-modified-since", SUNDAY)], &[("last-modified", MONDAY)], false),
            (&[("if-modified-since", "Sunday, 06-Nov-94 12:00:00 GMT")], &[("last-modified", SUNDAY)], true),
            (&[("if-modified-since", MONDAY)], &[("date", SUNDAY)], true),
            (&[("if-modified-since", MONDAY)], &[("last-modified", "x"), ("date", SUNDAY)], false),
            (&[("if-modified-since", "yesterday")], &[("last-modified", SUNDAY)], false),
        ];
        for (request, response, expected) in cases {
            assert_eq!(
                is_known(&headers(request), &headers(response)),
                *expected,
                "{request:?} {response:?}"
            );
        }
    }

    #[test]
    fn a_part_is_sent_only_of_the_bytes_that_the_client_has_begun() {
        let cases: &[(Lines, Lines, bool)] = &[
            (&[], &[], true),
            (&[("if-range", "\"a\"")], &[("etag", "\"a\"")], true),
            (&[("if-range", "\"a\"")], &[("etag", "W/\"a\"")], false),
            (&[("if-range", "W/\"a\"")], &[("etag", "W/\"a\"")], false),
            (&[("if-range", SUNDAY)], &[("last-modified", SUNDAY), ("date", MONDAY)], true),
            (&[("if-range", SUNDAY)], &[("last-modified", SUNDAY), ("date", SUNDAY)], false),
            (&[("if-range", SUNDAY)], &[("last-modified", SUNDAY)], false),
            (&[("if-range", MONDAY)], &[("last-modified", SUNDAY), ("date", MONDAY)], false),
        ];
        for (request, response, expected) in cases {
            assert_eq!(
                allows_part(&headers(request), &headers(response)),
                *expected,
                "{request:?} {response:?}"
            );
        }
    }
}
