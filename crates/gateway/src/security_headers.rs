//! What browsers are told to forbid, unless the app has said otherwise.
//!
//! Adds, never replaces: a header that the answer has is the app's, and stays. JSON is no document once nobody may guess
//! otherwise (`nosniff`), so of what is about documents it is told nothing, and costs nothing.

use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const JSON: &[u8] = b"application/json";

/// The headers, by their values; none where nothing is to be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityHeaders {
    /// `X-Content-Type-Options`, of every answer.
    pub content_type_options: Option<HeaderValue>,
    /// `X-Frame-Options`, of documents.
    pub frame_options: Option<HeaderValue>,
    /// `Referrer-Policy`, of documents.
    pub referrer_policy: Option<HeaderValue>,
    /// `Content-Security-Policy`, of documents.
    pub content_security_policy: Option<HeaderValue>,
    /// `Strict-Transport-Security`, of every answer over TLS.
    pub strict_transport_security: Option<HeaderValue>,
}

impl SecurityHeaders {
    /// Adds those that the answer lacks.
    pub fn add(&self, is_tls: bool, headers: &mut HeaderMap) {
        let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(JSON));
        let mut say = |name: HeaderName, value: &Option<HeaderValue>| {
            if let Some(value) = value {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        };
        say(X_CONTENT_TYPE_OPTIONS, &self.content_type_options);
        if !is_json || self.content_type_options.is_none() {
            say(X_FRAME_OPTIONS, &self.frame_options);
            say(REFERRER_POLICY, &self.referrer_policy);
            say(CONTENT_SECURITY_POLICY, &self.content_security_policy);
        }
        // RFC 6797, section 7.2: never over plain HTTP.
        if is_tls {
            say(STRICT_TRANSPORT_SECURITY, &self.strict_transport_security);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(is_tls: bool, app: &[(HeaderName, &'static str)]) -> Vec<String> {
        let value = |text| Some(HeaderValue::from_static(text));
        let said = SecurityHeaders {
            content_type_options: value("nosniff"),
            frame_options: value("SAMEORIGIN"),
            strict_transport_security: value("max-age=1"),
            ..SecurityHeaders::default()
        };
        let app = app.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let mut headers: HeaderMap = app.collect();
        said.add(is_tls, &mut headers);
        headers.values().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_the_app_says_stays_and_what_it_does_not_say_is_added() {
        assert_eq!(told(false, &[]), ["nosniff", "SAMEORIGIN"]);
        assert_eq!(told(true, &[]), ["nosniff", "SAMEORIGIN", "max-age=1"]);
        assert_eq!(told(false, &[(X_FRAME_OPTIONS, "DENY")]), ["DENY", "nosniff"]);
    }

    #[test]
    fn json_is_told_nothing_that_is_about_documents() {
        assert_eq!(
            told(false, &[(CONTENT_TYPE, "application/json; charset=utf-8")]),
            ["application/json; charset=utf-8", "nosniff"]
        );
        assert_eq!(told(false, &[(CONTENT_TYPE, "text/html")]), ["text/html", "nosniff", "SAMEORIGIN"]);
    }
}
