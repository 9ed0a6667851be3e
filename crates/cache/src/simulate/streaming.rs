//! The change stream, the polls, and what the simulated caller does between two epochs.

use pg::Transaction;

use super::database::{State, Write, open};
use super::query::change;
use super::world::{Polling, Reopening, World, note};
use crate::coherence::Doubt;
use crate::rules::Rule;

impl World<'_> {
    /// The stream tells of the next transaction, if its record has been flushed.
    pub(super) fn deliver(&mut self) {
        let Some(next) = self.stream else { return };
        let Some(&number) = self.database.log.get(next) else { return };
        let told = &self.database.transactions[number];
        if told.end > self.database.flushed {
            return;
        }
        self.stream = Some(next + 1);
        let changes = told.writes.iter().filter(|write| match **write {
            Write::Row { table, .. } | Write::Truncate { table } => {
                self.published[table] && !told.unstreamed[table]
            }
            Write::Redefine => told.unstreamed != [true; 2],
        });
        let transaction = Transaction {
            xid: told.xid.0 as u32,
            end: told.end,
            changes: changes.map(|write| change(write, &self.relations)).collect(),
            messages: Vec::new(),
        };
        self.cache.apply(&transaction);
        note!(self, "the stream tells of T{number}: {} changes", transaction.changes.len());
        if transaction.changes.iter().any(|change| matches!(change, pg::Change::Schema(_))) {
            self.close(Doubt::Schema);
        }
    }

    /// The stream tells how far it is.
    pub(super) fn keepalive(&mut self) {
        let Some(next) = self.stream else { return };
        let mut position = self.database.flushed;
        if let Some(&number) = self.database.log.get(next) {
            position.0 = position.0.min(self.database.transactions[number].end.0 - 1);
        }
        self.cache.advance(position);
        note!(self, "the stream is at {position}");
    }

    pub(super) fn disconnect(&mut self) {
        if self.stream.take().is_some() {
            note!(self, "the stream is lost");
            self.close(Doubt::Stream);
        }
    }

    pub(super) fn close(&mut self, doubt: Doubt) {
        let closing = self.cache.close(doubt);
        note!(self, "the epoch ends: {doubt:?}");
        self.reopening = Some(Reopening { closing, barrier: None, catalog: None });
    }

    /// One step towards the next epoch: a slot, an id assigned after it, a catalog that sees that id's
    /// predecessors ended, and the beginning.
    pub(super) fn reopen(&mut self) {
        let Some(mut reopening) = self.reopening.take() else { return };
        if self.stream.is_none() {
            self.stand();
        } else if reopening.barrier.is_none() {
            reopening.barrier = Some(self.database.burn());
            note!(self, "the barrier is xid {:?}", reopening.barrier);
        } else if reopening.catalog.is_none() {
            let snapshot = self.database.snapshot();
            if Some(snapshot.xmin) >= reopening.barrier || !self.rule(Rule::CatalogSeesChange) {
                let view = self.database.view(self.database.visible);
                reopening.catalog = Some((view, self.published));
                note!(self, "the catalog is read: the view reads table {view}");
            }
        } else if let (Some(barrier), Some(catalog)) = (reopening.barrier, reopening.catalog) {
            self.catalog = catalog;
            let position = self.cache.position();
            if !self.cache.open(reopening.closing, barrier, position) {
                self.fail("an epoch could not be opened");
            }
            note!(self, "an epoch begins at {position}");
            return;
        }
        self.reopening = Some(reopening);
    }

    /// A slot stands. Of what is open now, the stream may never tell.
    fn stand(&mut self) {
        self.database.flushed = self.database.insert;
        self.stream = Some(self.database.log.len());
        for transaction in &mut self.database.transactions {
            if transaction.state == State::Running && self.random.one_in(2) {
                transaction.unstreamed = [true; 2];
            }
        }
        self.cache.advance(self.database.insert);
        let open = self.database.transactions.iter().filter(|t| open(t)).count();
        note!(self, "a slot stands at {}, {open} transactions open", self.database.insert);
    }

    /// A step of a poll: begun, answered by the primary, arrived.
    pub(super) fn poll(&mut self) {
        let reached = self.polls.len();
        let chosen = self.random.below(reached + 1);
        if chosen == reached {
            if reached < 3 {
                self.polls.push(Polling { poll: Some(self.cache.poll(self.now)), answered: None });
                note!(self, "a poll begins");
                if self.random.one_in(2) {
                    self.answer_poll(reached);
                }
            }
        } else if self.polls[chosen].answered.is_none() {
            self.answer_poll(chosen);
        } else {
            let polling = self.polls.swap_remove(chosen);
            self.polled(polling);
        }
    }

    fn answer_poll(&mut self, chosen: usize) {
        let position = match self.rule(Rule::InsertPosition) {
            true => self.database.insert,
            false => self.database.flushed,
        };
        self.polls[chosen].answered = Some((position, self.database.snapshot()));
        note!(self, "a poll is answered: {position}");
        if self.random.one_in(2) {
            let polling = self.polls.swap_remove(chosen);
            self.polled(polling);
        }
    }

    pub(super) fn polled(&mut self, polling: Polling) {
        if let Polling { poll: Some(mut poll), answered: Some((position, snapshot)) } = polling {
            if !self.rule(Rule::MomentBeforePosition) {
                poll = self.cache.poll(self.now);
            }
            self.cache.polled(poll, position, &snapshot);
            note!(self, "a poll arrives: {position}; fresh {}", self.cache.fresh().0);
        }
    }
}
