//! Where requests say who asks: claims of a token, cookies, headers. Names are kept, values only as digests.
//!
//! Tokens are looked into and not verified: nothing is decided by what they say but what a user is told of them.

use gateway::source::Source;
use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, RANGE};
use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::journal::{Digest, Journal};

/// Of one request; more is no identity.
const WHO_MAX: usize = 24;
/// A longer name was made from a value.
const NAME_BYTES_MAX: usize = 64;
/// A longer token is not looked into.
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// Claims that differ from token to token, or say nothing of who has it.
const OF_TOKENS: [&str; 9] = ["iat", "exp", "nbf", "jti", "iss", "aud", "auth_time", "nonce", "at_hash"];
/// Headers of a hop or of one request, whatever their names promise.
const OF_REQUESTS: [&str; 9] = [
    "x-forwarded-",
    "x-real-ip",
    "x-request-id",
    "x-correlation-id",
    "x-requested-with",
    "x-trace",
    "x-b3-",
    "x-amzn-trace",
    "x-cloud-trace",
];
/// Headers that have no `x-`, and say who asks.
const OTHERS: [&str; 3] = ["apikey", "api-key", "tenant"];

/// What decides the answer without being who asks.
pub(super) const NEGOTIATED: [HeaderName; 4] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, RANGE];

/// Everything in the head that may say who asks.
pub(super) fn of(headers: &HeaderMap, journal: &Journal) -> Vec<(u16, Digest)> {
    let mut found = Vec::new();
    let mut add = |name: &str, value: &[u8]| {
        if found.len() < WHO_MAX
            && name.len() <= NAME_BYTES_MAX
            && Source::parse(name).is_ok()
            && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
            && let Some(place) = journal.place(name)
        {
            found.push((place, journal.digest(&[value])));
        }
    };
    for value in headers.get_all(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
        for (claim, value) in token.and_then(claims).unwrap_or_default() {
            add(&format!("jwt.{claim}"), value.to_string().as_bytes());
        }
        add("header.authorization", value.as_bytes());
    }
    let cookies = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    for pair in cookies.flat_map(|line| line.split(';')) {
        if let Some((name, value)) = pair.trim().split_once('=') {
            add(&format!("cookie.{name}"), value.as_bytes());
        }
    }
    for (name, value) in headers {
        let name = name.as_str();
        let is_custom = name.starts_with("x-") && !OF_REQUESTS.iter().any(|own| name.starts_with(own));
        if is_custom || OTHERS.contains(&name) {
            add(&format!("header.{name}"), value.as_bytes());
        }
    }
    found
}

/// What a token says of its owner, unverified: text and numbers at its top.
fn claims(token: &str) -> Option<Vec<(String, Value)>> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let payload = token.split('.').nth(1).filter(|_| token.split('.').count() == 3)?;
    let Ok(Value::Object(claims)) = serde_json::from_slice(&decoded(payload)?) else { return None };
    let is_plain = |value: &Value| value.is_string() || value.is_number();
    let of_owner = claims
        .into_iter()
        .filter(|(name, value)| is_plain(value) && !OF_TOKENS.contains(&name.as_str()) && is_word(name));
    Some(of_owner.collect())
}

/// What can be written into a configuration as it is.
fn is_word(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'/'))
}

/// base64url without padding (RFC 7515, section 2).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in text.bytes() {
        held = held << 6 | u32::from(digit(byte)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            // The eight bits above those that are still held.
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

/// How far up a place stands among those that may separate users: a user's own claim before the token that carries
/// it, sessions before other cookies, what many users share at the end.
pub(super) fn rank(place: &str) -> u8 {
    let Some((kind, name)) = place.split_once('.') else { return u8::MAX };
    let name = name.to_ascii_lowercase();
    let names_user = ["user", "uid", "email", "account"].iter().any(|word| name.contains(word));
    let is_session = ["sess", "sid", "token", "auth", "jwt"].iter().any(|word| name.contains(word));
    match kind {
        "jwt" if name == "sub" => 0,
        "jwt" if names_user || name == "id" => 1,
        "header" if names_user => 2,
        "cookie" if is_session || names_user => 3,
        "header" if name == "authorization" => 4,
        "header" if name.contains("key") => 5,
        "cookie" => 6,
        "header" => 7,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn names_are_told_and_values_are_not() {
        let journal = Journal::new();
        // {"sub":"u7","role":"clerk","exp":9,"org":{"id":1}}
        let token = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1NyIsInJvbGUiOiJjbGVyayIsImV4cCI6OSwib3JnIjp7ImlkIjoxfX0.c2ln";
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(token));
        headers.insert(COOKIE, HeaderValue::from_static("sid=s3cret; theme=dark"));
        headers.insert("x-tenant", HeaderValue::from_static("t1"));
        headers.insert("x-request-id", HeaderValue::from_static("r1"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.1"));
        let found = of(&headers, &journal);
        let seen = journal.take();
        let names: Vec<&str> =
            found.iter().map(|(place, _)| seen.places[usize::from(*place)].as_str()).collect();
        let expected =
            ["jwt.sub", "jwt.role", "header.authorization", "cookie.sid", "cookie.theme", "header.x-tenant"];
        assert_eq!(names, expected);
        assert!(!format!("{seen:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_token_has_no_claims() {
        for token in ["", "a.b", "a.b.c", "opaque", "a.bm90anNvbg.c", "a.W10.c"] {
            assert_eq!(claims(token), None, "{token}");
        }
    }

    #[test]
    fn a_users_own_claim_separates_before_what_carries_it() {
        let mut places = ["jwt.role", "cookie.theme", "header.authorization", "cookie.session_id", "jwt.sub"];
        places.sort_by_key(|place| rank(place));
        assert_eq!(
            places,
            ["jwt.sub", "cookie.session_id", "header.authorization", "cookie.theme", "jwt.role"]
        );
    }
}
