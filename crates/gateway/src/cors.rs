//! Which other origins a browser lets read the answers.
//!
//! The Fetch standard's protocol, with exact origins: an origin is in the list, character by character, or is not. Never
//! says anything where the app has said it already.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

/// PostgREST's own list.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD");
/// PostgREST's list and what Courant adds.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, \
     Range-Unit, ETag, Age, Cache-Status, Courant-Position, Retry-After, RateLimit, RateLimit-Policy",
);

/// Who may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Everybody, without cookies.
    Any,
    /// These alone.
    Listed(Vec<HeaderValue>),
}

/// The rules of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Who may read.
    pub origins: Origins,
    /// Whether listed origins may send cookies.
    pub credentials: bool,
    /// How long a browser may remember a preflight.
    pub max_age: Duration,
}

impl Cors {
    /// Whether a request asks whether another may be sent.
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The headers that answer a preflight.
    pub fn preflight(&self, request: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.allow(request.get(ORIGIN), &mut headers);
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed(asked));
            }
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age.as_secs()));
        }
        headers
    }

    /// Adds to the answer of an `OPTIONS` that is no preflight what PostgREST says: everybody may read it.
    pub fn add_to_options(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        match self.origins {
            Origins::Any => {
                headers.entry(ACCESS_CONTROL_ALLOW_ORIGIN).or_insert(HeaderValue::from_static("*"));
            }
            Origins::Listed(_) => self.add(origin, headers),
        }
    }

    /// Adds what lets a browser hand the answer over.
    pub fn add(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        self.allow(origin, headers);
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.entry(ACCESS_CONTROL_EXPOSE_HEADERS).or_insert(EXPOSED);
        }
    }

    fn allow(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        match (&self.origins, origin) {
            (Origins::Any, Some(_)) => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            (Origins::Any, None) => {}
            (Origins::Listed(listed), origin) => {
                // Without it a cache would hand the answer for one origin, or for none, to another.
                headers.append(VARY, HeaderValue::from_static("Origin"));
                let Some(origin) = origin.filter(|origin| listed.contains(origin)) else { return };
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                if self.credentials {
                    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                }
            }
        }
    }
}

/// What is asked for, and what PostgREST always allows. `*` would not stand for Authorization.
fn allowed(asked: &HeaderValue) -> HeaderValue {
    let names = asked.to_str().unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let always = ["Accept", "Accept-Language", "Content-Language"];
    let all: Vec<&str> = std::iter::once("Authorization").chain(names).chain(always).collect();
    HeaderValue::try_from(all.join(", ")).unwrap_or(HeaderValue::from_static("Authorization"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cors: &Cors, origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        cors.add(origin.map(HeaderValue::from_static).as_ref(), &mut headers);
        headers
    }

    fn listed() -> Cors {
        let origins = Origins::Listed(vec![HeaderValue::from_static("https://app.example")]);
        Cors { origins, credentials: true, max_age: Duration::from_secs(60) }
    }

    #[test]
    fn only_the_exact_origin_is_echoed() {
        let said = answer(&listed(), Some("https://app.example"));
        assert_eq!(said[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
        assert_eq!(
            (&said[ACCESS_CONTROL_ALLOW_CREDENTIALS], &said[VARY]),
            (&"true".parse().unwrap(), &"Origin".parse().unwrap())
        );
        for origin in [
            None,
            Some("null"),
            Some("http://app.example"),
            Some("https://app.example:443"),
            Some("https://app.example.evil"),
            Some("https://evil-app.example"),
            Some("https://App.example"),
        ] {
            let said = answer(&listed(), origin);
            assert!(!said.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{origin:?}");
            assert_eq!(said[VARY], "Origin");
        }
    }

    #[test]
    fn everybody_never_means_with_cookies() {
        let cors = Cors { origins: Origins::Any, ..listed() };
        let said = answer(&cors, Some("https://app.example"));
        assert_eq!(said[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!said.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS) && !said.contains_key(VARY));
        assert!(answer(&cors, None).is_empty());
    }

    #[test]
    fn what_the_app_has_said_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://other.example"));
        let before = headers.clone();
        listed().add(Some(&HeaderValue::from_static("https://app.example")), &mut headers);
        assert_eq!(headers, before);
    }
}
