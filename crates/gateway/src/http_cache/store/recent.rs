//! Which keys were made invalid lately, in order, so that a response asked for before is told from one asked for
//! after, without anything to enter and strike out for each request in flight.

/// As many invalidations are remembered. Whoever was asked for longer ago than that is refused, known or not.
const REMEMBERED: usize = 4096;

/// A moment in the order of invalidations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

/// The last invalidations, by the hashes of their keys: 64 bits, so that two keys are as good as never mistaken for
/// one another, and if they are, a response is not kept that could have been.
#[derive(Debug)]
pub(super) struct Recent {
    /// That of the n-th stands at n modulo their number.
    hashes: Box<[u64]>,
    /// How many there were.
    count: u64,
    /// Everything asked for before is invalid.
    floor: u64,
}

impl Recent {
    pub(super) fn new() -> Recent {
        Recent { hashes: vec![0; REMEMBERED].into(), count: 0, floor: 0 }
    }

    pub(super) fn now(&self) -> Moment {
        Moment(self.count)
    }

    pub(super) fn add(&mut self, hash: u64) {
        let place = self.place(self.count);
        self.hashes[place] = hash;
        self.count += 1;
    }

    /// All keys there are.
    pub(super) fn add_all(&mut self) {
        self.count += 1;
        self.floor = self.count;
    }

    /// Whether a key was made invalid since then, or may have been.
    pub(super) fn has(&self, hash: u64, since: Moment) -> bool {
        let is_forgotten = self.count - since.0 > REMEMBERED as u64;
        is_forgotten
            || since.0 < self.floor
            || (since.0..self.count).any(|number| self.hashes[self.place(number)] == hash)
    }

    fn place(&self, number: u64) -> usize {
        // Less than their number, whatever the width of a usize.
        (number % self.hashes.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_invalid_before_or_is_another_key_does_not_count() {
        let mut recent = Recent::new();
        recent.add(7);
        let since = recent.now();
        assert!(!recent.has(7, since));
        recent.add(8);
        assert!(recent.has(8, since) && !recent.has(7, since) && !recent.has(8, recent.now()));
        recent.add_all();
        assert!(recent.has(7, since) && !recent.has(7, recent.now()));
    }

    #[test]
    fn what_is_no_longer_remembered_counts() {
        let mut recent = Recent::new();
        recent.add(1);
        let since = recent.now();
        for _ in 0..REMEMBERED {
            assert!(!recent.has(1, since));
            recent.add(2);
        }
        assert!(!recent.has(1, since));
        recent.add(2);
        assert!(recent.has(1, since));
    }
}
