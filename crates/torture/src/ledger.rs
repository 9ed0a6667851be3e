//! The oracle for versions: what was acknowledged, when, and how; and whether an answer may miss it.
//!
//! An acknowledgement is noted after COMMIT returned and a request's beginning before it is sent, both on
//! this process's clock: whatever the ledger says was missed, was missed. It never looks into the database
//! but after a crash, when what was never flushed is forgotten.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A table and a key in it; for `visits`, a group, and the version is the number of its rows.
pub(crate) type RowKey = (&'static str, i64);

/// The way a write took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Straight to PostgreSQL.
    Around,
    /// The same with `synchronous_commit = off`: a crash may undo it.
    Lossy,
    /// Through the node of that number.
    Through(usize),
}

/// What an answer is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// Before the request was sent.
    pub(crate) began: Instant,
    /// What was acknowledged longer ago than this must be in the answer.
    pub(crate) bound: Duration,
    /// The node that was asked: what was acknowledged through it has no bound.
    pub(crate) node: usize,
}

impl Demand {
    /// Whether a write acknowledged then, that way, must be seen.
    pub(crate) fn covers(&self, at: Instant, way: Way) -> bool {
        let bound = if way == Way::Through(self.node) { Duration::ZERO } else { self.bound };
        at + bound < self.began
    }
}

#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    at: Instant,
    version: i64,
    way: Way,
}

/// Ascending in time and in version: an acknowledgement of less than is known says nothing.
#[derive(Debug, Default)]
struct History {
    all: Vec<Acknowledged>,
    /// Those through each node.
    through: HashMap<usize, Vec<Acknowledged>>,
    /// The highest that no crash may undo.
    durable: i64,
}

impl History {
    fn note(&mut self, entry: Acknowledged) {
        let higher = |list: &[Acknowledged]| list.last().is_none_or(|last| last.version < entry.version);
        if higher(&self.all) {
            self.all.push(entry);
        }
        if let Way::Through(node) = entry.way {
            let list = self.through.entry(node).or_default();
            if higher(list) {
                list.push(entry);
            }
        }
        if entry.way != Way::Lossy {
            self.durable = self.durable.max(entry.version);
        }
    }

    /// The earliest acknowledged version that an answer with this one misses.
    fn missed(list: &[Acknowledged], version: i64) -> Option<&Acknowledged> {
        list.get(list.partition_point(|entry| entry.version <= version))
    }
}

/// What the ledger says of a row that was shown.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// How long before the request the first thing that is missing had been acknowledged.
    pub(crate) staleness: Duration,
    /// Why that is too long.
    pub(crate) violation: Option<String>,
}

/// When each version of each row was acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: Mutex<HashMap<RowKey, History>>,
}

impl Ledger {
    /// A version was acknowledged just now.
    pub(crate) fn acknowledged(&self, key: RowKey, version: i64, way: Way) {
        let mut rows = self.rows.lock();
        rows.entry(key).or_default().note(Acknowledged { at: Instant::now(), version, way });
    }

    /// One row more was acknowledged just now, of those that are counted.
    pub(crate) fn counted(&self, key: RowKey, way: Way) {
        let mut rows = self.rows.lock();
        let history = rows.entry(key).or_default();
        let version = history.all.last().map_or(1, |last| last.version + 1);
        history.note(Acknowledged { at: Instant::now(), version, way });
    }

    /// Judges one row of an answer.
    pub(crate) fn judge(&self, key: RowKey, version: i64, demand: &Demand) -> Judged {
        let rows = self.rows.lock();
        let Some(history) = rows.get(&key) else { return Judged::default() };
        let own = history.through.get(&demand.node).map_or(&[][..], Vec::as_slice);
        let mut judged = Judged::default();
        for entry in [&history.all[..], own].iter().filter_map(|list| History::missed(list, version)) {
            judged.staleness = judged.staleness.max(demand.began.saturating_duration_since(entry.at));
            if judged.violation.is_none() && demand.covers(entry.at, entry.way) {
                let Acknowledged { at, version: known, way } = entry;
                judged.violation = Some(format!(
                    "{} {} shown as {version}, but {known} was acknowledged ({way:?}) {:?} before the request",
                    key.0,
                    key.1,
                    demand.began - *at
                ));
            }
        }
        judged
    }

    /// After a crash: what the database holds is the truth. Returns what it must not have lost.
    pub(crate) fn recover(&self, held: &[(RowKey, i64)]) -> Vec<String> {
        let (mut rows, at) = (self.rows.lock(), Instant::now());
        let mut lost = Vec::new();
        for &(key, version) in held {
            let history = rows.entry(key).or_default();
            if history.durable > version {
                let durable = history.durable;
                lost.push(format!("lost: {} {} is {version}, {durable} was acknowledged", key.0, key.1));
            }
            history.durable = version;
            history.all.retain(|entry| entry.version <= version);
            history.through.values_mut().for_each(|list| list.retain(|entry| entry.version <= version));
            history.note(Acknowledged { at, version, way: Way::Around });
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(bound_ms: u64, node: usize) -> Demand {
        Demand { began: Instant::now(), bound: Duration::from_millis(bound_ms), node }
    }

    #[test]
    fn what_was_acknowledged_before_the_bound_must_be_shown() {
        let ledger = Ledger::default();
        ledger.acknowledged(("items", 1), 3, Way::Around);
        let before = demand(0, 0);
        ledger.acknowledged(("items", 1), 4, Way::Around);
        assert!(ledger.judge(("items", 1), 2, &demand(0, 0)).violation.is_some());
        assert!(ledger.judge(("items", 1), 3, &before).violation.is_none());
        assert!(ledger.judge(("items", 1), 3, &demand(0, 0)).violation.is_some());
        assert!(ledger.judge(("items", 1), 3, &demand(1000, 0)).violation.is_none());
    }

    #[test]
    fn a_write_through_the_node_that_is_asked_has_no_bound() {
        let ledger = Ledger::default();
        ledger.acknowledged(("items", 1), 3, Way::Through(1));
        assert!(ledger.judge(("items", 1), 2, &demand(1000, 0)).violation.is_none());
        assert!(ledger.judge(("items", 1), 2, &demand(1000, 1)).violation.is_some());
    }

    #[test]
    fn a_crash_may_undo_what_was_never_flushed_and_nothing_else() {
        let ledger = Ledger::default();
        ledger.acknowledged(("items", 1), 3, Way::Around);
        ledger.acknowledged(("items", 1), 4, Way::Lossy);
        assert!(ledger.recover(&[(("items", 1), 3)]).is_empty());
        assert!(ledger.judge(("items", 1), 3, &demand(0, 0)).violation.is_none());
        assert_eq!(ledger.recover(&[(("items", 1), 2)]).len(), 1);
    }
}
