//! Threads at once on one cache: what the simulator, which has one thread, cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cache::{Bypass, Doubt, Limits, Lookup, Moment, Need};
use pg::{Lsn, Xid};

use crate::town::*;

const ROWS: u64 = 16;
/// The writer goes on until this many entries fell to it, so that threads that start late meet it too.
const INVALIDATIONS: u64 = 500;
const TRANSACTIONS_MAX: u64 = 2_000_000;

/// When transaction `xid` was acknowledged, so to speak: its poll bears this moment.
fn moment(xid: u64) -> Moment {
    Moment(1000 + 10 * xid)
}

/// Transaction `xid` writes row `xid % ROWS`; every other one is told before it is visible. Its poll is
/// outstanding while it is applied, so that a reader who demands its moment passes as soon as the position is
/// shown. Every value names the transactions it was read under, so that each hit can be checked: it must
/// have seen the demanded transaction and all that had been told before the lookup.
#[test]
fn threads_agree_with_the_stream_and_leave_nothing_behind() {
    let cache = open(Limits { bytes_max: 2_000, entry_bytes_max: 1_500, ..Limits::default() });
    let (visible, polled, told) = (AtomicU64::new(100), AtomicU64::new(99), AtomicU64::new(100));
    let done = AtomicBool::new(false);
    let writing = || {
        let enough = |xid: u64| xid.is_multiple_of(64) && cache.statistics().invalidations >= INVALIDATIONS;
        for xid in (100..TRANSACTIONS_MAX).take_while(|xid| !enough(*xid)) {
            if xid.is_multiple_of(1_000) {
                let closing = cache.close(Doubt::Schema);
                assert!(cache.open(closing, Xid(xid), cache.position()));
            }
            if xid.is_multiple_of(2) {
                visible.store(xid + 1, Ordering::SeqCst);
            }
            let poll = cache.poll(moment(xid));
            cache.polled(poll, Lsn(xid), &snapshot(visible.load(Ordering::SeqCst)));
            polled.store(xid, Ordering::SeqCst);
            cache.apply(&update(xid as u32, xid, &(xid % ROWS).to_string(), "done"));
            told.store(xid + 1, Ordering::SeqCst);
            visible.store(xid + 1, Ordering::SeqCst);
            thread::yield_now();
        }
        let end = told.load(Ordering::SeqCst);
        let poll = cache.poll(moment(end));
        cache.polled(poll, Lsn(end), &snapshot(end));
        done.store(true, Ordering::SeqCst);
    };
    let reading = |seed: u64| {
        let (mut hits, mut turn) = (0_u64, seed);
        while !done.load(Ordering::SeqCst) {
            turn += 1;
            let demanded = polled.load(Ordering::SeqCst);
            let before = told.load(Ordering::SeqCst).max(demanded + 1);
            let row = if turn.is_multiple_of(8) { demanded } else { turn * 7 } % ROWS;
            let (name, start) = (row.to_string(), moment(demanded));
            let key = key(&name);
            let look = || cache.lookup(&key, Need::within(start, Duration::ZERO), start);
            // The proof is on its way: to find it the moment it is shown is the point.
            let shown = (0..200).map(|_| look()).find(|found| *found != Lookup::Bypass(Bypass::Behind));
            match shown.unwrap_or(Lookup::Bypass(Bypass::Behind)) {
                Lookup::Hit { value, .. } => {
                    hits += 1;
                    let seen: u64 = value.parse().expect("a number");
                    let missed = (seen.max(100)..before).any(|xid| xid % ROWS == row);
                    assert!(!missed, "row {row}: {before} must be seen, the answer saw only {seen}");
                }
                Lookup::Bypass(_) => {}
                Lookup::Miss => {
                    let fill = cache.begin();
                    let seen = visible.load(Ordering::SeqCst);
                    let value: Arc<str> = seen.to_string().into();
                    let reads = vec![by("id", &name, true)];
                    let _ = cache.store(fill, cache::Answer { value, ..answer(&name, seen, reads) });
                }
            }
        }
        hits
    };
    let hits: u64 = thread::scope(|scope| {
        let readers = [0, 5_000_000, 9_000_000].map(|seed| scope.spawn(move || reading(seed)));
        scope.spawn(writing);
        readers.map(|reader| reader.join().expect("no reader fails")).into_iter().sum()
    });
    let end = cache.statistics();
    assert!(hits > 0 && end.stores > 0 && end.invalidations >= INVALIDATIONS, "{end:?}");
    assert_eq!((end.tags, end.fills, end.log_records), (end.entries, 0, 0), "{end:?}");
    assert_eq!(cache.clear(|_, _| true) as u64, end.entries);
    let left = cache.statistics();
    assert_eq!((left.entries, left.tags, left.bytes), (0, 0, 0), "{left:?}");
}
