use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_burst_is_allowed_at_once_and_then_one_in_each_interval() {
    let (buckets, quota) = (Buckets::new(100), Quota::new("a", 60, Duration::from_secs(60), 3));
    let at = |ms: u32| buckets.take("key", &quota, MS * ms);
    assert_eq!([at(0).remaining, at(0).remaining, at(0).remaining], [2, 1, 0]);
    let refused = at(100);
    assert_eq!((refused.allowed, refused.retry_after, refused.reset), (false, MS * 900, MS * 2900));
    assert!(!at(999).allowed && at(1000).allowed && !at(1999).allowed);
    assert!(buckets.take("another", &quota, MS).allowed);
    // Who waits has the whole burst again, and no more.
    assert_eq!(at(60_000).remaining, 2);
}

#[test]
fn looking_costs_nothing() {
    let (buckets, quota) = (Buckets::new(1), Quota::new("a", 1, Duration::from_secs(10), 1));
    assert!(buckets.peek("key", &quota, MS).allowed);
    assert!(buckets.peek("key", &quota, MS).allowed);
    assert!(buckets.take("key", &quota, MS).allowed);
    let standing = buckets.peek("key", &quota, MS);
    assert_eq!((standing.allowed, standing.remaining), (false, 0));
}

#[test]
fn the_one_who_owes_most_is_not_forgotten_for_others() {
    let (buckets, quota) = (Buckets::new(SET_SLOTS), Quota::new("a", 1, Duration::from_secs(1), 100));
    while buckets.take("flood", &quota, MS).allowed {}
    for number in 0..10_000 {
        buckets.take(number, &quota, MS);
    }
    assert!(!buckets.take("flood", &quota, MS).allowed);
    assert_eq!(buckets.sets.len(), 1);
}

#[test]
fn the_headers_are_those_of_the_draft() {
    let (buckets, quota) = (Buckets::new(8), Quota::new("reads", 100, Duration::from_secs(60), 50));
    let standing = buckets.take(1, &quota, MS);
    let (policy, limit) = headers(&[(&quota, standing), (&quota, standing)]).unwrap();
    assert_eq!(policy, "\"reads\";q=50;w=30, \"reads\";q=50;w=30");
    assert_eq!(limit, "\"reads\";r=49;t=1, \"reads\";r=49;t=1");
}

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_the_burst_and_what_its_time_has_earned(
        rate in 1_u32..1000,
        burst in 1_u32..50,
        waits in prop::collection::vec(0_u64..2_000_000_000, 1..200),
    ) {
        let (buckets, quota) = (Buckets::new(8), Quota::new("a", rate, Duration::from_secs(60), burst));
        let (mut now, mut allowed) = (Duration::from_secs(1), Vec::new());
        for wait in waits {
            now += Duration::from_nanos(wait / u64::from(rate));
            if buckets.take(1, &quota, now).allowed {
                allowed.push(now);
            }
        }
        for (from, begin) in allowed.iter().enumerate() {
            for (to, end) in allowed.iter().enumerate().skip(from) {
                let earned = (*end - *begin).as_nanos() / quota.interval.as_nanos();
                prop_assert!((to - from) as u128 <= u128::from(burst) + earned);
            }
        }
    }
}
