//! How far the change stream was followed, and what moment that proves.
//!
//! The moment is noted *before* the server is asked for its insert position: whatever was acknowledged by
//! then lies below that position, so that having applied the position proves the moment. Not the flushed
//! position: a transaction with `synchronous_commit = off` is acknowledged before its record is flushed.

use std::collections::VecDeque;

use pg::Lsn;

use crate::moment::Moment;

/// The applied position and the answers to polls that it has not reached yet.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    position: Lsn,
    proven: Moment,
    /// Ascending in both.
    awaited: VecDeque<(Lsn, Moment)>,
}

impl Freshness {
    pub(crate) fn position(&self) -> Lsn {
        self.position
    }

    /// The latest moment such that everything acknowledged before it has been applied.
    pub(crate) fn proven(&self) -> Moment {
        self.proven
    }

    /// Everything up to `position` has been applied.
    pub(crate) fn advance(&mut self, position: Lsn) {
        self.position = self.position.max(position);
        while let Some(&(wanted, at)) = self.awaited.front()
            && wanted <= self.position
        {
            self.proven = self.proven.max(at);
            self.awaited.pop_front();
        }
    }

    /// The server was asked after `at` and answered `insert`.
    ///
    /// Of more than `limit` outstanding polls the newest takes the place of the one before it: the oldest
    /// is reached first, and makes room.
    pub(crate) fn polled(&mut self, at: Moment, insert: Lsn, limit: usize) {
        while self.awaited.back().is_some_and(|&(wanted, before)| wanted >= insert && before <= at) {
            self.awaited.pop_back();
        }
        let needless = self.awaited.back().is_some_and(|&(wanted, later)| later >= at || wanted > insert);
        if !needless {
            if self.awaited.len() >= limit.max(1) {
                self.awaited.pop_back();
            }
            self.awaited.push_back((insert, at));
        }
        self.advance(self.position);
    }

    /// A new epoch of the same stream: the position stays, the proof does not.
    pub(crate) fn doubt(&mut self) {
        self.proven = Moment::default();
        self.awaited.clear();
    }

    pub(crate) fn clear(&mut self) {
        *self = Freshness::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_proven_when_its_position_is_applied_and_not_before() {
        let mut freshness = Freshness::default();
        freshness.polled(Moment(10), Lsn(100), 8);
        freshness.polled(Moment(20), Lsn(200), 8);
        freshness.advance(Lsn(99));
        assert_eq!(freshness.proven(), Moment(0));
        freshness.advance(Lsn(100));
        assert_eq!(freshness.proven(), Moment(10));
        freshness.advance(Lsn(50));
        assert_eq!(freshness.position(), Lsn(100));
        freshness.advance(Lsn(300));
        assert_eq!(freshness.proven(), Moment(20));
        freshness.polled(Moment(30), Lsn(300), 8);
        assert_eq!(freshness.proven(), Moment(30));
    }

    #[test]
    fn outstanding_polls_are_bounded_and_late_answers_change_nothing() {
        let mut freshness = Freshness::default();
        for i in 1..100 {
            freshness.polled(Moment(i), Lsn(10 * i), 4);
        }
        assert!(freshness.awaited.len() <= 4);
        freshness.polled(Moment(50), Lsn(5000), 4);
        freshness.advance(Lsn(10));
        assert_eq!(freshness.proven(), Moment(1));
        freshness.advance(Lsn(990));
        assert_eq!(freshness.proven(), Moment(99));
    }
}
