use super::*;
use crate::heads::headers;

fn hop(is_trusted: bool) -> Hop {
    Hop { peer: IpAddr::from([10, 0, 0, 1]), scheme: "http", is_trusted }
}

fn said(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

fn request(headers: &mut HeaderMap, version: Version, hop: &Hop) {
    let origin = origin(headers, hop);
    super::request(headers, version, hop, &origin);
}

#[test]
fn what_belongs_to_one_connection_goes_no_further() {
    let mut all = headers(&[
        ("connection", "close, X-Secret, Content-Length"),
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("x-secret", "1"),
        ("content-length", "5"),
        ("host", "app"),
    ]);
    strip_hop(&mut all);
    assert_eq!(all, headers(&[("content-length", "5"), ("host", "app")]));
}

#[test]
fn the_upstream_is_told_who_asked_and_how() {
    let mut all = headers(&[("host", "App.example:8080"), ("te", "trailers"), ("expect", "100-continue")]);
    request(&mut all, Version::HTTP_11, &hop(false));
    let expected = headers(&[
        ("host", "App.example:8080"),
        ("te", "trailers"),
        ("connection", "te"),
        ("via", "1.1 courant"),
        ("surrogate-capability", "courant=\"Surrogate/1.0\""),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1;proto=http;host=\"app.example:8080\""),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "app.example:8080"),
    ]);
    assert_eq!(all, expected);
}

#[test]
fn only_a_trusted_peer_says_what_was_before_it() {
    let before = headers(&[
        ("host", "app"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop"),
        ("forwarded", "for=1.2.3.4"),
    ]);
    let mut trusted = before.clone();
    request(&mut trusted, Version::HTTP_10, &hop(true));
    assert_eq!(said(&trusted, "x-forwarded-for"), ["1.2.3.4, 10.0.0.1"]);
    assert_eq!(said(&trusted, "x-forwarded-proto"), ["https"]);
    assert_eq!(said(&trusted, "x-forwarded-host"), ["shop"]);
    assert_eq!(said(&trusted, "forwarded"), ["for=1.2.3.4, for=10.0.0.1;proto=https;host=\"shop\""]);
    assert_eq!(said(&trusted, "via"), ["1.0 courant"]);
    let mut stranger = before;
    request(&mut stranger, Version::HTTP_11, &hop(false));
    assert_eq!(said(&stranger, "x-forwarded-for"), ["1.2.3.4, 10.0.0.1"]);
    assert_eq!(said(&stranger, "x-forwarded-proto"), ["http"]);
    assert_eq!(said(&stranger, "x-forwarded-host"), ["app"]);
    assert_eq!(said(&stranger, "forwarded"), ["for=10.0.0.1;proto=http;host=\"app\""]);
}

#[test]
fn an_upgrade_is_one_only_if_the_connection_says_so() {
    let both = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
    assert_eq!(upgrade(&both), Some(HeaderValue::from_static("websocket")));
    assert_eq!(upgrade(&headers(&[("connection", "upgrade"), ("upgrade", "h2c")])), None);
    assert_eq!(upgrade(&headers(&[("upgrade", "websocket")])), None);
    assert_eq!(upgrade(&headers(&[("connection", "upgrade")])), None);
}
