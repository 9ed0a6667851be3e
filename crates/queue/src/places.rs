//! How far a queue was read, for each of its priorities. Pure.
//!
//! Claims begin where the last one ended, so that they do not pass over what is gone: while some transaction pins old
//! row versions, that grows. A place is only a hint. A job may turn up behind it, because its transaction committed
//! late or because a lease ended; so the places are lowered when that is told, and now and then a claim reads from the
//! beginning.

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

    /// The places after a claim that began at `self`, or at the beginning, and brought jobs of these priorities and
    /// seqs. One that was `full` may have left jobs behind the last that it brought, though none of another priority
    /// that it did not know before.
    #[must_use]
    pub(crate) fn after(&self, claimed: impl Iterator<Item = (i16, i64)>, full: bool) -> Places {
        let mut last = [0; PRIORITIES];
        for (priority, seq) in claimed {
            if let Some(last) = usize::try_from(priority).ok().and_then(|nth| last.get_mut(nth)) {
                *last = seq.max(*last);
            }
        }
        let mut places = self.0;
        for (place, last) in places.iter_mut().zip(last) {
            if full && last > 0 {
                *place = last;
            } else {
                *place = last.max(*place);
            }
        }
        Places(places)
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
    fn a_claim_moves_the_places_of_what_it_brought() {
        let places = Places::default().after([(5, 10), (5, 12), (0, 7)].into_iter(), false);
        assert_eq!((places.0[5], places.0[0], places.0[9]), (12, 7, 0));
    }

    #[test]
    fn a_full_claim_from_the_beginning_is_followed_from_where_it_ended() {
        let places = Places([0, 0, 0, 0, 0, 1000, 0, 0, 0, 50]);
        assert_eq!(places.after([(5, 3), (5, 4)].into_iter(), true).0[5], 4);
        assert_eq!(places.after([(5, 3), (5, 4)].into_iter(), false).0[5], 1000);
        assert_eq!(places.after([(5, 3)].into_iter(), true).0[9], 50);
    }

    #[test]
    fn what_committed_late_is_read_again() {
        let lowered = Lowered::default();
        let mut places = Places::default().after([(5, 100)].into_iter(), false);
        lowered.tell(5, 40);
        lowered.tell(5, 60);
        lowered.tell(77, 1);
        places.lower(&lowered);
        assert_eq!(places.0[5], 39);
        places.lower(&lowered);
        assert_eq!(places.after([(5, 40)].into_iter(), false).0[5], 40);
    }
}
