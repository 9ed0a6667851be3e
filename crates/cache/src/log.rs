//! The applied transactions that a fill may still be blind to.
//!
//! A commit reaches the write-ahead log before new snapshots see it. So a transaction that was applied
//! stays here until no fill can any longer arrive with a snapshot from before it became visible: until
//! some snapshot saw it *and* every fill in flight began after that snapshot was received. Two orders make
//! both questions cheap: those seen by nobody yet, and those seen, in the order in which they were.

use std::collections::VecDeque;

use pg::{Snapshot, Xid};

use crate::read_set::ReadSet;
use crate::rules::{Rule, Rules};
use crate::tag::Hashing;
use crate::touch::Touched;

/// A point in the order in which fills began and snapshots were received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sequence(pub(crate) u64);

/// An applied transaction.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) xid: Xid,
    pub(crate) applied: Sequence,
    pub(crate) changes: Box<[Touched]>,
}

/// What the limits pushed out, and what must be refused from now on to make up for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Forgotten {
    /// Some snapshot received at that point saw it: only fills that began before may be blind to it.
    Seen(Sequence),
    /// Nobody is known to have seen it.
    Unseen(Xid),
}

/// The log of applied transactions.
#[derive(Debug, Default)]
pub(crate) struct Log {
    unseen: VecDeque<Record>,
    /// In order of the point at which the first snapshot that saw them was received.
    seen: VecDeque<(Sequence, Record)>,
    bytes: usize,
}

impl Log {
    pub(crate) fn push(&mut self, record: Record) {
        self.bytes += record.bytes();
        self.unseen.push_back(record);
    }

    /// A snapshot was received at `now`: what it sees, every later snapshot sees.
    pub(crate) fn received(&mut self, snapshot: &Snapshot, now: Sequence) {
        // Once around the queue: each is taken from the front and, if still unseen, put at the end.
        for _ in 0..self.unseen.len() {
            let Some(record) = self.unseen.pop_front() else { break };
            if snapshot.sees(record.xid) {
                self.seen.push_back((now, record));
            } else {
                self.unseen.push_back(record);
            }
        }
    }

    /// Forgets what every fill in flight sees; `oldest` is where the first of them began.
    pub(crate) fn prune(&mut self, oldest: Option<Sequence>) {
        while let Some((seen, _)) = self.seen.front()
            && oldest.is_none_or(|oldest| *seen < oldest)
        {
            self.forget_seen();
        }
    }

    /// Forgets one transaction more than the rules allow, the one that costs least.
    pub(crate) fn overflow(&mut self) -> Option<Forgotten> {
        if let Some(seen) = self.forget_seen() {
            return Some(Forgotten::Seen(seen));
        }
        let record = self.unseen.pop_front()?;
        self.bytes -= record.bytes();
        Some(Forgotten::Unseen(record.xid))
    }

    /// Whether a logged transaction touches what a fill read without being visible to it.
    pub(crate) fn conflicts(
        &self,
        began: Sequence,
        snapshot: &Snapshot,
        reads: &ReadSet,
        hashing: &Hashing,
        rules: &Rules,
    ) -> bool {
        // What was seen by a snapshot received before the fill began is visible to it.
        let blind = self.seen.iter().rev().take_while(|(seen, _)| *seen >= began).map(|(_, record)| record);
        self.unseen.iter().chain(blind).any(|record| {
            let missed = match rules.on(Rule::Visibility) {
                true => !snapshot.sees(record.xid),
                false => record.applied > began,
            };
            missed && record.changes.iter().any(|change| reads.touched_by(change, hashing, rules))
        })
    }

    /// Reads the ids anew, once a full id near them is known.
    pub(crate) fn widen(&mut self, near: Xid) {
        for record in self.unseen.iter_mut().chain(self.seen.iter_mut().map(|(_, record)| record)) {
            record.xid = Xid::widen(record.xid.0 as u32, near);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Log::default();
    }

    pub(crate) fn len(&self) -> usize {
        self.unseen.len() + self.seen.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget_seen(&mut self) -> Option<Sequence> {
        let (seen, record) = self.seen.pop_front()?;
        self.bytes -= record.bytes();
        Some(seen)
    }
}

impl Record {
    fn bytes(&self) -> usize {
        size_of::<Record>() + self.changes.iter().map(Touched::bytes).sum::<usize>()
    }
}
