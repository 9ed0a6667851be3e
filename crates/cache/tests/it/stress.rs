//! Threads at once on one cache: what the simulator, which has one thread, cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use cache::{Doubt, Limits, Lookup, Moment};
use pg::{Lsn, Xid};

use crate::town::*;

const ROWS: u64 = 16;
const TRANSACTIONS: u32 = 4_000;

/// Transaction `xid` writes row `xid % ROWS`, is visible before it is told, and every value names the
/// transaction it was read under: so a hit can be checked against what had been told before the lookup.
#[test]
fn threads_agree_with_the_stream_and_leave_nothing_behind() {
    let cache = open(Limits { bytes_max: 6_000, entry_bytes_max: 3_000, ..Limits::default() });
    let (visible, told) = (AtomicU64::new(100), AtomicU64::new(100));
    let writing = || {
        for xid in 100..100 + TRANSACTIONS {
            visible.store(u64::from(xid) + 1, Ordering::SeqCst);
            let row = (u64::from(xid) % ROWS).to_string();
            cache.apply(&update(xid, u64::from(xid), &row, "done"));
            told.store(u64::from(xid) + 1, Ordering::SeqCst);
            if xid.is_multiple_of(1_000) {
                let closing = cache.close(Doubt::Schema);
                assert!(cache.open(closing, Xid(u64::from(xid)), cache.position()));
            }
            let poll = cache.poll(Moment(1000));
            cache.polled(poll, Lsn(u64::from(xid)), &snapshot(u64::from(xid) + 1));
        }
    };
    let finished = || told.load(Ordering::SeqCst) == 100 + u64::from(TRANSACTIONS);
    let reading = |seed: u64| {
        let mut hits = 0_u64;
        let mut turn = seed;
        while !finished() || turn < seed + 10_000 {
            turn += 1;
            let row = (turn * 7) % ROWS;
            let name = row.to_string();
            let before = told.load(Ordering::SeqCst);
            if let Lookup::Hit { value, .. } = cache.lookup(&key(&name), Moment(1000), SECOND, Moment(1000)) {
                hits += 1;
                let seen: u64 = value.parse().expect("a number");
                let missed = (seen.max(100)..before).any(|xid| xid % ROWS == row);
                assert!(!missed, "row {row}: {before} was told, the answer saw only {seen}");
                continue;
            }
            let fill = cache.begin();
            let seen = visible.load(Ordering::SeqCst);
            let value: Arc<str> = seen.to_string().into();
            let reads = vec![by("id", &name, true)];
            let _ = cache.store(fill, cache::Answer { value, ..answer(&name, seen, reads) });
        }
        hits
    };
    let hits: u64 = thread::scope(|scope| {
        let readers = [0, 5_000_000, 9_000_000].map(|seed| scope.spawn(move || reading(seed)));
        scope.spawn(writing);
        readers.map(|reader| reader.join().expect("no reader fails")).into_iter().sum()
    });
    let end = cache.statistics();
    assert!(hits > 0 && end.stores > 0 && end.invalidations > 0, "{end:?}");
    assert_eq!((end.tags, end.fills, end.log_records), (end.entries, 0, 0), "{end:?}");
    assert_eq!(cache.clear(|_| true) as u64, end.entries);
    let left = cache.statistics();
    assert_eq!((left.entries, left.tags, left.bytes), (0, 0, 0), "{left:?}");
}
