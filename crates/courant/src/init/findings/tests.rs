use http::{Method, StatusCode};

use super::*;
use crate::init::journal::Form;

/// A request of somebody at a millisecond, and its answer.
pub(in crate::init) fn exchange(
    at_ms: u64,
    method: &str,
    path: &str,
    who: &[(u16, u64)],
    answer: u64,
) -> Exchange {
    let began = Duration::from_millis(at_ms);
    let mut request = path.bytes().fold(7u64, |all, byte| all.wrapping_mul(31).wrapping_add(u64::from(byte)));
    request ^= method.len() as u64;
    Exchange {
        method: Method::from_bytes(method.as_bytes()).expect("a method"),
        path: path.into(),
        request: Some(request),
        who: who.to_vec(),
        began,
        ended: began + Duration::from_millis(10),
        status: StatusCode::OK,
        answer: Some(answer),
        bytes: 100,
        sets_cookie: false,
        cache_control: None,
        form: Form::Whole,
    }
}

pub(in crate::init) fn seen(places: &[&str], exchanges: Vec<Exchange>) -> Seen {
    Seen { exchanges, places: places.iter().map(|place| (*place).to_owned()).collect(), untold: 0 }
}

fn only(seen: &Seen) -> Finding {
    let findings = learn(seen);
    assert_eq!(findings.routes.len(), 1, "{findings:?}");
    findings.routes[0].1.clone()
}

#[test]
fn routes_that_took_the_most_time_come_first() {
    let mut slow = exchange(0, "GET", "/slow/1", &[], 1);
    slow.ended = slow.began + Duration::from_secs(2);
    let mut failed = exchange(5, "GET", "/fast", &[], 1);
    failed.status = StatusCode::BAD_GATEWAY;
    let all = vec![slow, failed, exchange(20, "HEAD", "/fast", &[], 1), exchange(40, "OPTIONS", "*", &[], 1)];
    let findings = learn(&seen(&[], all));
    let names: Vec<(&str, &str)> =
        findings.routes.iter().map(|(place, _)| (place.method.as_str(), place.pattern.as_str())).collect();
    assert_eq!(names, [("GET", "/slow/{slow_id}"), ("GET", "/fast")]);
    assert_eq!(findings.paths_untold, 1);
    let fast = &findings.routes[1].1;
    assert_eq!(fast.classes, BTreeMap::from([(2, 1), (5, 1)]));
    assert_eq!(
        (fast.p50, fast.p99, fast.bytes_max),
        (Duration::from_millis(10), Duration::from_millis(10), 100)
    );
}

#[test]
fn users_are_told_apart_by_the_place_that_explains_their_answers() {
    // Tokens are renewed, themes change, and what is answered is the user's.
    let (sub, theme, token) = (0, 1, 2);
    let all = (0..12u64).map(|n| {
        let user = n % 2;
        exchange(
            n * 1000,
            "GET",
            "/me",
            &[(sub, user), (theme, n % 3), (token, n / 4 * 2 + user)],
            100 + user,
        )
    });
    let found = only(&seen(&["jwt.sub", "cookie.theme", "header.authorization"], all.collect()));
    let separator = found.alike.separator.expect("a place");
    assert_eq!((separator.place.as_str(), separator.users, separator.is_needed), ("jwt.sub", 2, true));
    assert_eq!(found.alike.for_one, Share { same: 10, compared: 10 });
    assert_eq!(found.alike.between, Share { same: 0, compared: 11 });
}

#[test]
fn what_is_the_same_for_all_needs_no_place() {
    let all = (0..8u64).map(|n| exchange(n * 1000, "GET", "/plans", &[(0, n % 2)], 1)).collect();
    let found = only(&seen(&["cookie.sid"], all));
    assert_eq!(found.alike.separator.map(|separator| separator.is_needed), Some(false));
    assert_eq!(found.alike.between, Share { same: 7, compared: 7 });
}

#[test]
fn double_requests_are_those_in_flight_together_or_soon_after() {
    let cases = [(5, 1), (200, 1), (300, 0)];
    for (gap, doubles) in cases {
        let all = vec![exchange(0, "GET", "/a", &[], 1), exchange(gap, "GET", "/a", &[], 1)];
        assert_eq!(only(&seen(&[], all)).doubles, doubles, "{gap}");
    }
    let others = vec![exchange(0, "GET", "/a", &[(0, 1)], 1), exchange(5, "GET", "/a", &[(0, 2)], 1)];
    assert_eq!(only(&seen(&["cookie.sid"], others)).doubles, 0);
}

#[test]
fn a_change_is_laid_to_what_was_written_in_between() {
    let all = vec![
        exchange(0, "GET", "/a/1", &[], 1),
        exchange(1000, "POST", "/a", &[], 9),
        exchange(2000, "GET", "/a/1", &[], 2),
        exchange(3000, "PUT", "/b/1", &[], 9),
        exchange(4000, "GET", "/a/1", &[], 2),
        exchange(5000, "GET", "/a/1", &[], 3),
    ];
    let findings = learn(&seen(&[], all));
    let (_, found) =
        findings.routes.iter().find(|(place, _)| place.pattern == "/a/{a_id}").expect("the route");
    let cause = |route: Option<&str>| Cause { route: route.map(str::to_owned), changed: 1, times: 1 };
    assert_eq!(found.causes, [cause(None), cause(Some("POST /a"))]);
}
