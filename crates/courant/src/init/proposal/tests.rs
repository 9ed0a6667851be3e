use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::init::findings::learn;
use crate::init::findings::tests::{exchange, seen};
use crate::init::journal::Form;

fn route(method: &str) -> (Place, Finding) {
    let place = Place { pattern: "/me".to_owned(), method: method.to_owned() };
    let all = (0..6).map(|n| exchange(n * 1000, method, "/me", &[], 1)).collect();
    let (_, finding) = learn(&seen(&[], all)).routes.remove(0);
    (place, finding)
}

fn ground(doing: Doing, place: &Place) -> Ground<'static> {
    Ground { told: None, doings: HashMap::from([(place.clone(), doing)]), schema: None, has_secret: false }
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn nothing_is_proposed_where_the_evidence_speaks_against_it() {
    let reads = Doing { reads: names(&["users"]), alone: 5, ..Doing::default() };
    let change = |change: fn(&mut Finding, &mut Doing)| {
        let ((place, mut finding), mut doing) = (route("GET"), reads.clone());
        change(&mut finding, &mut doing);
        match one(&place, &finding, &ground(doing, &place)).advice {
            Advice::Nothing(why) => why,
            advice => unreachable!("{advice:?}"),
        }
    };
    assert!(change(|finding, _| finding.streams = 1).contains("stream"));
    assert!(change(|finding, _| finding.tunnels = 1).contains("WebSocket"));
    assert!(change(|finding, _| finding.setting_cookies = 6).contains("sets a cookie"));
    assert!(
        change(|finding, _| finding.classes = BTreeMap::from([(5, 6)])).contains("no answer was a success")
    );
    assert!(change(|finding, _| finding.controls = names(&["private, No-Store"])).contains("no-store"));
    assert!(change(|_, doing| doing.writes = names(&["visits"])).contains("write to visits"));
    assert!(change(|_, doing| doing.unexplained = 2).contains("changed 2 times although nothing"));
    assert!(change(|finding, _| finding.alike.for_one.same = 0).contains("of 5 answers"));
}

#[test]
fn unsafe_requests_are_told_and_questions_by_post_are_proposed() {
    let cases = [
        ("PATCH", Doing::default(), "it changes something"),
        ("POST", Doing::default(), "it changes something"),
        ("OPTIONS", Doing::default(), "nothing to keep"),
    ];
    for (method, doing, why) in cases {
        let (place, finding) = route(method);
        let advice = one(&place, &finding, &ground(doing, &place)).advice;
        assert_eq!(advice, Advice::Nothing(why.to_owned()));
    }
    let (place, finding) = route("POST");
    let question = Doing { reads: names(&["messages"]), alone: 4, ..Doing::default() };
    let expected = Declaration { body_in_key: true, ..Declaration::default() };
    assert_eq!(one(&place, &finding, &ground(question, &place)).advice, Advice::Open(expected));
}

#[test]
fn users_are_told_apart_only_by_what_can_be_relied_on() {
    let of = |place: &str, places: &[&str], has_secret: bool, is_needed: bool| {
        let (_, mut finding) = route("GET");
        finding.alike = Alike {
            separator: Some(crate::init::findings::Separator {
                place: place.to_owned(),
                users: 2,
                is_needed,
                is_in_all: !places.contains(&"cookie.other"),
            }),
            places: places.iter().map(|place| (*place).to_owned()).collect(),
            ..Alike::default()
        };
        identity(&finding, has_secret, &mut Vec::new()).map(|identity| identity.join(" "))
    };
    let token = ["jwt.sub", "header.authorization"];
    assert_eq!(of("jwt.sub", &token, true, true).as_deref(), Some("jwt.sub"));
    // A claim that nobody verifies tells nobody apart: the default does.
    assert_eq!(of("jwt.sub", &token, false, true), None);
    assert_eq!(
        of("cookie.sid", &["cookie.sid"], false, true).as_deref(),
        Some("cookie.sid header.authorization")
    );
    assert_eq!(
        of("header.x-user", &["header.x-user", "cookie.theme"], false, true).as_deref(),
        Some("header.x-user header.authorization header.cookie")
    );
    // Somebody is known by another cookie alone.
    assert_eq!(of("cookie.sid", &["cookie.other", "cookie.sid"], false, true), None);
    assert_eq!(
        of("jwt.sub", &["jwt.sub", "header.authorization", "header.x-tenant"], true, true).as_deref(),
        Some("jwt.sub header.x-tenant")
    );
    // What the default does not hold is held, whether or not it was seen to matter.
    assert_eq!(
        of("cookie.sid", &["cookie.sid", "header.x-tenant"], false, false).as_deref(),
        Some("header.x-tenant header.authorization header.cookie")
    );
    assert_eq!(of("cookie.sid", &["cookie.sid"], false, false), None);
}

#[test]
fn a_stream_is_no_whole_answer() {
    let mut stream = exchange(0, "GET", "/events", &[], 1);
    stream.form = Form::Stream;
    let findings = learn(&seen(&[], vec![stream]));
    let ground = Ground { told: None, doings: HashMap::new(), schema: None, has_secret: false };
    assert!(matches!(&propose(&findings, &ground)[0].advice, Advice::Nothing(_)));
}
