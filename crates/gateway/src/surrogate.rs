//! Tags by which an app names its answers, to have them forgotten together: `Surrogate-Key` (blanks between), as
//! Fastly and Varnish read it, and `Cache-Tag` (commas between), as Cloudflare and Akamai do.

use http::{HeaderMap, HeaderName};

/// The headers that hold tags.
pub const HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("surrogate-key"), HeaderName::from_static("cache-tag")];

/// Whether an answer with these headers has the tag.
pub fn is_tagged(headers: &HeaderMap, tag: &str) -> bool {
    HEADERS.iter().flat_map(|name| headers.get_all(name)).any(|line| {
        let line = line.to_str().unwrap_or_default();
        line.split([' ', ',', '\t']).any(|known| known == tag && !known.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_between_blanks_and_between_commas() {
        let mut headers = HeaderMap::new();
        headers.append("surrogate-key", "post-1 author-2".parse().expect("a value"));
        headers.append("cache-tag", "all,home".parse().expect("a value"));
        for (tag, found) in
            [("post-1", true), ("author-2", true), ("home", true), ("post", false), ("", false)]
        {
            assert_eq!(is_tagged(&headers, tag), found, "{tag}");
        }
    }
}
