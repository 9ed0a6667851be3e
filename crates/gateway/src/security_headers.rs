//! What browsers are told to forbid on every page, unless the app has said otherwise.
//!
//! Adds, never replaces: a header that the answer has is the app's, and stays.

use http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The headers, by their values; none where nothing is to be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityHeaders {
    always: Vec<(HeaderName, HeaderValue)>,
    over_tls: Option<HeaderValue>,
}

impl SecurityHeaders {
    /// From the values that are configured.
    pub fn new(
        content_type_options: Option<HeaderValue>,
        frame_options: Option<HeaderValue>,
        referrer_policy: Option<HeaderValue>,
        content_security_policy: Option<HeaderValue>,
        strict_transport_security: Option<HeaderValue>,
    ) -> SecurityHeaders {
        let always = [
            (X_CONTENT_TYPE_OPTIONS, content_type_options),
            (X_FRAME_OPTIONS, frame_options),
            (REFERRER_POLICY, referrer_policy),
            (CONTENT_SECURITY_POLICY, content_security_policy),
        ];
        let always = always.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        SecurityHeaders { always, over_tls: strict_transport_security }
    }

    /// Adds those that the answer lacks.
    pub fn add(&self, is_tls: bool, headers: &mut HeaderMap) {
        for (name, value) in &self.always {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        // RFC 6797, section 7.2: never over plain HTTP.
        if let Some(value) = self.over_tls.as_ref().filter(|_| is_tls) {
            headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_app_says_stays_and_what_it_does_not_say_is_added() {
        let value = |text| Some(HeaderValue::from_static(text));
        let said =
            SecurityHeaders::new(value("nosniff"), value("SAMEORIGIN"), None, None, value("max-age=1"));
        let mut headers = HeaderMap::new();
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        said.add(false, &mut headers);
        assert_eq!((headers.len(), &headers[X_FRAME_OPTIONS]), (2, &HeaderValue::from_static("DENY")));
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        said.add(true, &mut headers);
        assert_eq!(headers[STRICT_TRANSPORT_SECURITY], "max-age=1");
    }
}
