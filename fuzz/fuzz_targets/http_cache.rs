//! Any bytes as the fields that decide what is kept: nothing panics, what is said to be kept by nobody is not, and an
//! answer from what is kept lies within its body.
#![no_main]

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use gateway::http_cache::{Asked, CacheControl, Candidate, Range, Reply, Times, Vary, invalidated};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use libfuzzer_sys::fuzz_target;

/// In responses, by number of the line.
const RESPONSE: [&str; 12] = [
    "cache-control", "cache-control", "cdn-cache-control", "surrogate-control", "vary", "vary", "expires", "age",
    "date", "last-modified", "etag", "location",
];
const REQUEST: [&str; 6] = ["range", "if-none-match", "if-modified-since", "if-range", "cookie", "cache-control"];

fn headers(names: &[&'static str], lines: &mut dyn Iterator<Item = &[u8]>) -> HeaderMap {
    let pair = |(name, value): (&&'static str, &[u8])| {
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
    };
    names.iter().zip(lines).filter(|(_, line)| !line.is_empty()).filter_map(pair).collect()
}

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let response = headers(&RESPONSE, &mut lines);
    let request = headers(&REQUEST, &mut lines);
    let (uri, now) = (Uri::from_static("/a/b?c"), Instant::now());
    let _ = invalidated(&Method::POST, &uri, "app", StatusCode::OK, &response);
    let asked = Asked { method: &Method::GET, uri: &uri, headers: &request };
    let times = Times { requested: now, received: now, wall: SystemTime::now() };
    let ttl = Some(Duration::from_secs(1));
    let body = Bytes::from_static(b"0123456789");
    let control = CacheControl::of(&response);
    let Ok(candidate) = Candidate::judge(&asked, StatusCode::OK, &response, &times, ttl) else { return };
    assert!(!control.private && (!control.no_store || control.must_understand));
    assert!(Vary::of(&response, &request).is_some_and(|vary| vary.matches(&request)));
    let stored = candidate.complete(body.clone());
    assert!(stored.is_for(&request));
    let reply = Reply::from(&stored, &Method::GET, &request, now);
    match reply.status.as_u16() {
        200 => assert_eq!(reply.body, body),
        206 => {
            let slice = Range::of(&request).slice(body.len()).expect("it has the bytes that it sent");
            assert_eq!(reply.body, body.slice(slice.from..slice.to));
        }
        304 | 416 => assert!(reply.body.is_empty()),
        status => panic!("a 200 became a {status}"),
    }
});
