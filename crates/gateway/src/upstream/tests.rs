use super::*;

#[test]
fn an_address_is_a_scheme_a_host_and_a_port() {
    let cases = [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://app", "app:80"),
        ("http://app:8000/", "app:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("http://[::1]", "[::1]:80"),
        ("https://app", "https://app:443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ];
    for (text, expected) in cases {
        assert_eq!(
            Address::parse(text).map(|address| address.to_string()),
            Ok(expected.to_owned()),
            "{text}"
        );
    }
    for text in [
        "",
        "app",
        "app:8000",
        "ftp://app",
        "https://app/path",
        "http://",
        "http://app/path",
        "http://app?q",
        "http://user@app",
        "http://app:",
        "http://app:0",
        "http://app:99999",
    ] {
        assert!(Address::parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_upstream_that_fails_is_left_out_longer_each_time_and_comes_back_when_it_answers() {
    let (condition, start) = (Condition::default(), Instant::now());
    assert_eq!(condition.failed(Failure::Unreachable, start), None);
    assert_eq!(condition.failed(Failure::Unreachable, start), None);
    assert_eq!(condition.failed(Failure::Unreachable, start), Some(OUT_MIN));
    assert!(!condition.is_well(start));
    // Those that were in flight when it was left out say nothing new.
    assert_eq!(condition.failed(Failure::Unreachable, start), None);
    let later = start + OUT_MIN;
    assert!(condition.is_well(later));
    assert_eq!(condition.failed(Failure::Unreachable, later), Some(2 * OUT_MIN));
    let mut now = later;
    for _ in 0..20 {
        now += OUT_MAX;
        assert!(condition.failed(Failure::Unreachable, now).is_some_and(|out| out <= OUT_MAX));
    }
    condition.failed(Failure::Unwell, now + OUT_MAX);
    assert!(!condition.reached());
    assert!(condition.succeeded());
    assert!(condition.is_well(now));
    for _ in 0..FAILURES_MAX {
        condition.failed(Failure::Unreachable, now);
    }
    assert!(condition.reached());
    assert!(condition.is_well(now));
    assert!(!condition.succeeded());
    assert_eq!(condition.failed(Failure::Unreachable, now), None);
}

#[test]
fn a_request_goes_to_one_that_is_well_and_was_not_tried_as_long_as_there_is_one() {
    let conditions = [Condition::default(), Condition::default(), Condition::default()];
    let now = Instant::now();
    for _ in 0..FAILURES_MAX {
        conditions[1].failed(Failure::Unreachable, now);
    }
    for _ in 0..50 {
        assert_ne!(choose(conditions.iter(), &[], now), Some(1));
        assert_eq!(choose(conditions.iter(), &[0], now), Some(2));
        assert_ne!(choose(conditions.iter(), &[0, 2], now), Some(1));
    }
    for condition in &conditions {
        for _ in 0..FAILURES_MAX {
            condition.failed(Failure::Unreachable, now);
        }
    }
    assert!(choose(conditions.iter(), &[], now).is_some());
    assert_eq!(choose([].iter(), &[], now), None);
}

#[test]
fn of_two_the_less_busy_is_asked() {
    let conditions = [Arc::new(Condition::default()), Arc::new(Condition::default())];
    let busy = conditions[0].begin();
    for _ in 0..20 {
        assert_eq!(choose(conditions.iter().map(|condition| &**condition), &[], Instant::now()), Some(1));
    }
    drop(busy);
    assert_eq!(conditions[0].in_flight(), 0);
}
