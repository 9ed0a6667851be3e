//! What the hit path asks before it looks into the store: atomics, no lock.
//!
//! The order is the point: a reader takes its pass first and the entry second. Whatever the pass proves to
//! have been applied had then been dropped from the store before the entry was read. The other way round,
//! a transaction applied in between would leave the reader with the old entry and the new proof.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pg::Lsn;

use crate::moment::Moment;
use crate::rules::{Rule, Rules};

/// What an answer must not miss, besides the writes that this node has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// When the request arrived.
    pub start: Moment,
    /// Transactions acknowledged longer than this before `start`; zero: all acknowledged before it.
    pub bound: Duration,
    /// Transactions whose commit ends at this position of the log, or before.
    pub position: Lsn,
}

impl Need {
    /// Misses nothing acknowledged more than `bound` before `start`.
    pub fn within(start: Moment, bound: Duration) -> Need {
        Need { start, bound, position: Lsn(0) }
    }
}

/// Why the cache must not be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Bypass {
    /// There is no epoch: the stream is down, or the schema is being read anew.
    #[error("closed")]
    Closed,
    /// The stream is further behind than the reader needs it to be.
    #[error("behind")]
    Behind,
    /// A write was acknowledged that the stream has not told of yet.
    #[error("write")]
    Write,
}

/// The state that readers see.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// The epoch's number; zero while closed.
    epoch: AtomicU64,
    proven: AtomicU64,
    floor: AtomicU64,
    written: AtomicU64,
    position: AtomicU64,
}

/// Leave to use entries of an epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub(crate) epoch: u64,
}

impl Gate {
    pub(crate) fn pass(&self, need: Need, rules: &Rules) -> Result<Pass, Bypass> {
        let epoch = self.epoch.load(Ordering::Acquire);
        if epoch == 0 {
            return Err(Bypass::Closed);
        }
        let proven = self.proven();
        if rules.on(Rule::Gate) && (proven == Moment::default() || need.start.since(proven) > need.bound) {
            return Err(Bypass::Behind);
        }
        if rules.on(Rule::Position) && self.position() < need.position {
            return Err(Bypass::Behind);
        }
        if rules.on(Rule::WriteFloor) && proven < self.floor() {
            return Err(Bypass::Write);
        }
        Ok(Pass { epoch })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.epoch.load(Ordering::Acquire) != 0
    }

    pub(crate) fn proven(&self) -> Moment {
        Moment(self.proven.load(Ordering::Acquire))
    }

    pub(crate) fn floor(&self) -> Moment {
        Moment(self.floor.load(Ordering::Acquire))
    }

    pub(crate) fn written(&self) -> Moment {
        Moment(self.written.load(Ordering::Acquire))
    }

    pub(crate) fn position(&self) -> Lsn {
        Lsn(self.position.load(Ordering::Acquire))
    }

    pub(crate) fn raise_floor(&self, at: Moment) {
        self.floor.fetch_max(at.0, Ordering::AcqRel);
    }

    pub(crate) fn note_write(&self, at: Moment) {
        self.written.fetch_max(at.0, Ordering::AcqRel);
    }

    #[cfg(any(test, feature = "simulate"))]
    pub(crate) fn restart_clock(&self) {
        self.floor.store(0, Ordering::Release);
        self.written.store(0, Ordering::Release);
    }

    /// Only under the lock, and after whatever `proven` and `position` promise was done.
    pub(crate) fn show(&self, epoch: u64, proven: Moment, position: Lsn) {
        if epoch == 0 {
            self.epoch.store(0, Ordering::Release);
        }
        self.proven.store(proven.0, Ordering::Release);
        self.position.store(position.0, Ordering::Release);
        if epoch != 0 {
            self.epoch.store(epoch, Ordering::Release);
        }
    }
}

/// Whether a request may share the answer of a query sent at `sent`.
///
/// It may if nothing that its own answer must contain can be missing: neither what was acknowledged more
/// than its bound before it, nor a write that this node acknowledged, the last one at `written`. A write
/// noted in the very microsecond of the sending may have come after it. What lies below a position may have
/// been acknowledged, elsewhere, at any moment before the request.
pub(crate) fn may_join(sent: Moment, need: Need, written: Moment) -> bool {
    let bound = if need.position > Lsn(0) { Duration::ZERO } else { need.bound };
    need.start.since(sent) <= bound && sent > written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_before_the_first_proof() {
        let gate = Gate::default();
        let need = |start| Need::within(Moment(start), Duration::from_micros(100));
        let pass = |start| gate.pass(need(start), &Rules::default());
        assert_eq!(pass(1).unwrap_err(), Bypass::Closed);
        gate.show(1, Moment(0), Lsn(1));
        assert_eq!(pass(1).unwrap_err(), Bypass::Behind);
        gate.show(1, Moment(10), Lsn(2));
        assert!(pass(1).is_ok());
        assert!(pass(110).is_ok());
        assert_eq!(pass(111).unwrap_err(), Bypass::Behind);
        gate.raise_floor(Moment(11));
        assert_eq!(pass(20).unwrap_err(), Bypass::Write);
        gate.show(1, Moment(11), Lsn(3));
        assert!(pass(20).is_ok());
        let until = |position| gate.pass(Need { position: Lsn(position), ..need(20) }, &Rules::default());
        assert!(until(3).is_ok());
        assert_eq!(until(4).unwrap_err(), Bypass::Behind);
    }

    #[test]
    fn a_request_joins_a_flight_only_within_its_bound_and_after_the_last_write() {
        let join = |sent, start, bound, written| {
            let need = Need::within(Moment(start), Duration::from_micros(bound));
            let after = Need { position: Lsn(9), ..need };
            // Who brings a position joins only what was sent after it came.
            assert!(!may_join(Moment(sent), after, Moment(written)) || sent >= start);
            may_join(Moment(sent), need, Moment(written))
        };
        assert!(join(100, 150, 50, 0));
        assert!(!join(99, 150, 50, 0));
        assert!(join(200, 150, 0, 0));
        assert!(!join(149, 150, 0, 0));
        assert!(!join(140, 150, 50, 140));
        assert!(join(141, 150, 50, 140));
    }
}
