use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::*;
use crate::http_cache::candidate::{Asked, Candidate, Times};

fn headers(lines: &[(&'static str, String)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, String)| {
        (HeaderName::from_static(name), HeaderValue::try_from(value).expect("a value"))
    };
    lines.iter().map(pair).collect()
}

fn request(foo: usize) -> HeaderMap {
    headers(&[("foo", foo.to_string())])
}

fn stored(foo: usize, bytes: usize, at: Instant) -> Stored {
    let (uri, request) = (Uri::from_static("/"), request(foo));
    let asked = Asked { method: &Method::GET, uri: &uri, headers: &request };
    let times = Times { requested: at, received: at, wall: SystemTime::UNIX_EPOCH };
    let response = headers(&[("cache-control", "max-age=60".to_owned()), ("vary", "foo".to_owned())]);
    let candidate =
        Candidate::judge(&asked, StatusCode::OK, &response, &times, None).expect("it may be kept");
    candidate.complete(Bytes::from(vec![b'x'; bytes]))
}

fn store(bytes_max: u64) -> Store {
    Store::new(Limits { bytes_max, entry_bytes_max: 4096 })
}

#[test]
fn of_one_key_there_are_as_many_responses_as_requests_told_apart() {
    let (store, key, now) = (store(1 << 20), Key::new("http", "app", "app", "/"), Instant::now());
    let keep = |foo, bytes, at| store.keep(key.clone(), stored(foo, bytes, at), store.ticket(&key)).map(drop);
    assert!(store.find(&key, &request(1)).0.is_none());
    assert_eq!((keep(1, 10, now), keep(2, 20, now)), (Ok(()), Ok(())));
    let length = |foo| store.find(&key, &request(foo)).0.map(|found| found.body().len());
    assert_eq!((length(1), length(2), length(3)), (Some(10), Some(20), None));
    assert!(store.find(&key, &request(3)).1);
    // Another answer to the same replaces it.
    assert_eq!(keep(1, 11, now), Ok(()));
    assert_eq!((length(1), length(2), store.size().0), (Some(11), Some(20), 1));
    for foo in 0..3 * VARIANTS_MAX {
        assert_eq!(keep(foo, 1, now + Duration::from_secs(1 + foo as u64)), Ok(()));
    }
    let left = (0..3 * VARIANTS_MAX).filter(|foo| length(*foo).is_some()).count();
    assert_eq!(left, VARIANTS_MAX);
    assert_eq!(keep(1, 5000, now), Err(Refusal::Size));
}

#[test]
fn what_was_asked_for_before_an_invalidation_is_not_kept_after_it() {
    let (store, key, now) = (store(1 << 20), Key::new("http", "app", "app", "/"), Instant::now());
    let before = store.ticket(&key);
    assert!(store.keep(key.clone(), stored(1, 1, now), before).is_ok());
    store.invalidate(&key);
    assert!(store.find(&key, &request(1)).0.is_none());
    assert_eq!(store.keep(key.clone(), stored(1, 1, now), before).map(drop), Err(Refusal::Invalidated));
    assert!(store.keep(key.clone(), stored(1, 1, now), store.ticket(&key)).is_ok());
    // Of all other keys, however many there are, none is refused for it.
    for number in 0..10_000 {
        let other = Key::new("http", "app", "app", &format!("/{number}"));
        let ticket = store.ticket(&other);
        store.invalidate(&key);
        assert!(store.keep(other, stored(1, 1, now), ticket).is_ok());
    }
}

#[test]
fn what_is_kept_stays_within_its_budget() {
    let (store, now) = (store(200_000), Instant::now());
    for number in 0..1000 {
        let key = Key::new("http", "app", "app", &format!("/{number}"));
        let _ = store.keep(key.clone(), stored(1, 1000, now), store.ticket(&key));
    }
    let (entries, bytes) = store.size();
    assert!(bytes <= 200_000 && entries > 20, "{entries} {bytes}");
}

#[test]
fn a_coding_weighs_on_what_is_kept_and_on_nothing_else() {
    let (store, key, now) = (store(1 << 20), Key::new("http", "app", "app", "/"), Instant::now());
    let kept = store.keep(key.clone(), stored(1, 2048, now), store.ticket(&key)).expect("there is room");
    let variants = Arc::clone(kept.variants().expect("it is large enough"));
    let (_, before) = store.size();
    assert!(store.charge(&key, &variants, 100));
    assert_eq!(store.size(), (1, before + 100));
    // Another variant by `Vary` has codings of its own.
    store.keep(key.clone(), stored(2, 10, now), store.ticket(&key)).expect("there is room");
    let (_, both) = store.size();
    assert!(store.charge(&key, &variants, 7));
    assert_eq!(store.size(), (1, both + 7));
    assert!(!store.charge(&key, &Arc::default(), 1));
    // Heavier than an entry may be: it stays as it is.
    assert!(!store.charge(&key, &variants, 4096));
    assert_eq!(store.size(), (1, both + 7));
    store.invalidate(&key);
    assert!(!store.charge(&key, &variants, 1));
}
