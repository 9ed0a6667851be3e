//! Adaptive times to live: longer for answers that turn out to stay the same, shorter for those that do not.
//!
//! Only where the configuration asks for it, and beside what the log tells, never instead: an answer whose
//! rows change is dropped however long it might have lived.

use std::hash::BuildHasher;
use std::time::Duration;

use cache::{Key, Moment};
use foldhash::fast::RandomState;
use quick_cache::sync::Cache as Remembered;
use rest::Lifetime;

/// Answers whose past is remembered, a few dozen bytes each; one that is forgotten begins anew at its minimum.
const REMEMBERED_MAX: usize = 10_000;

/// What is known of the past of answers.
#[derive(Debug)]
pub(crate) struct Lifetimes {
    known: Remembered<u64, Past>,
    hashing: RandomState,
}

/// What is remembered of an answer, whether or not it is still kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Past {
    /// A hash of its bytes.
    print: u64,
    /// When its time to live was last settled.
    at: Moment,
    ttl: Duration,
}

impl Lifetimes {
    /// Nothing is known.
    pub(crate) fn new() -> Lifetimes {
        Lifetimes { known: Remembered::new(REMEMBERED_MAX), hashing: RandomState::default() }
    }

    /// How long the answer that has just arrived may be kept. `bytes` are the same for the same answer.
    pub(crate) fn settle(&self, key: &Key, bytes: &[u8], at: Moment, within: Lifetime) -> Duration {
        if within.min == within.max {
            return within.max;
        }
        // Two keys with one hash spoil each other's past, which costs them a query more, or keeps them within
        // their maximum all the same.
        let (key, print) = (self.hashing.hash_one(key), self.hashing.hash_one(bytes));
        let past = Past::next(self.known.get(&key), print, at, within);
        self.known.insert(key, past);
        past.ttl
    }
}

impl Past {
    /// The rule: an answer that is the same after it has lived its time lives twice as long from now on, one
    /// that differs half as long. One that is asked for again before its time, because it was evicted or the
    /// log told of a change, has proven nothing by being the same.
    fn next(before: Option<Past>, print: u64, at: Moment, within: Lifetime) -> Past {
        let Some(before) = before else { return Past { print, at, ttl: within.min } };
        let clamped = |ttl: Duration| ttl.clamp(within.min, within.max);
        let ttl = clamped(before.ttl);
        if print != before.print {
            Past { print, at, ttl: clamped(ttl / 2) }
        } else if at.since(before.at) >= ttl {
            Past { print, at, ttl: clamped(ttl.saturating_mul(2)) }
        } else {
            Past { ttl, ..before }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Lifetime = Lifetime { min: Duration::from_secs(1), max: Duration::from_secs(6) };

    /// Settles answers that arrive so many seconds after the start, and lists their times to live in ms.
    fn settled(within: Lifetime, answers: &[(u64, &str)]) -> Vec<u128> {
        let lifetimes = Lifetimes::new();
        let key = cache::KeySecret::new(&[1; 16]).key().part("one").build();
        let settle = |&(second, bytes): &(u64, &str)| {
            lifetimes.settle(&key, bytes.as_bytes(), Moment(second * 1_000_000 + 1), within).as_millis()
        };
        answers.iter().map(settle).collect()
    }

    #[test]
    fn a_time_to_live_follows_how_often_the_answer_changes() {
        type Case<'a> = (&'a [(u64, &'a str)], &'a [u128]);
        let cases: [Case<'_>; 7] = [
            // The same each time it expires: twice as long, up to the maximum.
            (&[(0, "a"), (1, "a"), (3, "a"), (7, "a"), (13, "a")], &[1000, 2000, 4000, 6000, 6000]),
            // Another each time: half as long, down to the minimum.
            (
                &[(0, "a"), (1, "a"), (3, "a"), (7, "b"), (9, "c"), (10, "d")],
                &[1000, 2000, 4000, 2000, 1000, 1000],
            ),
            (&[(0, "a"), (1, "b"), (2, "c")], &[1000, 1000, 1000]),
            // The same, but before its time: that proves nothing, however often.
            (&[(0, "a"), (0, "a"), (0, "a"), (0, "a")], &[1000, 1000, 1000, 1000]),
            // And does not put off the time at which it does.
            (&[(0, "a"), (1, "a"), (2, "a"), (3, "a")], &[1000, 2000, 2000, 4000]),
            // Another before its time: the log told, or it would not have been asked for.
            (&[(0, "a"), (1, "a"), (3, "a"), (4, "b")], &[1000, 2000, 4000, 2000]),
            // What was long ago counts once.
            (&[(0, "a"), (1000, "a")], &[1000, 2000]),
        ];
        for (answers, expected) in cases {
            assert_eq!(settled(WITHIN, answers), expected, "{answers:?}");
        }
    }

    #[test]
    fn a_fixed_time_to_live_stays_and_other_bounds_hold_at_once() {
        let fixed = Lifetime::fixed(Duration::from_secs(5));
        assert_eq!(settled(fixed, &[(0, "a"), (5, "a"), (10, "b")]), [5000, 5000, 5000]);
        let second = |seconds| Duration::from_secs(seconds);
        let long = Past { print: 1, at: Moment(1), ttl: second(60) };
        assert_eq!(Past::next(Some(long), 1, Moment(2), WITHIN).ttl, second(6));
        let short = Past { print: 1, at: Moment(1), ttl: Duration::from_millis(1) };
        assert_eq!(Past::next(Some(short), 2, Moment(2), WITHIN).ttl, second(1));
    }

    #[test]
    fn the_past_of_many_answers_is_bounded() {
        let lifetimes = Lifetimes::new();
        for number in 0..3 * REMEMBERED_MAX {
            let key = cache::KeySecret::new(&[1; 16]).key().part(number.to_string()).build();
            lifetimes.settle(&key, b"a", Moment(1), WITHIN);
        }
        assert!(lifetimes.known.len() <= REMEMBERED_MAX);
    }
}
