//! One thing at a time.

use std::time::Duration;

use cache::{Bypass, Doubt, Limits, Lookup, Moment, Need, Refusal};
use pg::{Lsn, Xid};

use crate::town::*;

fn hit(cache: &cache::Cache<std::sync::Arc<str>>, name: &str) -> bool {
    matches!(cache.lookup(&key(name), Need::within(Moment(1000), SECOND), Moment(1000)), Lookup::Hit { .. })
}

#[test]
fn an_answer_is_found_until_a_transaction_touches_what_it_read() {
    let cache = open(Limits::default());
    assert_eq!(cache.store(cache.begin(), answer("open", 60, vec![by("state", "open", false)])), Ok(()));
    assert_eq!(cache.store(cache.begin(), answer("call 1", 60, vec![by("id", "1", true)])), Ok(()));
    assert!(hit(&cache, "open") && hit(&cache, "call 1") && !hit(&cache, "call 2"));
    cache.apply(&update(61, 110, "2", "done"));
    assert!(hit(&cache, "open") && hit(&cache, "call 1"));
    cache.apply(&update(62, 120, "1", "done"));
    assert!(hit(&cache, "open") && !hit(&cache, "call 1"));
    cache.apply(&update(63, 130, "3", "open"));
    assert!(!hit(&cache, "open"));
    assert_eq!(cache.position(), Lsn(130));
    assert_eq!(cache.statistics().invalidations, 2);
}

#[test]
fn a_fill_that_raced_a_commit_is_not_stored() {
    let cache = open(Limits::default());
    let fill = cache.begin();
    cache.apply(&update(60, 110, "1", "done"));
    // It was applied before the answer came, and yet the answer's snapshot does not see it.
    assert_eq!(cache.store(fill, answer("call 1", 60, vec![by("id", "1", true)])), Err(Refusal::Changed));
    assert_eq!(cache.store(cache.begin(), answer("call 2", 60, vec![by("id", "2", true)])), Ok(()));
    assert_eq!(cache.store(cache.begin(), answer("call 1", 61, vec![by("id", "1", true)])), Ok(()));
    assert_eq!(cache.statistics().log_records, 0);
}

#[test]
fn an_answer_that_saw_a_transaction_outlives_its_arrival() {
    let cache = open(Limits::default());
    assert_eq!(cache.store(cache.begin(), answer("call 1", 61, vec![by("id", "1", true)])), Ok(()));
    cache.apply(&update(60, 110, "1", "done"));
    assert!(hit(&cache, "call 1"));
}

#[test]
fn nothing_from_before_the_barrier_or_from_another_epoch_is_stored() {
    let cache = open(Limits::default());
    assert_eq!(cache.store(cache.begin(), answer("call 1", 49, vec![])), Err(Refusal::Barrier));
    let old = cache.begin();
    let closing = cache.close(Doubt::Schema);
    let between = cache.begin();
    assert_eq!(
        cache.lookup(&key("call 1"), Need::within(Moment(1000), SECOND), Moment(1000)),
        Lookup::Bypass(Bypass::Closed)
    );
    assert!(cache.open(closing, Xid(0), Lsn(100)));
    for fill in [old, between] {
        assert_eq!(cache.store(fill, answer("call 1", 60, vec![])), Err(Refusal::Epoch));
    }
    assert_eq!(cache.store(cache.begin(), answer("call 1", 60, vec![])), Ok(()));
}

#[test]
fn an_epoch_that_was_doubted_again_is_not_opened() {
    let cache = open(Limits::default());
    let first = cache.close(Doubt::Schema);
    let second = cache.close(Doubt::Schema);
    assert!(!cache.open(first, Xid(0), Lsn(100)));
    assert!(cache.open(second, Xid(0), Lsn(100)));
    assert!(!cache.open(second, Xid(0), Lsn(100)));
}

#[test]
fn a_raised_floor_turns_readers_away_until_the_stream_has_passed_it() {
    let cache = open(Limits::default());
    assert_eq!(cache.store(cache.begin(), answer("call 1", 60, vec![by("id", "1", true)])), Ok(()));
    cache.raise_floor(Moment(1500));
    let look = || cache.lookup(&key("call 1"), Need::within(Moment(1600), SECOND), Moment(1600));
    assert_eq!(look(), Lookup::Bypass(Bypass::Write));
    assert!(!cache.may_join(Moment(1500), Need::within(Moment(1600), SECOND)));
    assert!(cache.may_join(Moment(1501), Need::within(Moment(1600), SECOND)));
    let poll = cache.poll(Moment(1550));
    cache.polled(poll, Lsn(200), &snapshot(60));
    assert_eq!(look(), Lookup::Bypass(Bypass::Write));
    cache.advance(Lsn(200));
    assert!(matches!(look(), Lookup::Hit { .. }));
}

#[test]
fn an_answer_with_a_time_to_live_is_missed_after_it_and_swept() {
    let cache = open(Limits::default());
    let ttl = Some(Duration::from_millis(500));
    assert_eq!(cache.store(cache.begin(), cache::Answer { ttl, ..answer("call 1", 60, vec![]) }), Ok(()));
    assert_eq!(cache.store(cache.begin(), answer("call 2", 60, vec![])), Ok(()));
    let at = |now| cache.lookup(&key("call 1"), Need::within(Moment(1000), SECOND), Moment(now));
    assert!(matches!(at(500_999), Lookup::Hit { age, .. } if age == Duration::from_micros(499_999)));
    assert_eq!(at(501_000), Lookup::Miss);
    assert_eq!(cache.sweep(Moment(500_999), 100), 0);
    let swept: usize = (0..4).map(|_| cache.sweep(Moment(501_000), 1)).sum();
    assert_eq!((swept, cache.statistics().entries), (1, 1));
}

#[test]
fn entries_are_cleared_by_what_they_are() {
    let cache = open(Limits::default());
    for name in ["call 1", "call 2", "lead 1"] {
        assert_eq!(cache.store(cache.begin(), answer(name, 60, vec![by("id", "1", true)])), Ok(()));
    }
    let calls = |_: &cache::Key, value: &std::sync::Arc<str>| value.starts_with("call");
    assert_eq!(cache.clear(calls), 2);
    assert!(hit(&cache, "lead 1"));
    assert_eq!(cache.clear(|_, _| true), 1);
    let left = cache.statistics();
    assert_eq!((left.entries, left.tags, left.bytes), (0, 0, 0));
}

#[test]
fn an_answer_replaces_an_older_one_and_not_a_newer_one() {
    let cache = open(Limits::default());
    assert_eq!(cache.store(cache.begin(), answer("call 1", 70, vec![by("id", "1", true)])), Ok(()));
    let older = answer("call 1", 65, vec![by("id", "1", true)]);
    assert_eq!(cache.store(cache.begin(), older), Err(Refusal::Older));
    assert_eq!(cache.store(cache.begin(), answer("call 1", 80, vec![by("id", "1", true)])), Ok(()));
    assert_eq!((cache.statistics().entries, cache.statistics().tags), (1, 1));
}

#[test]
fn memory_is_bounded_and_what_was_evicted_leaves_the_index() {
    let limits = Limits { bytes_max: 100_000, entry_bytes_max: 10_000, ..Limits::default() };
    let cache = open(limits);
    for number in 0..1000 {
        let name = format!("call {number}");
        let _ = cache.store(cache.begin(), answer(&name, 60, vec![by("id", &name, true)]));
    }
    let full = cache.statistics();
    assert!(full.bytes <= limits.bytes_max && full.evictions > 500 && full.entries > 100, "{full:?}");
    assert_eq!(full.tags, full.entries);
    let large = cache::Answer { bytes: 20_000, ..answer("large", 60, vec![]) };
    assert_eq!(cache.store(cache.begin(), large), Err(Refusal::NoRoom));
}

#[test]
fn a_full_log_refuses_the_fills_that_it_no_longer_covers_and_only_those() {
    let cache = open(Limits { log_records_max: 2, ..Limits::default() });
    let long = cache.begin();
    cache.apply(&update(60, 110, "1", "done"));
    // Seen now: only the fill that began before can be blind to it.
    let poll = cache.poll(Moment(1100));
    cache.polled(poll, Lsn(110), &snapshot(61));
    for xid in 61..63 {
        cache.apply(&update(xid, 110 + u64::from(xid), "2", "done"));
    }
    let later = cache.begin();
    assert_eq!(cache.store(long, answer("call 1", 60, vec![by("id", "1", true)])), Err(Refusal::Overflow));
    assert_eq!(cache.store(later, answer("call 1", 61, vec![by("id", "1", true)])), Ok(()));
    cache.apply(&update(63, 300, "2", "done"));
    // Unseen by anybody: whoever may be blind to it is behind the barrier now.
    assert_eq!(
        cache.store(cache.begin(), answer("call 2", 61, vec![by("id", "2", true)])),
        Err(Refusal::Barrier)
    );
    assert_eq!(cache.store(cache.begin(), answer("call 2", 64, vec![by("id", "2", true)])), Ok(()));
}

#[test]
fn what_a_full_log_forgets_before_an_epoch_is_behind_its_barrier_across_the_wrap_of_32_bits() {
    let wrap = 1_u64 << 32;
    let cache = open(Limits { log_records_max: 1, ..Limits::default() });
    let closing = cache.close(Doubt::Stream);
    // The ids 2^32 + 1, 2^32 - 1 and 2^32 + 2, of which the log keeps the last; the barrier lies before them.
    for (end, xid) in [(110, 1), (120, u32::MAX), (130, 2)] {
        cache.apply(&update(xid, end, "1", "done"));
    }
    assert!(cache.open(closing, Xid(wrap - 2), Lsn(130)));
    let reads = || vec![by("id", "1", true)];
    for (xmax, stored) in [
        (wrap - 3, Err(Refusal::Barrier)),
        (wrap + 1, Err(Refusal::Barrier)),
        (wrap + 2, Err(Refusal::Changed)),
        (wrap + 3, Ok(())),
    ] {
        assert_eq!(cache.store(cache.begin(), answer("call 1", xmax, reads())), stored, "{xmax}");
    }
}
