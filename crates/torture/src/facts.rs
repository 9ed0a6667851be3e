//! The oracle for what is so or is not: memberships, the rows of a junction, a policy, a grant.
//!
//! One writer owns each fact, so its changes are in order. A change whose outcome is not known (the
//! connection broke) may or may not have come about, until the next one that was acknowledged.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::ledger::{Demand, Way};

/// What is so or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fact {
    /// The person is a member of the group, whose docs it may see.
    Member(i64, i64),
    /// The item wears the label.
    Wears(i64, i64),
    /// The desk stands in the second room.
    Moved(i64),
    /// The policy hides the docs whose number ends, in base eight, in 4 or more.
    Hidden,
    /// The anonymous role may read `scratch`.
    Granted,
}

impl Fact {
    /// The stated exception of the promise: grants are noticed within a second, by strict readers at once.
    fn bound(self, asked: Duration) -> Duration {
        match self {
            Fact::Granted if !asked.is_zero() => asked.max(Duration::from_secs(1)),
            _ => asked,
        }
    }

    /// How it is before anybody changes it.
    pub(crate) fn at_first(self) -> bool {
        match self {
            Fact::Member(person, group) => person != group,
            Fact::Wears(item, label) => (item + label) % 2 == 0,
            Fact::Moved(desk) => desk % 2 == 1,
            Fact::Hidden => false,
            Fact::Granted => true,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Change {
    acknowledged: Option<Instant>,
    holds: bool,
    way: Way,
}

/// Every change of every fact.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    changes: Mutex<HashMap<Fact, Vec<Change>>>,
}

impl Facts {
    /// Somebody is about to change it.
    pub(crate) fn starts(&self, fact: Fact, holds: bool, way: Way) {
        let change = Change { acknowledged: None, holds, way };
        self.changes.lock().entry(fact).or_default().push(change);
    }

    /// The change that started last was acknowledged just now.
    pub(crate) fn acknowledged(&self, fact: Fact) {
        if let Some(change) = self.changes.lock().get_mut(&fact).and_then(|changes| changes.last_mut()) {
            change.acknowledged = Some(Instant::now());
        }
    }

    /// How it is, or was last meant to be.
    pub(crate) fn holds(&self, fact: Fact) -> bool {
        let changes = self.changes.lock();
        changes.get(&fact).and_then(|list| list.last()).map_or(fact.at_first(), |last| last.holds)
    }

    /// Whether an answer that ended just now may show it so; else why not.
    pub(crate) fn judge(&self, fact: Fact, shown: bool, demand: &Demand) -> Option<String> {
        let demand = Demand { bound: fact.bound(demand.bound), ..*demand };
        let changes = self.changes.lock();
        let list = changes.get(&fact).map_or(&[][..], Vec::as_slice);
        let known = |change: &Change| {
            change.acknowledged.filter(|acknowledged| demand.covers(*acknowledged, change.way))
        };
        let last = list.iter().rposition(|change| known(change).is_some());
        let base = last.map_or(fact.at_first(), |at| list[at].holds);
        let later = &list[last.map_or(0, |at| at + 1)..];
        if base == shown || later.iter().any(|change| change.holds == shown) {
            return None;
        }
        let when = last.and_then(|at| Some((list[at].way, demand.began - known(&list[at])?)));
        Some(format!(
            "{fact:?} shown as {shown}, but {base} was acknowledged {} and not changed since",
            when.map_or("at the start".to_owned(), |(way, age)| format!(
                "({way:?}) {age:?} before the request"
            ))
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(bound_ms: u64) -> Demand {
        Demand { began: Instant::now(), bound: Duration::from_millis(bound_ms), node: 0 }
    }

    #[test]
    fn a_revoked_membership_must_not_show_after_the_bound() {
        let (facts, fact) = (Facts::default(), Fact::Member(1, 2));
        facts.starts(fact, false, Way::Around);
        assert!(facts.judge(fact, true, &demand(0)).is_none());
        assert!(facts.judge(fact, false, &demand(0)).is_none());
        facts.acknowledged(fact);
        assert!(facts.judge(fact, true, &demand(0)).is_some());
        assert!(facts.judge(fact, true, &demand(1000)).is_none());
        facts.starts(fact, true, Way::Around);
        assert!(facts.judge(fact, true, &demand(0)).is_none());
        assert!(facts.judge(Fact::Member(3, 3), true, &demand(1000)).is_some());
    }
}
