//! How often somebody may ask: the generic cell rate algorithm over a table of fixed size.
//!
//! Each key has one number, the moment at which it will owe nothing more. The table never grows: where a set is full,
//! the key that owes least is forgotten, so an attack with many keys makes room for itself at the cost of those who
//! hardly asked, and never frees whoever owes most. Knows no clock, and not what a key stands for.

use std::fmt::Write as _;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;

/// Keys that share a lock, and among whom one is forgotten when there is no room.
const SET_SLOTS: usize = 8;

/// So many at once, and one more after each interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// By which clients know it: letters, digits, `_` and `-`.
    pub name: Box<str>,
    /// At once.
    pub burst: u32,
    /// Until one more is allowed.
    pub interval: Duration,
}

impl Quota {
    /// `rate` in each `window`, `burst` at once.
    pub fn new(name: &str, rate: u32, window: Duration, burst: u32) -> Quota {
        Quota { name: name.into(), burst: burst.max(1), interval: window / rate.max(1) }
    }

    fn interval_ns(&self) -> u64 {
        u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX / 2).max(1)
    }

    fn tolerance_ns(&self) -> u64 {
        self.interval_ns().saturating_mul(self.burst.into())
    }
}

/// How a key stands after it was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether it may.
    pub allowed: bool,
    /// How often it may now.
    pub remaining: u64,
    /// Until the whole burst is allowed again.
    pub reset: Duration,
    /// Until one more is allowed; zero where one is.
    pub retry_after: Duration,
}

/// What each key owes.
#[derive(Debug)]
pub struct Buckets {
    sets: Box<[Mutex<[Slot; SET_SLOTS]>]>,
    hashing: RandomState,
}

/// A key, and when it will owe nothing, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    even_at_ns: u64,
}

impl Buckets {
    /// For at least so many keys at once, 16 bytes each.
    pub fn new(keys_max: usize) -> Buckets {
        let sets = keys_max.div_ceil(SET_SLOTS).next_power_of_two();
        Buckets { sets: (0..sets).map(|_| Mutex::default()).collect(), hashing: RandomState::new() }
    }

    /// Takes one of a key's quota, if it may. `now` only ever grows.
    pub fn take(&self, key: impl Hash, quota: &Quota, now: Duration) -> Standing {
        self.account(key, quota, now, true)
    }

    /// How a key stands.
    pub fn peek(&self, key: impl Hash, quota: &Quota, now: Duration) -> Standing {
        self.account(key, quota, now, false)
    }

    fn account(&self, key: impl Hash, quota: &Quota, now: Duration, charge: bool) -> Standing {
        // Zero marks a slot nobody has. Two keys of one hash would share a quota: one pair in 2⁶⁴.
        let key = self.hashing.hash_one(key).max(1);
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let mut set = self.sets[key as usize & (self.sets.len() - 1)].lock();
        let known = set.iter().position(|slot| slot.key == key);
        let even_at = known.map_or(now, |at| set[at].even_at_ns.max(now));
        let after = even_at.saturating_add(quota.interval_ns());
        let limit = now.saturating_add(quota.tolerance_ns());
        let allowed = after <= limit;
        let owed_at = if allowed && charge { after } else { even_at };
        if allowed && charge {
            let free = || (0..SET_SLOTS).min_by_key(|at| set[*at].even_at_ns).unwrap_or_default();
            let at = known.unwrap_or_else(free);
            set[at] = Slot { key, even_at_ns: after };
        }
        Standing {
            allowed,
            remaining: limit.saturating_sub(owed_at) / quota.interval_ns(),
            reset: Duration::from_nanos(owed_at - now),
            retry_after: Duration::from_nanos(after.saturating_sub(limit)),
        }
    }
}

/// The values of `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).
pub fn headers(standings: &[(&Quota, Standing)]) -> Option<(HeaderValue, HeaderValue)> {
    let (mut policy, mut limit) = (String::new(), String::new());
    for (quota, standing) in standings {
        let separator = if policy.is_empty() { "" } else { ", " };
        let Quota { name, burst, .. } = quota;
        let window = seconds(Duration::from_nanos(quota.tolerance_ns()));
        // Writing to a string cannot fail.
        let _ = write!(policy, "{separator}\"{name}\";q={burst};w={window}");
        let Standing { remaining, reset, .. } = standing;
        let _ = write!(limit, "{separator}\"{name}\";r={remaining};t={}", seconds(*reset));
    }
    Some((HeaderValue::try_from(policy).ok()?, HeaderValue::try_from(limit).ok()?))
}

/// Whole seconds, as headers say them: rounded up, so that nobody comes too early.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
