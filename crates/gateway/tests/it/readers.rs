//! What must hold of everything that the gateway reads from outside, whatever it is. Asked by the tests beside it and by
//! the targets under `fuzz/`, which include this file; hence nothing but what the crate shows.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use gateway::coding::{Accepted, Coding, as_known, as_made, forbids_coding};
use gateway::http_cache::{
    Asked, CacheControl, Candidate, Key, Range, Reply, Stored, Times, Vary, invalidated,
};
use gateway::route::{Pattern, Route, Routes};
use gateway::{AddressHeader, Trust};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

/// The headers of a response that decide what is kept, by number of the line.
pub(crate) const RESPONSE: [&str; 13] = [
    "cache-control",
    "cache-control",
    "cdn-cache-control",
    "surrogate-control",
    "vary",
    "vary",
    "expires",
    "age",
    "date",
    "last-modified",
    "etag",
    "location",
    "content-type",
];
/// Those of a request.
pub(crate) const REQUEST: [&str; 7] =
    ["range", "if-none-match", "if-modified-since", "if-range", "cookie", "cache-control", "accept-encoding"];

fn headers(names: &[&'static str], lines: &mut dyn Iterator<Item = &[u8]>) -> HeaderMap {
    let pair = |(name, value): (&&'static str, &[u8])| {
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
    };
    names.iter().zip(lines).filter(|(_, line)| !line.is_empty()).filter_map(pair).collect()
}

/// Lines as the fields that decide what is kept, the response's and then the request's: nothing panics, what is said to
/// be kept by nobody is not, and an answer from what is kept lies within its body, in a coding that is wanted.
pub(crate) fn http_cache(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let response = headers(&RESPONSE, &mut lines);
    let request = headers(&REQUEST, &mut lines);
    let (uri, now) = (Uri::from_static("/a/b?c"), Instant::now());
    let _ = invalidated(&Method::POST, &uri, "app", StatusCode::OK, &response);
    let asked = Asked { method: &Method::GET, uri: &uri, headers: &request };
    let times = Times { requested: now, received: now, wall: SystemTime::now() };
    let ttl = Some(Duration::from_secs(1));
    let control = CacheControl::of(&response);
    let Ok(candidate) = Candidate::judge(&asked, StatusCode::OK, &response, &times, ttl) else { return };
    assert!(!control.private && (!control.no_store || control.must_understand));
    assert!(Vary::of(&response, &request).is_some_and(|vary| vary.matches(&request)));
    let body = Bytes::from("0123456789".repeat(120));
    let stored = candidate.complete(body.clone());
    assert!(stored.is_for(&request));
    stored.make(Coding::Gzip, |_| true);
    let reply = Reply::from(&stored, &Method::GET, &request, now);
    match reply.status.as_u16() {
        200 => whole(&stored, &reply, &request, &body),
        206 => {
            let slice = Range::of(&request).slice(body.len()).expect("it has the bytes that it sent");
            assert_eq!(reply.body, body.slice(slice.from..slice.to));
        }
        304 | 416 => assert!(reply.body.is_empty()),
        status => unreachable!("a 200 became a {status}"),
    }
}

/// A whole answer is the body as it is, unless nobody forbids a coding and the client wants it; then it says so.
fn whole(stored: &Stored, reply: &Reply, request: &HeaderMap, body: &Bytes) {
    let Some(coding) = reply.headers.get(CONTENT_ENCODING) else {
        assert_eq!(reply.body, *body);
        return;
    };
    assert_eq!(coding, "gzip");
    assert!(Accepted::of(request).allows(Some(Coding::Gzip)) && reply.body.len() < body.len());
    assert!(!stored.headers().iter().any(|(name, value)| forbids_coding(name, value)));
    assert!(reply.headers.contains_key(VARY));
    // Strong tags tell bytes apart.
    if let Some(tag) = reply.headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")) {
        assert!(stored.headers().get(ETAG) != Some(tag) || !tag.as_bytes().ends_with(b"\"") || tag.len() < 2);
    }
}

/// Any bytes as `Accept-Encoding` and `If-None-Match`: what is preferred is allowed, `no-transform` means no coding, and
/// an upstream is never asked about a tag of ours.
pub(crate) fn coding(accepts: &[u8], tags: &[u8]) {
    let (Ok(accepts), Ok(tags)) = (HeaderValue::from_bytes(accepts), HeaderValue::from_bytes(tags)) else {
        return;
    };
    let mut request = HeaderMap::new();
    request.insert("accept-encoding", accepts);
    request.insert("if-none-match", tags);
    let accepted = Accepted::of(&request);
    assert!(accepted.preferred().all(|coding| accepted.allows(Some(coding))));
    let mut unchanged: HeaderMap = [(ETAG, HeaderValue::from_static("\"a\""))].into_iter().collect();
    as_known(&request, &mut unchanged);
    let is_ours = |tag: &HeaderValue| {
        Coding::ALL.iter().any(|coding| *tag == format!("\"a-courant-{}\"", coding.name()))
    };
    assert!(unchanged[ETAG] == "\"a\"" || is_ours(&unchanged[ETAG]));
    as_made(&mut request);
    let asked = String::from_utf8_lossy(request["if-none-match"].as_bytes()).into_owned();
    let is_text = request["if-none-match"].to_str().is_ok();
    assert!(!is_text || !asked.contains("\"a-courant-gzip\""), "{asked}");
    request.insert(CACHE_CONTROL, HeaderValue::from_static("no-transform"));
    assert_eq!(Accepted::of(&request).preferred().count(), 0);
}

/// Two requests as the key of what is kept: the same only where scheme, host and target are the same.
pub(crate) fn key(one: [&str; 4], other: [&str; 4]) {
    // As the key's maker says: neither a header nor a target holds a line feed.
    if one.iter().chain(&other).any(|part| part.contains('\n')) {
        return;
    }
    let key = |[scheme, host, forwarded, target]: [&str; 4]| Key::new(scheme, host, forwarded, target);
    assert_eq!(key(one) == key(other), one == other);
    let [scheme, host, forwarded, _] = one;
    assert_eq!(key(one).with_target(other[3]), key([scheme, host, forwarded, other[3]]));
    assert_eq!(key(one).to_string(), one[3]);
    assert!(key(one).weight_bytes() >= one.iter().map(|part| part.len()).sum());
}

/// Any text as a route's pattern and any path: nothing panics, what is captured is in the path, a pattern matches
/// itself where it has no names, and the table finds what its patterns match.
pub(crate) fn route(one: &str, other: &str, path: &str) {
    let Ok(one) = Pattern::parse(one) else { return };
    let captured = one.captures(path);
    assert_eq!(captured.is_some(), one.matches(path));
    for (_, text) in captured.iter().flatten() {
        assert!(text.len() <= path.len());
    }
    if !one.text().contains(['{', '%']) {
        assert!(one.matches(one.text()));
    }
    let Ok(other) = Pattern::parse(other) else { return };
    let any = one.matches(path) || other.matches(path);
    let route = |pattern: Pattern| Route { pattern, methods: Vec::new(), value: () };
    if let Ok(routes) = Routes::new(vec![route(one), route(other)]) {
        assert_eq!(routes.find(&Method::GET, path).is_some(), any);
    }
}

/// Any bytes as what proxies say of their clients: an address comes out, and nobody but the nearest proxy decides it.
pub(crate) fn client(forwarded: bool, hops: u8, values: &[Vec<u8>]) {
    let (name, header) = match forwarded {
        true => ("forwarded", AddressHeader::Forwarded),
        false => ("x-forwarded-for", AddressHeader::XForwardedFor),
    };
    let mut headers = HeaderMap::new();
    for value in values.iter().take(20) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let address = |text: &str| text.parse().expect("an address");
    let (proxy, stranger) = (address("192.0.2.1"), address("198.51.100.1"));
    let networks = vec!["192.0.2.0/24".parse().expect("a network")];
    let by_network = Trust { networks, hops: 0, header };
    assert_eq!(by_network.client(stranger, &headers), stranger);
    by_network.client(proxy, &headers);
    Trust { networks: Vec::new(), hops: hops.into(), header }.client(proxy, &headers);

    let said = if forwarded { "for=203.0.113.9" } else { "203.0.113.9" };
    headers.append(name, HeaderValue::from_static(said));
    assert_eq!(by_network.client(proxy, &headers).to_string(), "203.0.113.9");
}
