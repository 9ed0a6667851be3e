use http::HeaderValue;

use super::*;

fn control(lines: &[(&'static str, &'static str)]) -> CacheControl {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    CacheControl::of(&lines.iter().map(pair).collect())
}

fn max_age(line: &'static str) -> Option<u64> {
    control(&[("cache-control", line)]).max_age.map(|time| time.as_secs())
}

#[test]
fn a_number_is_digits_and_the_smaller_of_two_holds() {
    let cases = [
        ("max-age=60", Some(60)),
        ("MaX-aGe=60", Some(60)),
        ("max-age=\"60\"", Some(60)),
        ("max-age=003600", Some(3600)),
        ("max-age=99999999999999999999999", Some(1 << 31)),
        ("max-age=60, max-age=1", Some(1)),
        ("max-age=1,max-age=60", Some(1)),
        ("foo, max-age=60 , bar=baz", Some(60)),
        ("x=\"max-age=60\", max-age=1", Some(1)),
        ("max-age=1, x=\"max-age=60\"", Some(1)),
        ("x=\"max-age=60\"", None),
        ("max-age", Some(0)),
        ("max-age=", Some(0)),
        ("max-age='60'", Some(0)),
        ("max-age=-1", Some(0)),
        ("max-age=60.0", Some(0)),
        ("max-age=60a", Some(0)),
        ("max-age =60", Some(0)),
        ("max-age= 60", Some(0)),
        ("xmax-age=60", None),
        ("max-age;60", None),
    ];
    for (line, expected) in cases {
        assert_eq!(max_age(line), expected, "{line}");
    }
    assert_eq!(
        control(&[("cache-control", "max-age=9"), ("cache-control", "max-age=3")])
            .lifetime()
            .map(|t| t.as_secs()),
        Some(3)
    );
}

#[test]
fn what_is_malformed_keeps_less() {
    assert!(control(&[("cache-control", "x=\"y, max-age=60")]).no_store);
    assert!(control(&[("cache-control", "x=\"y\\\", max-age=60")]).no_store);
    assert!(!control(&[("cache-control", "x=\"y\\\"\", max-age=60")]).no_store);
    assert!(control(&[("cache-control", "private=\"set-cookie\"")]).private);
    assert!(control(&[("cache-control", "no-cache=\"not a name\"")]).no_cache);
    let fields = control(&[("cache-control", "no-cache=\"a, B\"")]);
    assert_eq!((fields.no_cache, fields.no_cache_fields.len()), (false, 2));
}

#[test]
fn the_field_that_is_meant_for_us_is_the_one_that_holds() {
    let short = ("cache-control", "max-age=1, no-store");
    let cdn = control(&[short, ("cdn-cache-control", "max-age=60")]);
    assert_eq!((cdn.lifetime(), cdn.no_store), (Some(Duration::from_secs(60)), false));
    // What is no dictionary was not sent.
    assert!(control(&[short, ("cdn-cache-control", "max-age=60,")]).no_store);
    assert!(control(&[short, ("cdn-cache-control", "")]).no_store);
    assert_eq!(control(&[("cdn-cache-control", "max-age=6.5")]).lifetime(), Some(Duration::ZERO));
    assert!(!control(&[("cdn-cache-control", "no-store=?0")]).no_store);
    let surrogate = control(&[short, ("surrogate-control", "max-age=60")]);
    assert_eq!(surrogate.lifetime(), Some(Duration::from_secs(60)));
    assert!(control(&[short, ("surrogate-control", "max-age=60;another")]).no_store);
    let ours = control(&[short, ("surrogate-control", "max-age=60;courant, no-store;another")]);
    assert_eq!((ours.lifetime(), ours.no_store), (Some(Duration::from_secs(60)), false));
}

#[test]
fn pragma_is_heard_where_nothing_else_is_said() {
    assert!(control(&[("pragma", "no-cache")]).no_cache);
    assert!(!control(&[("pragma", "no-cache"), ("cache-control", "max-age=60")]).no_cache);
}

#[test]
fn a_client_cannot_make_the_upstream_work() {
    let request =
        |line| RequestControl::of(&[(CACHE_CONTROL, HeaderValue::from_static(line))].into_iter().collect());
    assert_eq!(request("no-cache, max-age=0"), RequestControl::default());
    assert!(request("No-Store").no_store);
    assert!(request("only-if-cached").only_if_cached);
}
