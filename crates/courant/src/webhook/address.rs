//! The address that a sender called: configured, told by a proxy that is believed, or the request's own.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;

use crate::listen::Visit;

/// The address with its query.
pub(super) fn called<'a>(
    configured: Option<&'a str>,
    head: &Parts,
    visit: Visit,
    is_believed: bool,
) -> Cow<'a, str> {
    let query = head.uri.query();
    if let Some(url) = configured {
        return query.map_or(Cow::Borrowed(url), |query| Cow::Owned(format!("{url}?{query}")));
    }
    let told = |name| last(&head.headers, name).filter(|_| is_believed);
    let scheme = told("x-forwarded-proto").unwrap_or(if visit.is_tls { "https" } else { "http" });
    let own = head.uri.authority().map(http::uri::Authority::as_str);
    let own = own.or_else(|| head.headers.get(HOST).and_then(|host| host.to_str().ok()));
    let host = told("x-forwarded-host").or(own).unwrap_or_default();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    Cow::Owned(format!("{scheme}://{host}{target}"))
}

/// What the nearest proxy added.
fn last<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn url(configured: Option<&str>, is_tls: bool, is_believed: bool, headers: &[(&str, &str)]) -> String {
        let mut request = Request::builder().uri("/hooks/sms?a=%2B1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        let visit = Visit { peer: ([127, 0, 0, 1], 1).into(), is_tls, head: None };
        called(configured, &head, visit, is_believed).into_owned()
    }

    #[test]
    fn the_address_is_the_one_that_was_called() {
        let proxied = [
            ("host", "10.0.0.1:3000"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example, example.com"),
        ];
        assert_eq!(
            url(Some("https://a.example/sms"), false, false, &proxied),
            "https://a.example/sms?a=%2B1"
        );
        assert_eq!(url(None, false, true, &proxied), "https://example.com/hooks/sms?a=%2B1");
        assert_eq!(url(None, false, false, &proxied), "http://10.0.0.1:3000/hooks/sms?a=%2B1");
        assert_eq!(url(None, true, true, &[("host", "example.com")]), "https://example.com/hooks/sms?a=%2B1");
    }
}
