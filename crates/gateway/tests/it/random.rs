//! The readers under random input: pieces of what is meant to be there, in any order, and anything else.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::readers;

/// Of `Cache-Control`, its kin and `Vary`.
const RESPONSE: &[&str] = &[
    "max-age=60",
    "s-maxage=0",
    "public",
    "private",
    "no-store",
    "no-cache",
    "no-cache=\"set-cookie\"",
    "no-transform",
    "must-understand",
    "must-revalidate",
    "stale-while-revalidate=5",
    "stale-if-error=9999999999999999999999",
    ", ",
    ",",
    ";",
    "=",
    "\"",
    "\\",
    " ",
    "\t",
    "*",
    "accept-encoding",
    "Cookie",
    ";courant",
    "max-age=",
    "W/\"a\"",
    "\"a\"",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "99999999999",
    "-1",
    "\u{e9}",
    "image/png",
    "text/html",
];
/// Of `Range`, conditions and `Accept-Encoding`.
const REQUEST: &[&str] = &[
    "bytes=",
    "0-",
    "-5",
    "5-9",
    "1199-1200",
    "99999999999999999999-",
    ",",
    "=",
    "-",
    "\"a\"",
    "W/\"a\"",
    "*",
    "\"a-courant-gzip\"",
    "-courant-",
    "gzip",
    "br;q=0",
    "identity;q=0",
    "*;q=0.5",
    ";q=1.0000",
    "q",
    "Bytes",
    " ",
    "\"",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "no-transform",
    "no-store",
    "only-if-cached",
];
const PATHS: &[&str] = &[
    "/", "a", "b", "{id}", "{*rest}", "{", "}", "*", "%2f", "%2F", "%", "%61", ".", "..", "//", "?", "#",
    "\u{e9}", "{id", "{}", "{*}",
];
const HOPS: &[&str] = &[
    "203.0.113.7",
    "192.0.2.9",
    "[2001:db8::1]:80",
    "for=",
    "For=\"",
    "\"",
    ";",
    ", ",
    ",",
    "unknown",
    "_hidden",
    "proto=https",
    "by=",
    "=",
    " ",
    "\\",
    "1.2.3.4:99999",
    "\u{e9}",
];

/// So many of these pieces, and of anything.
fn text(pieces: &'static [&'static str], at_most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![8 => prop::sample::select(pieces).prop_map(str::to_owned), 1 => "\\PC{0,4}"];
    vec(piece, 0..=at_most).prop_map(|pieces| pieces.concat())
}

fn lines(pieces: &'static [&'static str], count: usize) -> impl Strategy<Value = String> {
    vec(prop_oneof![2 => Just(String::new()), 3 => text(pieces, 5)], count).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn what_headers_say_of_keeping_is_heard_and_an_answer_is_of_its_body(
        response in lines(RESPONSE, readers::RESPONSE.len()),
        request in lines(REQUEST, readers::REQUEST.len()),
    ) {
        readers::http_cache(format!("{response}\n{request}").as_bytes());
    }

    #[test]
    fn any_bytes_are_headers_or_none(input in vec(any::<u8>(), 0..300)) {
        readers::http_cache(&input);
    }

    #[test]
    fn a_coding_is_sent_to_who_wants_it_and_its_tag_stays_ours(
        accepts in text(REQUEST, 6),
        tags in text(REQUEST, 6),
    ) {
        readers::coding(accepts.as_bytes(), tags.as_bytes());
    }

    #[test]
    fn requests_share_a_key_only_where_nothing_differs(
        one in ["https?", "[ab:.]{0,3}", "[ab:.]{0,3}", "/[ab?/ ]{0,4}"],
        other in ["https?", "[ab:.]{0,3}", "[ab:.]{0,3}", "/[ab?/ ]{0,4}"],
    ) {
        readers::key(one.each_ref().map(String::as_str), other.each_ref().map(String::as_str));
    }

    #[test]
    fn a_route_is_found_for_what_its_pattern_matches(
        one in text(PATHS, 6),
        other in text(PATHS, 6),
        path in text(PATHS, 6),
    ) {
        readers::route(&format!("/{one}"), &format!("/{other}"), &format!("/{path}"));
        readers::route(&one, &other, &path);
    }

    #[test]
    fn a_client_is_whom_the_nearest_proxy_names(
        forwarded in any::<bool>(),
        hops in any::<u8>(),
        values in vec(text(HOPS, 6).prop_map(String::into_bytes), 0..4),
    ) {
        readers::client(forwarded, hops, &values);
    }
}
