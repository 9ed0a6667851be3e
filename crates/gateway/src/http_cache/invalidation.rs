//! What a request that may change something makes invalid (RFC 9111, section 4.4).

use http::header::{CONTENT_LOCATION, LOCATION};
use http::{HeaderMap, Method, StatusCode, Uri};

/// The targets, path and query, that are no longer to be used after a response: the one that was asked, and those
/// on the same host that the response names.
pub fn invalidated(
    method: &Method,
    uri: &Uri,
    host: &str,
    status: StatusCode,
    response: &HeaderMap,
) -> Vec<String> {
    let is_error = status.is_client_error() || status.is_server_error() || status.is_informational();
    if method.is_safe() || is_error {
        return Vec::new();
    }
    let own = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut targets = vec![own.to_owned()];
    for name in [LOCATION, CONTENT_LOCATION] {
        let named = response.get(name).and_then(|value| value.to_str().ok());
        targets.extend(named.and_then(|reference| resolve(reference, uri.path(), host)));
    }
    targets
}

/// The path and query of a reference, if it stays on the host (RFC 3986, section 5.2). A reference that is written
/// in a way nobody would ask for it invalidates nothing.
fn resolve(reference: &str, base: &str, host: &str) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    let after_scheme = ["http:", "https:"].into_iter().find_map(|scheme| {
        let begin = reference.get(..scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then(|| &reference[scheme.len()..])
    });
    if let Some(rest) = after_scheme.unwrap_or(reference).strip_prefix("//") {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if !authority.eq_ignore_ascii_case(host) {
            return None;
        }
        return Some(if target.starts_with('/') { target.to_owned() } else { format!("/{target}") });
    }
    if after_scheme.is_some() || reference.is_empty() {
        return None;
    }
    if reference.starts_with('/') {
        return Some(reference.to_owned());
    }
    if reference.starts_with('?') {
        return Some(format!("{base}{reference}"));
    }
    let directory = &base[..base.rfind('/').map_or(0, |at| at + 1)];
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let mut segments: Vec<&str> = directory.split('/').collect();
    segments.pop();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." if segments.len() > 1 => drop(segments.pop()),
            ".." => {}
            segment => segments.push(segment),
        }
    }
    let path = segments.join("/");
    Some(query.map_or_else(|| path.clone(), |query| format!("{path}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_target_on_the_same_host_or_nothing() {
        let cases = [
            ("/a?b#c", Some("/a?b")),
            ("c", Some("/x/c")),
            ("./c?d", Some("/x/c?d")),
            ("../c", Some("/c")),
            ("../../c", Some("/c")),
            ("?d", Some("/x/y?d")),
            ("http://App:80/a", Some("/a")),
            ("HTTPS://app:80", Some("/")),
            ("//app:80/a", Some("/a")),
            ("//app:80?q", Some("/?q")),
            ("http://other/a", None),
            ("//other/a", None),
            ("http:a", None),
            ("", None),
            ("#c", None),
        ];
        for (reference, expected) in cases {
            assert_eq!(resolve(reference, "/x/y", "app:80").as_deref(), expected, "{reference:?}");
        }
    }

    #[test]
    fn what_may_have_changed_is_invalid_and_an_error_changed_nothing() {
        let uri: Uri = "/x/y?z".parse().expect("a target");
        let response =
            [(LOCATION, "/a".parse().expect("a value")), (CONTENT_LOCATION, "b".parse().expect("a value"))];
        let response: HeaderMap = response.into_iter().collect();
        let targets = |method: &str, status: u16| {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            invalidated(&method, &uri, "app", StatusCode::from_u16(status).expect("a status"), &response)
        };
        assert_eq!(targets("POST", 201), ["/x/y?z", "/a", "/x/b"]);
        assert_eq!(targets("M-SEARCH", 302), ["/x/y?z", "/a", "/x/b"]);
        assert!(targets("POST", 404).is_empty());
        assert!(targets("DELETE", 500).is_empty());
        assert!(targets("GET", 200).is_empty());
        assert!(targets("OPTIONS", 200).is_empty());
    }
}
