//! What may turn up behind the places where claims begin, and how little must be read to find it. Pure.
//!
//! A job turns up there because its transaction committed late, because its lease ended, or because its key was given
//! up. For the first, no transaction that drew a place may be left that has not ended: behind such a floor, nothing new
//! can appear. For the second, what ran behind the floor when it was surveyed is watched one by one. The third is told
//! by the log, or found when all is surveyed again.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::places::{PRIORITIES, Places};

/// A job's priority and seq.
pub(crate) type Place = (i16, i64);

/// Jobs that are watched at once; the floor stays where there are more.
const WATCHED_MAX: usize = 10_000;
/// Surveys that may miss a job that was told of: the log may tell of it before it can be seen.
const MISSES_MAX: u8 = 3;

/// What is known of the jobs behind the places.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    horizon: Horizon,
    floors: Places,
    /// Jobs before the floors, and how many surveys may yet miss each before it is forgotten.
    watched: BTreeMap<Place, u8>,
    /// Those that can be claimed, wherever they stand.
    late: BTreeSet<Place>,
}

/// What a survey is to read.
#[derive(Debug)]
pub(crate) struct Extent {
    pub(crate) from: Places,
    pub(crate) reached: Places,
    pub(crate) watched: Vec<Place>,
}

/// What a survey found at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub(crate) place: Place,
    /// It can be claimed; else it runs.
    pub(crate) is_free: bool,
}

impl Behind {
    /// The log tells of a job; whether it is only a late one, and claims need not begin before it.
    pub(crate) fn tell(&mut self, priority: usize, seq: i64) -> bool {
        let is_late = seq <= self.horizon.settled;
        if let (true, Ok(priority)) = (is_late, i16::try_from(priority)) {
            self.watched.insert((priority, seq), MISSES_MAX);
            self.late.insert((priority, seq));
        }
        is_late
    }

    /// No transaction is left that could still commit a job at or before this place.
    pub(crate) fn settled(&self) -> i64 {
        self.horizon.settled
    }

    /// Late jobs, at most so many.
    pub(crate) fn late(&self, jobs_max: usize) -> Vec<Place> {
        self.late.iter().take(jobs_max).copied().collect()
    }

    /// These were claimed.
    pub(crate) fn claimed(&mut self, places: impl Iterator<Item = Place>) {
        if !self.late.is_empty() {
            for place in places {
                self.late.remove(&place);
            }
        }
    }

    /// What to read where claims have reached these places: from the floors on, or all of it.
    pub(crate) fn extent(&self, reached: Places, all: bool) -> Extent {
        let from = if all { Places::default() } else { self.floors.clone() };
        Extent { from, reached, watched: self.watched.keys().copied().collect() }
    }

    /// The place that was drawn last, and then the transactions that have drawn places and not ended.
    pub(crate) fn see(&mut self, drawn: i64, drawers: HashSet<String>) {
        self.horizon.see(drawn, drawers);
    }

    /// Learns from a survey that began after the last `see`, and read at most so many jobs of each priority.
    pub(crate) fn learn(&mut self, extent: &Extent, found: &[Sighting], jobs_max: usize) {
        for priority in 0..PRIORITIES {
            let (from, reached) = (extent.from.at(priority), extent.reached.at(priority));
            let read = |sighting: &&Sighting| {
                usize::try_from(sighting.place.0) == Ok(priority)
                    && (from + 1..=reached).contains(&sighting.place.1)
            };
            // Some of those that are read are watched too, and come twice: then the floor stays for once.
            let is_full = found.iter().filter(read).count() >= jobs_max;
            let last = found.iter().filter(read).map(|sighting| sighting.place.1).max();
            let end = last.filter(|_| is_full).unwrap_or(reached).min(self.horizon.settled);
            if self.watched.len() + found.len() <= WATCHED_MAX {
                self.floors.set(priority, end.max(self.floors.at(priority)));
            }
        }
        self.late.clear();
        let seen: BTreeSet<Place> = found.iter().map(|sighting| sighting.place).collect();
        for place in extent.watched.iter().filter(|place| !seen.contains(*place)) {
            match self.watched.get_mut(place) {
                Some(misses @ 1..) => {
                    // Told of and not seen yet: whoever claims asks for it too.
                    *misses -= 1;
                    self.late.insert(*place);
                }
                _ => drop(self.watched.remove(place)),
            }
        }
        for Sighting { place, is_free } in found.iter().copied() {
            if usize::try_from(place.0).is_ok_and(|priority| place.1 <= self.floors.at(priority)) {
                self.watched.insert(place, 0);
            }
            if is_free {
                self.late.insert(place);
            }
        }
    }
}

/// Up to which place nothing is open any more.
#[derive(Debug, Default)]
struct Horizon {
    settled: i64,
    /// A place, and the transactions that must end until it is settled.
    pending: Option<(i64, HashSet<String>)>,
}

impl Horizon {
    fn see(&mut self, drawn: i64, drawers: HashSet<String>) {
        if let Some((place, open)) = self.pending.take() {
            if open.is_disjoint(&drawers) {
                self.settled = self.settled.max(place);
            } else {
                self.pending = Some((place, open));
                return;
            }
        }
        if drawers.is_empty() {
            self.settled = self.settled.max(drawn);
        } else {
            self.pending = Some((drawn, drawers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawers(names: &[&str]) -> HashSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn reached(seq: i64) -> Places {
        Places::default().after([(5, seq)].into_iter())
    }

    #[test]
    fn the_floor_stays_before_what_an_open_transaction_may_commit() {
        let mut behind = Behind::default();
        behind.see(100, drawers(&["3/7"]));
        let extent = behind.extent(reached(90), false);
        behind.learn(&extent, &[], 10);
        assert_eq!((behind.settled(), behind.floors.at(5)), (0, 0));
        behind.see(200, drawers(&["3/7", "4/1"]));
        assert_eq!(behind.settled(), 0);
        behind.see(300, drawers(&["4/1"]));
        assert_eq!(behind.settled(), 100);
        let extent = behind.extent(reached(90), false);
        behind.learn(&extent, &[], 10);
        assert_eq!((behind.floors.at(5), behind.floors.at(4)), (90, 0));
    }

    #[test]
    fn what_runs_behind_the_floor_is_watched_until_it_is_gone() {
        let mut behind = Behind::default();
        behind.see(100, HashSet::new());
        let extent = behind.extent(reached(90), false);
        behind.learn(&extent, &[Sighting { place: (5, 40), is_free: false }], 10);
        assert_eq!((behind.floors.at(5), behind.late(10).len()), (90, 0));
        let extent = behind.extent(reached(95), false);
        assert_eq!((extent.from.at(5), &extent.watched[..]), (90, &[(5, 40)][..]));
        behind.learn(&extent, &[Sighting { place: (5, 40), is_free: true }], 10);
        assert_eq!(behind.late(10), [(5, 40)]);
        behind.claimed([(5, 40)].into_iter());
        assert_eq!(behind.late(10), []);
        let extent = behind.extent(reached(95), false);
        assert_eq!(extent.watched, [(5, 40)]);
        behind.learn(&extent, &[], 10);
        assert!(behind.extent(reached(95), false).watched.is_empty());
    }

    #[test]
    fn what_is_told_of_far_behind_is_asked_for_by_its_place() {
        let mut behind = Behind::default();
        assert!(!behind.tell(5, 7));
        behind.see(100, HashSet::new());
        assert!(behind.tell(5, 7) && !behind.tell(5, 101));
        assert_eq!(behind.late(10), [(5, 7)]);
        for _ in 0..MISSES_MAX {
            let extent = behind.extent(reached(95), false);
            behind.learn(&extent, &[], 10);
            // Not visible yet.
            assert_eq!(behind.late(10), [(5, 7)]);
        }
        let extent = behind.extent(reached(95), false);
        behind.learn(&extent, &[], 10);
        assert_eq!(behind.late(10), []);
    }

    #[test]
    fn a_survey_that_was_full_is_followed_from_where_it_ended() {
        let mut behind = Behind::default();
        behind.see(100, HashSet::new());
        let extent = behind.extent(reached(90), false);
        let found = [3, 4].map(|seq| Sighting { place: (5, seq), is_free: false });
        behind.learn(&extent, &found, 2);
        assert_eq!((behind.floors.at(5), behind.floors.at(0)), (4, 0));
    }
}
