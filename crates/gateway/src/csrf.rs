//! Whether a request that a browser sends along with cookies was meant by the app's own pages.
//!
//! Judged by what other sites cannot forge, best first: `Sec-Fetch-Site`, then `Origin`, then a token that is sent
//! twice. Requests that change nothing, bring nothing that a browser adds by itself, or have a bearer token pass: no
//! other site can make a browser send what it does not know. Makes no tokens; the app does.

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::wildcard::Wildcard;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The rules, for the paths they hold for.
#[derive(Clone, Debug)]
pub struct Csrf {
    /// Where requests are looked at.
    pub paths: Vec<Wildcard>,
    /// Other origins whose pages may send them.
    pub origins: Vec<HeaderValue>,
    /// The cookie that holds the token, and the header that says it again.
    pub cookie: String,
    /// The header.
    pub header: HeaderName,
}

/// Why a request was not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// The browser says so.
    #[error("the page that sent it is of another site (Sec-Fetch-Site)")]
    Site,
    /// Its origin is another.
    #[error("the page that sent it is of another origin (Origin)")]
    Origin,
    /// Nothing shows where it comes from, and its token is missing or wrong.
    #[error("nothing shows which page sent it, and it has no token of the app's")]
    Token,
}

impl Csrf {
    /// Refuses a request that no page of the app has sent. `path` is decoded.
    pub fn check(&self, method: &Method, path: &str, uri: &Uri, headers: &HeaderMap) -> Result<(), Forged> {
        let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
        if !changes || !is_by_browser(headers) || !self.paths.iter().any(|pattern| pattern.matches(path)) {
            return Ok(());
        }
        let origin = headers.get(ORIGIN);
        if origin.is_some_and(|origin| self.origins.contains(origin)) {
            return Ok(());
        }
        match (headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes), origin) {
            (Some(b"same-origin" | b"none"), _) => Ok(()),
            (Some(_), _) => Err(Forged::Site),
            (None, Some(origin)) if is_of(origin, uri, headers) => Ok(()),
            (None, Some(_)) => Err(Forged::Origin),
            (None, None) if self.has_token(headers) => Ok(()),
            (None, None) => Err(Forged::Token),
        }
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let Some(said) = headers.get(&self.header).map(HeaderValue::as_bytes) else { return false };
        let pairs =
            headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let mut tokens = pairs.filter_map(|pair| {
            let (name, value) = pair.trim_ascii().split_at_checked(self.cookie.len())?;
            if name != self.cookie.as_bytes() { None } else { value.strip_prefix(b"=") }
        });
        // A second cookie of that name may come from a neighbour's domain.
        match (tokens.next(), tokens.next()) {
            (Some(token), None) => !token.is_empty() && is_same(token, said),
            _ => false,
        }
    }
}

/// Whether a browser may have added what authorizes the request: cookies, or a password that it remembers. A bearer
/// token it never adds by itself.
fn is_by_browser(headers: &HeaderMap) -> bool {
    match headers.get(AUTHORIZATION).map(HeaderValue::as_bytes) {
        None => headers.contains_key(COOKIE),
        Some(value) => !value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer ")),
    }
}

/// Whether an origin is the host that the request was sent to. The scheme is not compared: behind a proxy that ends
/// TLS it is not known.
fn is_of(origin: &HeaderValue, uri: &Uri, headers: &HeaderMap) -> bool {
    let host = uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = host.or_else(|| headers.get(HOST).map(HeaderValue::as_bytes)).unwrap_or_default();
    let origin = origin.as_bytes();
    let origin = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    origin.is_some_and(|origin| !origin.is_empty() && origin.eq_ignore_ascii_case(host))
}

/// Compares in a time that does not tell how much is right.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, pairs: &[(&'static str, &'static str)]) -> Result<(), Forged> {
        let csrf = Csrf {
            paths: vec![Wildcard::new("/app/*")],
            origins: vec![HeaderValue::from_static("https://pay.example")],
            cookie: "csrf_token".to_owned(),
            header: HeaderName::from_static("x-csrf-token"),
        };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("app.example"));
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        csrf.check(&method, "/app/pay", &Uri::from_static("/app/pay"), &headers)
    }

    #[test]
    fn a_change_with_cookies_comes_from_the_apps_own_pages_or_not_at_all() {
        let cookie = ("cookie", "sid=1; csrf_token=abc");
        let post = |pairs: &[_]| check(Method::POST, &[&[cookie], pairs].concat());
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(post(&[("sec-fetch-site", "none")]), Ok(()));
        assert_eq!(post(&[("sec-fetch-site", "same-site")]), Err(Forged::Site));
        assert_eq!(post(&[("sec-fetch-site", "cross-site")]), Err(Forged::Site));
        let token = ("x-csrf-token", "abc");
        assert_eq!(post(&[("sec-fetch-site", "cross-site"), token]), Err(Forged::Site));
        assert_eq!(post(&[("sec-fetch-site", "cross-site"), ("origin", "https://pay.example")]), Ok(()));
        assert_eq!(post(&[("origin", "https://app.example")]), Ok(()));
        assert_eq!(post(&[("origin", "https://APP.example")]), Ok(()));
        assert_eq!(post(&[("origin", "https://app.example.evil")]), Err(Forged::Origin));
        assert_eq!(post(&[("origin", "null"), token]), Err(Forged::Origin));
        assert_eq!(post(&[token]), Ok(()));
        assert_eq!(post(&[("x-csrf-token", "abd")]), Err(Forged::Token));
        assert_eq!(post(&[("x-csrf-token", "")]), Err(Forged::Token));
        assert_eq!(post(&[token, ("cookie", "csrf_token=abc")]), Err(Forged::Token));
        assert_eq!(post(&[]), Err(Forged::Token));
    }

    #[test]
    fn what_no_other_site_can_do_is_not_asked_for() {
        let cookie = ("cookie", "sid=1");
        let far = ("sec-fetch-site", "cross-site");
        assert_eq!(check(Method::GET, &[cookie, far]), Ok(()));
        assert_eq!(check(Method::POST, &[far]), Ok(()));
        assert_eq!(check(Method::POST, &[cookie, far, ("authorization", "Bearer x")]), Ok(()));
        // A password is remembered and sent along, as a cookie is.
        assert_eq!(check(Method::POST, &[far, ("authorization", "Basic eDp5")]), Err(Forged::Site));
    }
}
