//! How far a queue was read, for each of its priorities. Pure.
//!
//! Claims begin where the last one ended, so that they do not pass over what is gone: while some transaction pins old
//! row versions, that grows. A place is only a hint. A job may turn up behind it, because its transaction committed
//! late or because a lease ended: what is told lowers the places, and the rest is found by surveys (`survey`).

use std::sync::atomic::{AtomicI64, Ordering};

/// Priorities: 0 to 9.
pub(crate) const PRIORITIES: usize = 10;

/// How far each priority was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places([i64; PRIORITIES]);

impl Places {
    pub(crate) fn as_slice(&self) -> &[i64] {
        &self.0
    }

    /// The places after a claim that brought jobs of these priorities and seqs.
    #[must_use]
    pub(crate) fn after(&self, claimed: impl Iterator<Item = (i16, i64)>) -> Places {
        let mut places = self.0;
        for (priority, seq) in claimed {
            if let Some(place) = usize::try_from(priority).ok().and_then(|nth| places.get_mut(nth)) {
                *place = seq.max(*place);
            }
        }
        Places(places)
    }

    /// Moves the places that are before this one up to it.
    pub(crate) fn raise(&mut self, seq: i64) {
        self.0.iter_mut().for_each(|place| *place = seq.max(*place));
    }

    /// How far a priority was read.
    pub(crate) fn at(&self, priority: usize) -> i64 {
        self.0.get(priority).copied().unwrap_or(0)
    }

    /// Moves the place of a priority.
    pub(crate) fn set(&mut self, priority: usize, seq: i64) {
        if let Some(place) = self.0.get_mut(priority) {
            *place = seq;
        }
    }

    /// Lowers what was told meanwhile.
    pub(crate) fn lower(&mut self, lowered: &Lowered) {
        for (place, lowered) in self.0.iter_mut().zip(&lowered.0) {
            *place = (*place).min(lowered.swap(i64::MAX, Ordering::AcqRel));
        }
    }
}

/// Places that were told of while a claim was under way.
#[derive(Debug)]
pub(crate) struct Lowered([AtomicI64; PRIORITIES]);

impl Default for Lowered {
    fn default() -> Lowered {
        Lowered(std::array::from_fn(|_| AtomicI64::new(i64::MAX)))
    }
}

impl Lowered {
    /// There is a job at that place.
    pub(crate) fn tell(&self, priority: usize, seq: i64) {
        if let Some(lowered) = self.0.get(priority) {
            lowered.fetch_min(seq - 1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_moves_the_places_of_what_it_brought_and_none_back() {
        let places = Places::default().after([(5, 10), (5, 12), (0, 7)].into_iter());
        assert_eq!((places.at(5), places.at(0), places.at(9)), (12, 7, 0));
        assert_eq!(places.after([(5, 3)].into_iter()).at(5), 12);
    }

    #[test]
    fn what_committed_late_is_read_again() {
        let lowered = Lowered::default();
        let mut places = Places::default().after([(5, 100)].into_iter());
        lowered.tell(5, 40);
        lowered.tell(5, 60);
        lowered.tell(77, 1);
        places.lower(&lowered);
        assert_eq!(places.at(5), 39);
        places.lower(&lowered);
        assert_eq!(places.after([(5, 40)].into_iter()).at(5), 40);
        places.raise(50);
        assert_eq!((places.at(5), places.at(0)), (50, 50));
    }
}
