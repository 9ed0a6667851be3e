use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use pg::catalog::Obstacle;

use super::*;

fn answer(kept: bool) -> Answer {
    let head = Head { status: StatusCode::OK, fields: Vec::new() };
    Answer::whole(head, &Overrides::default(), Bytes::from_static(b"[]"), kept, None, "/t")
}

#[test]
fn a_reader_that_has_these_bytes_is_told_so_and_not_sent_them() {
    let answer = answer(true);
    let first = answer.response(&HeaderMap::new(), &Source::Miss { stored: true, collapsed: false });
    let mut request = HeaderMap::new();
    request.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
    let second = answer.response(&request, &Source::Hit { age: Duration::from_secs(7) });
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(second.headers()[AGE], "7");
    assert_eq!(second.headers()["cache-status"], "courant; hit");
}

#[test]
fn an_answer_is_two_words_and_weighs_little_more_than_its_texts() {
    assert_eq!(size_of::<Answer>(), 2 * size_of::<usize>());
    // The body, the print of the tag, the target; lengths and the status in a handful.
    assert!((2 + 16 + 2 + 8..80).contains(&answer(true).weight_bytes()), "{}", answer(true).weight_bytes());
}

#[test]
fn a_bypass_tells_why_in_a_well_formed_string() {
    let object = "function \"f\u{e9}\\\"".to_owned();
    let source = Source::Bypass(Bypass::Obstacle(Obstacle::Volatile, object));
    let response = answer(false).response(&HeaderMap::new(), &source);
    let expected = r#"courant; fwd=bypass; detail="function \"f?\\\" is volatile""#;
    assert_eq!(response.headers()["cache-status"], expected);
    assert!(response.headers().get(ETAG).is_none());
}

/// An answer of some kilobytes, and how its variants were charged.
fn large() -> Answer {
    let body = Bytes::from("{\"status\":\"pending\"},".repeat(200));
    let head = Head { status: StatusCode::OK, fields: Vec::new() };
    Answer::whole(head, &Overrides::default(), body, true, None, "/t")
}

fn asks(accepts: &'static str, known: Option<&HeaderValue>) -> HeaderMap {
    let mut request = HeaderMap::new();
    request.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepts));
    known.map(|known| request.insert(IF_NONE_MATCH, known.clone()));
    request
}

const HIT: Source = Source::Hit { age: Duration::ZERO };

#[test]
fn a_coding_is_sent_once_it_is_made_and_under_a_tag_of_its_own() {
    let answer = large();
    let accepts = Accepted::of(&asks("gzip, br", None));
    assert_eq!(answer.wanted(&accepts), Some(Coding::Br));
    let plain = answer.response(&asks("gzip, br", None), &HIT);
    assert!(plain.headers().get(CONTENT_ENCODING).is_none());
    assert_eq!(plain.headers()[VARY], "Accept, Prefer, Range, Accept-Encoding");
    answer.make(Coding::Gzip, |_| true);
    // What there is is sent, and the better one is still wanted.
    assert_eq!(answer.response(&asks("gzip, br", None), &HIT).headers()[CONTENT_ENCODING], "gzip");
    assert_eq!(answer.wanted(&accepts), Some(Coding::Br));
    answer.make(Coding::Br, |_| true);
    assert_eq!(answer.wanted(&accepts), None);
    let br = answer.response(&asks("gzip, br", None), &HIT);
    assert_eq!(br.headers()[CONTENT_ENCODING], "br");
    let tag = plain.headers()[ETAG].to_str().unwrap().trim_matches('"').to_owned();
    assert_eq!(br.headers()[ETAG], format!("\"{tag}-courant-br\""));
    assert!(answer.response(&asks("identity", None), &HIT).headers().get(CONTENT_ENCODING).is_none());
}

#[test]
fn any_tag_of_the_answer_is_known_whose_coding_the_client_accepts() {
    let answer = large();
    answer.make(Coding::Br, |_| true);
    let plain = answer.response(&HeaderMap::new(), &HIT).headers()[ETAG].clone();
    let br = answer.response(&asks("br", None), &HIT).headers()[ETAG].clone();
    let told = |accepts, known: &HeaderValue| {
        let response = answer.response(&asks(accepts, Some(known)), &HIT);
        (response.status().as_u16(), response.headers()[ETAG].clone(), response.headers()[VARY].clone())
    };
    let vary = HeaderValue::from_static("Accept, Prefer, Range, Accept-Encoding");
    assert_eq!(told("br", &br), (304, br.clone(), vary.clone()));
    // It read the body before there was a coding, and is not sent it again.
    assert_eq!(told("br", &plain), (304, plain.clone(), vary.clone()));
    // A cache may name the tag of what it keeps for another client: that would be no answer to this one.
    assert_eq!(told("gzip", &br), (200, plain.clone(), vary.clone()));
    assert_eq!(told("br, identity;q=0", &plain), (200, br.clone(), vary.clone()));
    let both = HeaderValue::from_str(&format!("\"x\", W/{}", br.to_str().unwrap())).unwrap();
    assert_eq!(told("br", &both), (304, br.clone(), vary.clone()));
    assert_eq!(told("br", &HeaderValue::from_static("*")), (304, br, vary));
}

#[test]
fn nothing_is_made_of_what_is_small_or_does_not_shrink_or_was_not_granted() {
    let gzip = Accepted::of(&asks("gzip", None));
    assert_eq!(answer(true).wanted(&gzip), None);
    let refused = large();
    refused.make(Coding::Gzip, |_| false);
    assert_eq!(refused.wanted(&gzip), None);
    assert!(refused.response(&asks("gzip", None), &HIT).headers().get(CONTENT_ENCODING).is_none());
    let mut noise = Vec::new();
    let mut state = 1_u64;
    while noise.len() < 4096 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.extend_from_slice(&state.to_le_bytes()[4..]);
    }
    let head = Head { status: StatusCode::OK, fields: Vec::new() };
    let noise = Answer::whole(head, &Overrides::default(), noise.into(), true, None, "/t");
    noise.make(Coding::Gzip, |_| unreachable!("nothing is charged for what is not kept"));
    assert_eq!(noise.wanted(&gzip), None);
}
