//! Entity tags of a body's codings: one for each, and which of them a client has.
//!
//! The body as it is has `"hash"`, a coding of it `"hash-courant-br"` and so on: strong tags, since the bytes differ
//! (RFC 9110, section 8.8.3.3). A weak tag says what a body means and is that of all its codings. The name in the
//! middle tells our codings from those of an upstream, some of which have `"hash-gzip"` themselves. Never says what
//! is sent.

use http::header::{ETAG, Entry, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};

use super::{Accepted, Coding};

/// Between the tag of the body as it is and the name of a coding.
const MARK: &str = "-courant-";

/// The tag of a coding of the body, or of the body as it is.
pub fn tag_of(etag: &HeaderValue, coding: Option<Coding>) -> HeaderValue {
    let Some(coding) = coding else { return etag.clone() };
    let Some(hash) = strong(etag) else { return etag.clone() };
    let tag = format!("\"{hash}{MARK}{}\"", coding.name());
    HeaderValue::from_str(&tag).expect("a hash and a name are a header value")
}

/// The representation that a client has and may be told is unchanged: `If-None-Match` names its tag.
///
/// Which representation a request selects is the server's choice among those it accepts (RFC 9110, section
/// 12.1), so one that the client has already is as good as the one that would be sent: an app that read the
/// body before its coding was made is not sent it again. One that the request does not accept is not: caches
/// name every tag they keep (RFC 9111, section 4.3.1), and would send the client what it cannot read.
/// A `*` means whatever would be sent. Tags compare weakly (RFC 9110, section 13.1.2).
pub fn known(
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
            suffix => Some(suffix.strip_prefix(MARK).and_then(Coding::named)?),
        };
        accepted.allows(coding).then_some(coding)
    })
}

/// The tag of the body as it is, and the coding, of a tag that is one of ours.
pub(crate) fn bare(tag: &str) -> Option<(String, Coding)> {
    let (bare, name) = tag.strip_suffix('"')?.rsplit_once(MARK)?;
    Some((format!("{bare}\""), Coding::named(name)?))
}

/// Names the tags of our codings in a request's conditions as the upstream knows them: whoever has a coding of the
/// body has the body.
pub fn as_made(request: &mut HeaderMap) {
    for name in [IF_MATCH, IF_NONE_MATCH] {
        let Entry::Occupied(mut lines) = request.entry(name) else { continue };
        for line in lines.iter_mut() {
            let Some(text) = line.to_str().ok().filter(|text| text.contains(MARK)) else { continue };
            let bare = Coding::ALL.iter().fold(text.to_owned(), |text, coding| {
                text.replace(&format!("{MARK}{}\"", coding.name()), "\"")
            });
            if let Ok(bare) = HeaderValue::try_from(bare) {
                *line = bare;
            }
        }
    }
}

/// Gives an answer that says "unchanged" the tag of the coding that the client has.
pub fn as_known(request: &HeaderMap, response: &mut HeaderMap) {
    let is_ours = |line: &HeaderValue| line.to_str().is_ok_and(|text| text.contains(MARK));
    if !request.get_all(IF_NONE_MATCH).iter().any(is_ours) {
        return;
    }
    let Some(etag) = response.get(ETAG) else { return };
    if let Some(coding) = known(request, etag, &Accepted::of(request), None) {
        let tag = tag_of(etag, coding);
        response.insert(ETAG, tag);
    }
}

/// What stands between the quotes of a strong tag.
fn strong(etag: &HeaderValue) -> Option<&str> {
    opaque(etag.to_str().ok()?)
}

fn opaque(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::headers;

    #[test]
    fn an_upstream_is_asked_about_the_tags_that_it_gave() {
        let ours = "\"a-courant-br\", W/\"b-courant-gzip\", \"c-gzip\", \"d-courant-x\"";
        let mut request = headers(&[("if-none-match", ours), ("if-match", "\"a-courant-zstd\"")]);
        as_made(&mut request);
        assert_eq!(request[IF_NONE_MATCH], "\"a\", W/\"b\", \"c-gzip\", \"d-courant-x\"");
        assert_eq!(request[IF_MATCH], "\"a\"");
    }

    #[test]
    fn what_is_unchanged_has_the_tag_that_the_client_knows_it_by() {
        let tag = |asked, accepts, answered| {
            let mut response = headers(&[("etag", answered)]);
            as_known(&headers(&[("if-none-match", asked), ("accept-encoding", accepts)]), &mut response);
            response[ETAG].clone()
        };
        assert_eq!(tag("\"a-courant-br\"", "br", "\"a\""), "\"a-courant-br\"");
        assert_eq!(tag("\"a-courant-br\"", "gzip", "\"a\""), "\"a\"");
        assert_eq!(tag("\"a-courant-br\"", "br", "W/\"a\""), "W/\"a\"");
        assert_eq!(tag("\"a-courant-br\"", "br", "\"b\""), "\"b\"");
    }
}
