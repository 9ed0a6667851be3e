//! Writers: their transactions run, are recorded, become visible, and are acknowledged.

use super::database::{State, TRANSACTIONS_MAX, open};
use super::world::{World, note};
use crate::rules::Rule;

impl World<'_> {
    pub(super) fn begin_transaction(&mut self) {
        let running = self.database.transactions.iter().filter(|t| open(t)).count();
        if running < 4 && self.database.transactions.len() < TRANSACTIONS_MAX {
            let begun = self.database.begin(&mut self.random);
            self.note_begun(begun);
        }
    }

    pub(super) fn redefine_view(&mut self) {
        if self.database.transactions.len() < TRANSACTIONS_MAX {
            let begun = self.database.redefine(&mut self.random);
            self.note_begun(begun);
        }
    }

    fn note_begun(&mut self, begun: Option<usize>) {
        if let Some(number) = begun {
            let transaction = &self.database.transactions[number];
            let through = if transaction.through_node { " through this node" } else { "" };
            note!(self, "T{number} (xid {}) runs{through}: {:?}", transaction.xid, transaction.writes);
        }
    }

    pub(super) fn record(&mut self) {
        let running = |t: &_| matches!(t, super::database::Transaction { state: State::Running, .. });
        if let Some(number) = self.random.position(&self.database.transactions, running) {
            self.database.record(number);
            note!(self, "T{number} is recorded, ending at {}", self.database.insert);
            if self.random.one_in(3) {
                self.reveal();
            }
        }
    }

    pub(super) fn abort(&mut self) {
        let running = |t: &super::database::Transaction| t.state == State::Running;
        if let Some(number) = self.random.position(&self.database.transactions, running) {
            self.database.abort(number);
            note!(self, "T{number} is rolled back");
        }
    }

    pub(super) fn reveal(&mut self) {
        let recorded = |t: &super::database::Transaction| t.state == State::Recorded;
        if let Some(number) = self.random.position(&self.database.transactions, recorded) {
            self.database.reveal(number);
            note!(self, "T{number} is visible");
            if self.random.one_in(3) {
                self.acknowledge();
            }
        }
    }

    /// A write through this node is acknowledged when the stream has told of it; or earlier, behind a raised
    /// floor.
    pub(super) fn acknowledge(&mut self) {
        let visible = |t: &super::database::Transaction| t.state == State::Visible;
        let Some(number) = self.random.position(&self.database.transactions, visible) else { return };
        if self.database.transactions[number].through_node {
            if self.cache.position() >= self.database.transactions[number].end {
                self.cache.note_write(self.now);
            } else if self.random.one_in(2) {
                return;
            } else {
                self.cache.raise_floor(self.now);
                note!(self, "the floor rises");
            }
        }
        self.database.transactions[number].state = State::Acknowledged { at: self.now.0 };
        note!(self, "T{number} is acknowledged");
    }

    /// The log is flushed; or grows by something that is none of ours.
    pub(super) fn flush(&mut self) {
        if self.random.one_in(3) {
            self.database.insert.0 += 7;
        } else {
            self.database.flushed = self.database.insert;
        }
        note!(self, "the log ends at {}, flushed up to {}", self.database.insert, self.database.flushed);
    }

    /// A table joins the publication. What was open at that moment, or recorded before, is not told.
    pub(super) fn join_publication(&mut self) {
        let Some(table) = self.published.iter().position(|published| !published) else { return };
        self.published[table] = true;
        for transaction in &mut self.database.transactions {
            transaction.unstreamed[table] |= match transaction.state {
                State::Running => self.random.one_in(2),
                _ => true,
            };
        }
        note!(self, "table {table} joins the publication");
        self.close(crate::coherence::Doubt::Schema);
    }

    pub(super) fn rule(&self, rule: Rule) -> bool {
        self.prepared.rules.on(rule)
    }
}
