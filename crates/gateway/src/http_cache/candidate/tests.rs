use http::HeaderName;

use super::*;
use crate::heads::{Lines, headers};

fn judged(
    method: &str,
    request: Lines,
    status: u16,
    response: Lines,
    ttl: Option<u64>,
) -> Result<Candidate, Refusal> {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let (uri, request) = (Uri::from_static("/a?b"), headers(request));
    let asked = Asked { method: &method, uri: &uri, headers: &request };
    let now = Instant::now();
    let times = Times { requested: now, received: now, wall: SystemTime::now() };
    let status = StatusCode::from_u16(status).expect("a status");
    Candidate::judge(&asked, status, &headers(response), &times, ttl.map(Duration::from_secs))
}

type Case = (&'static str, Lines, u16, Lines, Option<u64>, Option<Refusal>);

fn check(cases: &[Case]) {
    for (method, request, status, response, ttl, expected) in cases {
        let refusal = judged(method, request, *status, response, *ttl).err();
        assert_eq!(refusal, *expected, "{method} {request:?} {status} {response:?}");
    }
}

const FRESH: Lines = &[("cache-control", "max-age=60")];

#[test]
fn a_response_is_kept_only_if_nothing_speaks_against_it() {
    let cases: &[Case] = &[
        ("GET", &[], 200, FRESH, None, None),
        ("GET", &[], 599, FRESH, None, None),
        ("HEAD", &[], 200, FRESH, None, Some(Refusal::Method)),
        ("PUT", &[], 200, FRESH, None, Some(Refusal::Method)),
        ("POST", &[], 200, FRESH, None, Some(Refusal::Method)),
        ("POST", &[], 200, &[("cache-control", "max-age=60"), ("content-location", "/a?b")], None, None),
        (
            "POST",
            &[],
            200,
            &[("cache-control", "max-age=60"), ("content-location", "/a")],
            None,
            Some(Refusal::Method),
        ),
        ("GET", &[], 206, FRESH, None, Some(Refusal::Status)),
        ("GET", &[], 304, FRESH, None, Some(Refusal::Status)),
        ("GET", &[], 101, FRESH, None, Some(Refusal::Status)),
        ("GET", &[], 200, &[("cache-control", "no-store, max-age=60")], None, Some(Refusal::NoStore)),
        ("GET", &[], 200, &[("cache-control", "no-store, must-understand, max-age=60")], None, None),
        ("GET", &[], 599, &[("cache-control", "must-understand, max-age=60")], None, Some(Refusal::Status)),
        ("GET", &[], 200, &[("cache-control", "private, max-age=60")], None, Some(Refusal::Private)),
        ("GET", &[("cache-control", "no-store")], 200, FRESH, None, Some(Refusal::NoStore)),
        ("GET", &[], 200, &[("cache-control", "max-age=60"), ("vary", "*")], None, Some(Refusal::Vary)),
        // Of no use, or to be asked about.
        ("GET", &[], 200, &[], None, Some(Refusal::Useless)),
        ("GET", &[], 200, &[("cache-control", "no-cache, max-age=60")], None, Some(Refusal::Useless)),
        ("GET", &[], 200, &[("cache-control", "max-age=60"), ("age", "60")], None, Some(Refusal::Useless)),
        ("GET", &[], 200, &[("cache-control", "max-age=60, stale-if-error=60"), ("age", "60")], None, None),
        ("GET", &[], 200, &[("cache-control", "no-cache"), ("etag", "\"a\"")], None, None),
        ("GET", &[], 200, &[("etag", "\"a\"")], None, None),
        ("GET", &[], 201, &[("etag", "\"a\"")], None, Some(Refusal::Status)),
        ("GET", &[], 503, &[("etag", "\"a\"")], Some(60), Some(Refusal::Status)),
    ];
    check(cases);
}

#[test]
fn what_was_made_for_one_is_not_kept_for_all() {
    const AUTHORIZED: Lines = &[("authorization", "Bearer x")];
    const COOKIE: Lines = &[("cookie", "a=b")];
    let cases: &[Case] = &[
        // Who identified themselves is answered for all only where the answer says so.
        ("GET", AUTHORIZED, 200, FRESH, None, Some(Refusal::Authorization)),
        ("GET", AUTHORIZED, 200, &[], Some(60), Some(Refusal::Authorization)),
        ("GET", AUTHORIZED, 200, &[("cache-control", "max-age=60, public")], None, None),
        ("GET", AUTHORIZED, 200, &[("cache-control", "max-age=60, must-revalidate")], None, None),
        ("GET", AUTHORIZED, 200, &[("cache-control", "s-maxage=60")], None, None),
        // A cookie is for one.
        (
            "GET",
            &[],
            200,
            &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
            None,
            Some(Refusal::SetCookie),
        ),
        ("GET", &[], 200, &[("cache-control", "max-age=60, public"), ("set-cookie", "a=b")], None, None),
        (
            "GET",
            &[],
            200,
            &[("cache-control", "max-age=60, no-cache=\"set-cookie\""), ("set-cookie", "a=b")],
            None,
            None,
        ),
        // Who has one may be somebody: nothing is guessed for them.
        ("GET", COOKIE, 200, FRESH, None, None),
        ("GET", COOKIE, 200, &[], Some(60), Some(Refusal::Cookie)),
        ("GET", COOKIE, 200, &[("etag", "\"a\"")], None, Some(Refusal::Cookie)),
        ("GET", &[], 200, &[], Some(60), None),
    ];
    check(cases);
}

#[test]
fn what_belongs_to_a_connection_or_to_one_user_is_not_kept_with_it() {
    const RESPONSE: Lines = &[
        ("cache-control", "max-age=60, no-cache=\"x-once\""),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("x-once", "1"),
        ("proxy-authenticate", "Basic"),
        ("keep-alive", "timeout=5"),
        ("x-kept", "1"),
    ];
    let stored = judged("GET", &[], 200, RESPONSE, None).expect("it may be kept").complete(Bytes::new());
    let mut names: Vec<&str> = stored.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["cache-control", "date", "x-kept"]);
}
