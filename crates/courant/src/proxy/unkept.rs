//! Which keys turned out lately to have answers that are not kept: for these nobody waits for anybody.
//!
//! A table of fixed size without a lock, since every request that passes through looks and writes here. Two keys of
//! one place push each other out, which costs a wait and never an answer.

use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

/// How long a key counts as one that is not kept.
const FOR: Duration = Duration::from_secs(10);
const PLACES: usize = 1 << 14;

/// The keys that are not kept.
pub(super) struct Unkept {
    hashing: RandomState,
    began: Instant,
    /// Each the upper half of a key's hash, and the second in which it was noted; zero where there is none.
    places: Box<[AtomicU64]>,
}

impl Unkept {
    pub(super) fn new() -> Unkept {
        Unkept {
            hashing: RandomState::default(),
            began: Instant::now(),
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Whether a key was noted not long ago.
    pub(super) fn contains(&self, key: &impl Hash) -> bool {
        let (place, mark) = self.find(key);
        let noted = place.load(Ordering::Relaxed);
        noted >> 32 == mark && self.second().saturating_sub(noted & u64::from(u32::MAX)) < FOR.as_secs()
    }

    /// Notes whether answers of a key are kept, as far as is known now.
    pub(super) fn note(&self, key: &impl Hash, is_kept: bool) {
        let (place, mark) = self.find(key);
        if !is_kept {
            place.store(mark << 32 | self.second(), Ordering::Relaxed);
        } else if place.load(Ordering::Relaxed) >> 32 == mark {
            place.store(0, Ordering::Relaxed);
        }
    }

    fn find(&self, key: &impl Hash) -> (&AtomicU64, u64) {
        let hash = self.hashing.hash_one(key);
        // Zero stands for nobody's.
        (&self.places[hash as usize % PLACES], (hash >> 32).max(1))
    }

    /// Since it was made; a u32 of seconds lasts 136 years.
    fn second(&self) -> u64 {
        self.began.elapsed().as_secs() & u64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_until_it_is_kept_again() {
        let unkept = Unkept::new();
        unkept.note(&"/a", false);
        assert!(unkept.contains(&"/a"));
        assert!(!unkept.contains(&"/b"));
        unkept.note(&"/b", true);
        assert!(unkept.contains(&"/a"));
        unkept.note(&"/a", true);
        assert!(!unkept.contains(&"/a"));
    }
}
