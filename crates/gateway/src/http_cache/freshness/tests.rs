use std::time::Instant;

use http::HeaderValue;

use super::*;
use crate::heads::headers;

const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";
const LATER: &str = "Sun, 06 Nov 1994 13:00:00 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 11:59:00 GMT";

fn noon() -> SystemTime {
    httpdate::parse_http_date(NOON).expect("a date")
}

fn lifetime(status: u16, lines: &[(&'static str, &'static str)], ttl: Option<u64>) -> Lifetime {
    let (status, headers) = (StatusCode::from_u16(status).expect("a status"), headers(lines));
    let control = CacheControl::of(&headers);
    Lifetime::of(status, &headers, &control, ttl.map(Duration::from_secs), noon())
}

#[test]
fn a_lifetime_is_said_then_the_routes_then_guessed() {
    use Lifetime::{Guessed, Route, Said, Unknown};
    let s = Duration::from_secs;
    type Case = (u16, &'static [(&'static str, &'static str)], Option<u64>, Lifetime);
    let cases: &[Case] = &[
        (200, &[], None, Unknown),
        (200, &[("cache-control", "max-age=60, s-maxage=5")], Some(9), Said(s(5))),
        (200, &[("cache-control", "max-age=60"), ("expires", "0")], None, Said(s(60))),
        (200, &[("expires", LATER), ("date", NOON)], None, Said(s(3600))),
        // Without a date that can be believed, that of the arrival.
        (200, &[("expires", LATER)], None, Said(s(3600))),
        (200, &[("expires", LATER), ("date", "yesterday")], None, Said(s(3600))),
        (200, &[("expires", BEFORE), ("date", NOON)], None, Said(s(0))),
        (200, &[("expires", "0")], Some(9), Said(s(0))),
        (200, &[("expires", LATER), ("expires", LATER)], None, Said(s(0))),
        // Said to us: what is said to others does not hold.
        (200, &[("expires", LATER), ("cdn-cache-control", "public")], None, Unknown),
        (200, &[], Some(9), Route(s(9))),
        (200, &[("cache-control", "no-cache")], Some(9), Unknown),
        (404, &[], Some(9), Route(s(9))),
        (500, &[], Some(9), Unknown),
        (599, &[("cache-control", "public")], Some(9), Unknown),
        (200, &[("last-modified", BEFORE), ("date", NOON)], None, Guessed(s(6))),
        (200, &[("last-modified", "Sun, 06 Nov 1994 00:00:00 GMT"), ("date", NOON)], None, Guessed(s(60))),
        (200, &[("last-modified", LATER), ("date", NOON)], None, Guessed(s(0))),
        (201, &[("last-modified", BEFORE), ("date", NOON)], None, Unknown),
        (599, &[("last-modified", BEFORE), ("date", NOON), ("cache-control", "public")], None, Guessed(s(6))),
    ];
    for (status, lines, ttl, expected) in cases {
        assert_eq!(lifetime(*status, lines, *ttl), *expected, "{status} {lines:?}");
    }
}

#[test]
fn an_age_is_the_greater_of_two_and_nonsense_is_ancient() {
    let requested = Instant::now();
    let times = Times { requested, received: requested + Duration::from_secs(2), wall: noon() };
    let cases: &[(&[(&'static str, &'static str)], Duration)] = &[
        (&[], Duration::from_secs(2)),
        (&[("age", "5")], Duration::from_secs(7)),
        (&[("date", BEFORE)], Duration::from_secs(60)),
        (&[("date", BEFORE), ("age", "100")], Duration::from_secs(102)),
        (&[("date", LATER)], Duration::from_secs(2)),
    ];
    for (lines, expected) in cases {
        assert_eq!(initial_age(&headers(lines), &times), *expected, "{lines:?}");
    }
    for nonsense in ["abc", "-7200", "7200.0", "0, 0", "7200,0", "0;a=b", ""] {
        let mut headers = HeaderMap::new();
        headers.insert(AGE, HeaderValue::from_static(nonsense));
        assert!(initial_age(&headers, &times) >= ANCIENT, "{nonsense}");
    }
    assert!(initial_age(&headers(&[("age", "0"), ("age", "0")]), &times) >= ANCIENT);
}
