//! A model of PostgreSQL, as far as coherence depends on it.
//!
//! A transaction runs, is recorded in the log, becomes visible to new snapshots, and is acknowledged: four
//! steps, any time apart. Rows are locked until their writer has ended, so that the versions of one row are
//! ordered; transactions on different rows may become visible in another order than they were recorded in.
//! Snapshots are made as `GetSnapshotData` makes them.

use pg::{Lsn, Snapshot, Xid};

use super::random::Random;

pub(super) const TABLES: usize = 2;
pub(super) const SLOTS: usize = 3;

/// A set of transactions, by number.
pub(super) type Set = u64;

/// More than this many transactions do not run in one schedule.
pub(super) const TRANSACTIONS_MAX: usize = 24;

/// A row of a table; slot `i` holds the key `2i` or `2i + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: u8,
    /// Zero stands for null.
    pub(super) a: u8,
    pub(super) b: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Recorded,
    Visible,
    Acknowledged { at: u64 },
    Aborted,
}

/// What a transaction did, as the log will tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// `untold` has a bit for each of `a` and `b` that is unchanged and stored out of line.
    Row {
        table: usize,
        slot: usize,
        old: Option<Row>,
        new: Option<Row>,
        untold: u8,
    },
    Truncate {
        table: usize,
    },
    /// The view reads the other table from now on.
    Redefine,
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) xid: Xid,
    pub(super) state: State,
    pub(super) writes: Vec<Write>,
    /// Its client is this node.
    pub(super) through_node: bool,
    /// `synchronous_commit = off`: visible and acknowledged without having been flushed.
    pub(super) asynchronous: bool,
    pub(super) end: Lsn,
    /// By table: the stream does not tell of its changes, since it was open when the stream, or the table's
    /// part in it, began.
    pub(super) unstreamed: [bool; TABLES],
}

#[derive(Debug)]
struct Version {
    by: usize,
    row: Option<Row>,
}

#[derive(Debug, Default)]
pub(super) struct Database {
    initial: [[Option<Row>; SLOTS]; TABLES],
    versions: [[Vec<Version>; SLOTS]; TABLES],
    pub(super) transactions: Vec<Transaction>,
    /// The recorded transactions in the order of the log.
    pub(super) log: Vec<usize>,
    next_xid: u64,
    completed: u64,
    pub(super) insert: Lsn,
    pub(super) flushed: Lsn,
    pub(super) visible: Set,
}

impl Database {
    pub(super) fn restart(&mut self, random: &mut Random) {
        for table in 0..TABLES {
            for slot in 0..SLOTS {
                self.versions[table][slot].clear();
                self.initial[table][slot] = (!random.one_in(3)).then(|| some_row(slot, random));
            }
        }
        self.transactions.clear();
        self.log.clear();
        // Near the end of 32 bits, so that widening matters.
        self.next_xid = (1 << 32) - 4 + random.below(8) as u64;
        self.completed = self.next_xid - 1;
        self.insert = Lsn(1000);
        self.flushed = self.insert;
        self.visible = 0;
    }

    /// Begins a transaction with one to three writes; none if everything it wants is locked.
    pub(super) fn begin(&mut self, random: &mut Random) -> Option<usize> {
        let by = self.transactions.len();
        let mut writes = Vec::new();
        for _ in 0..=random.below(3) {
            writes.extend(self.write(by, random));
        }
        self.add(writes, random)
    }

    /// Begins a transaction that redefines the view, unless another is doing so.
    pub(super) fn redefine(&mut self, random: &mut Random) -> Option<usize> {
        let busy = |t: &Transaction| open(t) && t.writes.contains(&Write::Redefine);
        if self.transactions.iter().any(busy) {
            return None;
        }
        self.add(vec![Write::Redefine], random)
    }

    fn add(&mut self, writes: Vec<Write>, random: &mut Random) -> Option<usize> {
        if writes.is_empty() {
            return None;
        }
        let xid = self.assign();
        self.transactions.push(Transaction {
            xid,
            state: State::Running,
            writes,
            through_node: random.one_in(3),
            asynchronous: random.one_in(4),
            end: Lsn(0),
            unstreamed: [false; TABLES],
        });
        Some(self.transactions.len() - 1)
    }

    fn write(&mut self, by: usize, random: &mut Random) -> Option<Write> {
        let table = random.below(TABLES);
        if random.one_in(16) && (0..SLOTS).all(|slot| self.free(table, slot, by)) {
            self.versions[table].iter_mut().for_each(|slot| slot.push(Version { by, row: None }));
            return Some(Write::Truncate { table });
        }
        let slot = random.below(SLOTS);
        if !self.free(table, slot, by) {
            return None;
        }
        let old = self.versions[table][slot].last().map_or(self.initial[table][slot], |last| last.row);
        let new = match old {
            None => Some(some_row(slot, random)),
            Some(_) if random.one_in(4) => None,
            Some(old) => Some(changed(old, slot, random)),
        };
        let mut untold = random.next() as u8 & 3;
        match (old, new) {
            (Some(old), Some(new)) => {
                untold &= u8::from(old.a == new.a) | u8::from(old.b == new.b) << 1;
            }
            _ => untold = 0,
        }
        self.versions[table][slot].push(Version { by, row: new });
        Some(Write::Row { table, slot, old, new, untold })
    }

    fn free(&self, table: usize, slot: usize, by: usize) -> bool {
        let last = self.versions[table][slot].last();
        last.is_none_or(|last| last.by == by || !open(&self.transactions[last.by]))
    }

    /// Assigns an id to nobody in particular: a transaction that has ended by the time this returns.
    pub(super) fn burn(&mut self) -> Xid {
        let xid = self.assign();
        self.completed = self.completed.max(xid.0);
        xid
    }

    fn assign(&mut self) -> Xid {
        self.next_xid += 1;
        Xid(self.next_xid - 1)
    }

    pub(super) fn record(&mut self, transaction: usize) {
        self.insert.0 += 10;
        let end = self.insert;
        let recorded = &mut self.transactions[transaction];
        recorded.state = State::Recorded;
        recorded.end = end;
        self.log.push(transaction);
    }

    pub(super) fn abort(&mut self, transaction: usize) {
        self.transactions[transaction].state = State::Aborted;
        self.completed = self.completed.max(self.transactions[transaction].xid.0);
        for slot in self.versions.iter_mut().flatten() {
            while slot.last().is_some_and(|last| last.by == transaction) {
                slot.pop();
            }
        }
    }

    /// The end of a commit. Unless it is asynchronous, it waits for the log to be flushed.
    pub(super) fn reveal(&mut self, transaction: usize) {
        let revealed = &mut self.transactions[transaction];
        revealed.state = State::Visible;
        self.completed = self.completed.max(revealed.xid.0);
        self.visible |= 1 << transaction;
        if !revealed.asynchronous {
            self.flushed = self.flushed.max(revealed.end);
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let xmax = self.completed + 1;
        let running = self.transactions.iter().filter(|t| open(t) && t.xid.0 < xmax).map(|t| t.xid);
        let in_progress: Box<[Xid]> = running.collect();
        let xmin = in_progress.first().copied().unwrap_or(Xid(xmax));
        Snapshot { xmin, xmax: Xid(xmax), in_progress }
    }

    /// The row in a slot, for a snapshot that sees `seen`.
    pub(super) fn row(&self, table: usize, slot: usize, seen: Set) -> Option<Row> {
        let versions = &self.versions[table][slot];
        let last = versions.iter().rev().find(|version| seen >> version.by & 1 == 1);
        last.map_or(self.initial[table][slot], |version| version.row)
    }

    /// The table that the view reads, for a snapshot that sees `seen`.
    pub(super) fn view(&self, seen: Set) -> usize {
        let redefined = |(number, t): &(usize, &Transaction)| {
            seen >> number & 1 == 1 && t.writes.contains(&Write::Redefine)
        };
        self.transactions.iter().enumerate().filter(redefined).count() % TABLES
    }
}

/// Whether a transaction is in progress as far as snapshots can tell.
pub(super) fn open(transaction: &Transaction) -> bool {
    matches!(transaction.state, State::Running | State::Recorded)
}

fn some_row(slot: usize, random: &mut Random) -> Row {
    Row { key: (2 * slot + random.below(2)) as u8, a: random.below(3) as u8, b: 1 + random.below(2) as u8 }
}

fn changed(old: Row, slot: usize, random: &mut Random) -> Row {
    let other = some_row(slot, random);
    match random.below(4) {
        0 => Row { a: other.a, ..old },
        1 => Row { b: other.b, ..old },
        2 => Row { key: other.key, ..old },
        _ => other,
    }
}
