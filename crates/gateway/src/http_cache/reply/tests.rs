use std::time::{Duration, SystemTime};

use http::Uri;

use super::*;
use crate::coding::Coding;
use crate::heads::{Lines, headers};
use crate::http_cache::candidate::{Asked, Candidate, Times};

fn stored(status: u16, response: Lines, at: Instant) -> Stored {
    let (uri, request) = (Uri::from_static("/"), HeaderMap::new());
    let asked = Asked { method: &Method::GET, uri: &uri, headers: &request };
    let times = Times { requested: at, received: at, wall: SystemTime::UNIX_EPOCH };
    let status = StatusCode::from_u16(status).expect("a status");
    let candidate =
        Candidate::judge(&asked, status, &headers(response), &times, None).expect("it may be kept");
    candidate.complete(Bytes::from_static(b"0123456789"))
}

const KEPT: Lines = &[("cache-control", "max-age=60"), ("etag", "\"a\""), ("content-type", "text/plain")];

#[test]
fn a_request_gets_as_much_as_it_asks_for() {
    type Case = (Method, Lines, u16, &'static str, &'static str);
    let cases: &[Case] = &[
        (Method::GET, &[], 200, "0123456789", ""),
        (Method::HEAD, &[], 200, "", ""),
        (Method::GET, &[("if-none-match", "\"a\"")], 304, "", ""),
        (Method::HEAD, &[("if-none-match", "\"a\"")], 304, "", ""),
        (Method::GET, &[("range", "bytes=0-1")], 206, "01", "bytes 0-1/10"),
        (Method::GET, &[("range", "bytes=8-")], 206, "89", "bytes 8-9/10"),
        (Method::GET, &[("range", "bytes=-1")], 206, "9", "bytes 9-9/10"),
        (Method::GET, &[("range", "bytes=10-")], 416, "", "bytes */10"),
        (Method::GET, &[("range", "bytes=0-1,3-4")], 200, "0123456789", ""),
        (Method::GET, &[("range", "lines=0-1")], 200, "0123456789", ""),
        (Method::HEAD, &[("range", "bytes=0-1")], 200, "", ""),
        (Method::GET, &[("range", "bytes=0-1"), ("if-range", "\"a\"")], 206, "01", "bytes 0-1/10"),
        (Method::GET, &[("range", "bytes=0-1"), ("if-range", "\"b\"")], 200, "0123456789", ""),
        (Method::GET, &[("range", "bytes=0-1"), ("if-none-match", "\"a\"")], 304, "", ""),
    ];
    let now = Instant::now();
    for (method, request, status, body, range) in cases {
        let reply =
            Reply::from(&stored(200, KEPT, now), method, &headers(request), now + Duration::from_secs(5));
        assert_eq!(
            (reply.status.as_u16(), &reply.body[..]),
            (*status, body.as_bytes()),
            "{method} {request:?}"
        );
        let said = reply.headers.get(CONTENT_RANGE).map_or("", |range| range.to_str().expect("ASCII"));
        assert_eq!(said, *range, "{method} {request:?}");
        assert_eq!(reply.headers[AGE], "5");
        assert_eq!(reply.headers["etag"], "\"a\"");
        let length =
            reply.headers.get(CONTENT_LENGTH).map(|length| length.to_str().expect("ASCII").to_owned());
        let whole = if *method == Method::HEAD { 10 } else { body.len() };
        assert_eq!(length, (*status != 304).then(|| whole.to_string()), "{method} {request:?}");
    }
}

#[test]
fn parts_and_conditions_are_of_successes() {
    let now = Instant::now();
    let missing = stored(404, KEPT, now);
    let request = headers(&[("range", "bytes=0-1"), ("if-none-match", "\"a\"")]);
    let reply = Reply::from(&missing, &Method::GET, &request, now);
    assert_eq!((reply.status.as_u16(), reply.body.len()), (404, 10));
}

#[test]
fn a_304_makes_a_response_new_but_not_its_bytes() {
    let now = Instant::now();
    let later = now + Duration::from_secs(100);
    let old =
        stored(200, &[("cache-control", "max-age=60"), ("etag", "\"a\""), ("x-a", "1"), ("x-b", "1")], now);
    assert_eq!(old.state(later), crate::http_cache::State::Stale);
    let mut request = headers(&[("if-none-match", "\"theirs\""), ("if-modified-since", "x")]);
    assert!(old.has_validator());
    old.validate(&mut request);
    assert_eq!(request, headers(&[("if-none-match", "\"a\"")]));
    let (uri, client) = (Uri::from_static("/"), HeaderMap::new());
    let asked = Asked { method: &Method::GET, uri: &uri, headers: &client };
    let times = Times { requested: later, received: later, wall: SystemTime::UNIX_EPOCH };
    let not_modified =
        headers(&[("x-a", "2"), ("etag", "\"b\""), ("content-length", "7"), ("cache-control", "max-age=90")]);
    let (new, kept) = old.freshened(&asked, &not_modified, &times, None);
    assert_eq!(kept, Ok(()));
    assert_eq!(new.state(later + Duration::from_secs(89)), crate::http_cache::State::Fresh);
    assert_eq!(
        (&new.headers()["x-a"], &new.headers()["x-b"]),
        (&HeaderValue::from_static("2"), &HeaderValue::from_static("1"))
    );
    assert_eq!(new.headers()["etag"], "\"a\"");
    assert!(!new.headers().contains_key("content-length"));
    assert_eq!(new.body(), old.body());
    let (_, kept) = old.freshened(&asked, &headers(&[("cache-control", "private")]), &times, None);
    assert_eq!(kept, Err(crate::http_cache::Refusal::Private));
}

fn large(response: Lines, at: Instant) -> Stored {
    let (uri, request) = (Uri::from_static("/"), HeaderMap::new());
    let asked = Asked { method: &Method::GET, uri: &uri, headers: &request };
    let times = Times { requested: at, received: at, wall: SystemTime::UNIX_EPOCH };
    let candidate = Candidate::judge(&asked, StatusCode::OK, &headers(response), &times, None);
    candidate.expect("it may be kept").complete(Bytes::from("courant ".repeat(500)))
}

#[test]
fn a_coding_is_sent_to_who_accepts_it_and_parts_are_of_the_body_as_it_is() {
    let now = Instant::now();
    let stored = large(KEPT, now);
    stored.make(Coding::Br, |_| true);
    let ask = |method, request: &[(&'static str, &'static str)]| {
        let reply = Reply::from(&stored, &method, &headers(request), now);
        let said =
            |name| reply.headers.get(name).map_or("", |value| value.to_str().expect("ASCII")).to_owned();
        assert_eq!(said(http::header::VARY), "Accept-Encoding");
        (reply.status.as_u16(), said(CONTENT_ENCODING), said(ETAG), reply.body)
    };
    let br = ("accept-encoding", "br");
    let (plain, ours) = ("\"a\"".to_owned(), "\"a-courant-br\"".to_owned());
    let (status, coding, tag, body) = ask(Method::GET, &[br]);
    assert_eq!((status, &*coding, &tag), (200, "br", &ours));
    assert!(body.len() < 100);
    assert_eq!(ask(Method::HEAD, &[br]), (200, "br".into(), ours.clone(), Bytes::new()));
    for request in [
        &[][..],
        &[("accept-encoding", "gzip")],
        &[br, ("cache-control", "no-transform")],
        &[br, ("range", "bytes=0-9999")],
    ] {
        let (_, coding, tag, body) = ask(Method::GET, request);
        assert_eq!((&*coding, &tag, body.len()), ("", &plain, 4000), "{request:?}");
    }
    // Who has begun to read a coding is sent all of it again.
    let begun = [br, ("range", "bytes=9-"), ("if-range", "\"a-courant-br\"")];
    assert_eq!(ask(Method::GET, &begun), (200, "br".into(), ours, body));
    assert_eq!(ask(Method::GET, &[br, ("if-none-match", "\"a-courant-br\"")]).0, 304);
    assert_eq!(ask(Method::GET, &[("if-none-match", "\"a-courant-br\"")]).0, 200);
}

#[test]
fn what_an_upstream_does_not_want_changed_is_not_and_a_weak_tag_is_that_of_all_codings() {
    let now = Instant::now();
    for response in [
        &[("cache-control", "max-age=60, no-transform")][..],
        &[("cache-control", "max-age=60"), ("content-encoding", "gzip")],
        &[("cache-control", "max-age=60"), ("content-type", "image/webp")],
    ] {
        assert!(large(response, now).variants().is_none(), "{response:?}");
    }
    let weak =
        large(&[("cache-control", "max-age=60"), ("etag", "W/\"a\""), ("vary", "Accept-Encoding")], now);
    weak.make(Coding::Gzip, |_| true);
    let reply = Reply::from(&weak, &Method::GET, &headers(&[("accept-encoding", "gzip")]), now);
    assert_eq!(
        (&reply.headers[ETAG], &reply.headers[http::header::VARY]),
        (&HeaderValue::from_static("W/\"a\""), &HeaderValue::from_static("Accept-Encoding"))
    );
}
