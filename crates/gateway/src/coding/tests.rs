use std::io::Read;

use super::Coding::{Br, Gzip, Zstd};
use super::*;

fn accepted(lines: &[&'static str]) -> Accepted {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static(line));
    }
    Accepted::of(&headers)
}

#[test]
fn what_is_preferred_follows_the_qualities_and_among_equals_our_order() {
    let cases: [(&[&'static str], &[Coding]); 20] = [
        (&[], &[]),
        (&[""], &[]),
        (&["gzip"], &[Gzip]),
        (&["x-gzip"], &[Gzip]),
        (&["GZIP"], &[Gzip]),
        (&["gzip, deflate"], &[Gzip]),
        (&["gzip, deflate, br"], &[Br, Gzip]),
        (&["gzip, deflate, br, zstd"], &[Zstd, Br, Gzip]),
        (&["gzip", "br"], &[Br, Gzip]),
        (&["gzip;q=1.0, br;q=0.5"], &[Gzip, Br]),
        (&["gzip ; Q=0.2 , zstd;q=0.001"], &[Gzip, Zstd]),
        (&["gzip;q=0"], &[]),
        (&["*"], &[Zstd, Br, Gzip]),
        (&["*;q=0"], &[]),
        (&["*, zstd;q=0"], &[Br, Gzip]),
        (&["br;q=0.3, *;q=0.4"], &[Zstd, Gzip]),
        (&["identity"], &[]),
        (&["identity;q=0.5, gzip;q=0.4, br"], &[Br]),
        (&["identity, gzip"], &[Gzip]),
        (&["gzip;q=1.5, br;q=no, zstd;q=0.1234"], &[]),
    ];
    for (lines, expected) in cases {
        assert_eq!(accepted(lines).preferred().collect::<Vec<_>>(), expected, "{lines:?}");
    }
}

#[test]
fn the_body_as_it_is_may_be_sent_unless_it_is_forbidden() {
    let allows = |line| accepted(&[line]).allows(None);
    assert!(allows("") && allows("gzip") && allows("*") && allows("identity;q=0.001, *;q=0"));
    assert!(!allows("identity;q=0") && !allows("gzip, *;q=0") && !allows("*, identity;q=0.000"));
    assert!(accepted(&["gzip;q=0.1"]).allows(Some(Gzip)));
    assert!(!accepted(&["gzip;q=0.1"]).allows(Some(Br)));
    assert!(!accepted(&[]).allows(Some(Gzip)));
}

#[test]
fn what_was_coded_is_what_was_given() {
    let body = "{\"status\":\"pending\"},".repeat(500).into_bytes();
    for coding in Coding::ALL {
        let coded = coding.encode(&body).unwrap();
        assert!(coded.len() < body.len() / 10, "{coding:?}: {}", coded.len());
        let mut plain = Vec::new();
        match coding {
            Zstd => plain = zstd::bulk::decompress(&coded, body.len()).unwrap(),
            Br => drop(brotli::Decompressor::new(&coded[..], 4096).read_to_end(&mut plain).unwrap()),
            Gzip => drop(flate2::read::GzDecoder::new(&coded[..]).read_to_end(&mut plain).unwrap()),
        }
        assert!(plain == body, "{coding:?}");
    }
}
