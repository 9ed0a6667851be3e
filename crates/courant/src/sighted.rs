//! What was seen lately, more or less: in a fixed room, where what shares a place with another is taken for new.
//!
//! What comes once and never again would only push out of a memory what does come again.

use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;

/// The hashes of what was seen, each in the one place where it may be.
pub(crate) struct Sighted {
    hasher: RandomState,
    hashes: Box<[AtomicU64]>,
}

impl Sighted {
    /// With so many places.
    pub(crate) fn new(places: usize) -> Sighted {
        let hashes = std::iter::repeat_with(|| AtomicU64::new(0)).take(places).collect();
        Sighted { hasher: RandomState::default(), hashes }
    }

    /// Whether it was here before; it is from now on.
    pub(crate) fn before(&self, what: impl Hash) -> bool {
        let hash = self.hasher.hash_one(what);
        let place = &self.hashes[hash as usize % self.hashes.len()];
        place.swap(hash, Ordering::Relaxed) == hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_was_here_before_until_another_takes_its_place() {
        let sighted = Sighted::new(1);
        assert!(!sighted.before("a") && sighted.before("a"));
        assert!(!sighted.before("b") && !sighted.before("a"));
    }
}
