//! The end of a schedule: everything still on its way arrives, and then everything must be right.

use std::sync::Arc;
use std::time::Duration;

use super::database::{State, open};
use super::world::{Polling, World, note};
use crate::coherence::Doubt;
use crate::gate::Need;
use crate::lookup::Lookup;

impl World<'_> {
    pub(super) fn settle(&mut self) {
        note!(self, "everything settles");
        self.finish_transactions();
        self.follow();
        while let Some(flight) = self.flights.pop() {
            self.flights.push(flight);
            let last = self.flights.len() - 1;
            if self.flights[last].answered.is_none() {
                self.answer_flight(last);
            }
            if let Some(flight) = self.flights.pop() {
                self.store_flight(flight);
            }
        }
        while !self.readers.is_empty() {
            self.finish_read();
        }
        self.compare();
        if self.violation.is_none() {
            self.prove_use();
        }
        self.polls.clear();
        let _ = self.cache.close(Doubt::Stream);
        let left = self.cache.statistics();
        if (left.entries, left.tags, left.bytes, left.fills, left.log_records) != (0, 0, 0, 0, 0) {
            self.fail(format!("something is left of a closed epoch: {left:?}"));
        }
    }

    fn finish_transactions(&mut self) {
        for number in 0..self.database.transactions.len() {
            if self.database.transactions[number].state == State::Running {
                self.database.record(number);
            }
            if open(&self.database.transactions[number]) {
                self.database.reveal(number);
            }
            if self.database.transactions[number].state == State::Visible {
                self.database.transactions[number].state = State::Acknowledged { at: self.now.0 };
            }
        }
        self.database.flushed = self.database.insert;
    }

    /// The stream catches up. Telling of a new schema ends an epoch, so this may take some rounds.
    fn follow(&mut self) {
        for _ in 0..200 {
            self.now.0 += 1;
            match self.stream {
                Some(next) if next < self.database.log.len() => self.deliver(),
                _ if self.reopening.is_some() => self.reopen(),
                _ => break,
            }
        }
        self.keepalive();
        if self.reopening.is_some() {
            self.fail("the stream could not be followed to its end");
        }
    }

    /// Every entry equals the database.
    fn compare(&mut self) {
        let mut entries = 0;
        self.queries.sort_unstable();
        self.queries.dedup();
        for query in self.queries.clone() {
            if let Some((value, _)) = self.cache.entry(&self.prepared.keys[query]) {
                entries += 1;
                self.check("at rest", query, value, self.database.visible);
            }
        }
        let statistics = self.cache.statistics();
        if statistics.entries != entries {
            self.fail(format!("{} entries in the store, {entries} found", statistics.entries));
        }
    }

    /// Safe is not enough: what is asked for now is stored, found, and nothing is remembered for nobody.
    fn prove_use(&mut self) {
        self.now.0 += 1;
        let poll = self.cache.poll(self.now);
        let answered = Some((self.database.insert, self.database.snapshot()));
        self.polled(Polling { poll: Some(poll), answered });
        let query = self.queries[0];
        self.begin_flight(query);
        self.answer_flight(0);
        let Some(flight) = self.flights.pop() else { return };
        let storable = flight.storable;
        // The tiny cache may prefer what is asked for more often.
        if !Arc::ptr_eq(&self.cache, &self.prepared.caches[0]) {
            return;
        }
        if self.store_flight(flight) != storable {
            return self.fail("at rest an answer was not stored");
        }
        let found =
            self.cache.lookup(&self.prepared.keys[query], Need::within(self.now, Duration::ZERO), self.now);
        match found {
            Lookup::Hit { .. } if storable => {}
            Lookup::Miss if !storable => {}
            other => self.fail(format!("at rest a lookup gave {other:?}")),
        }
        let left = self.cache.statistics();
        if (left.log_records, left.log_bytes, left.fills) != (0, 0, 0) {
            self.fail(format!("at rest the log holds {} transactions", left.log_records));
        }
    }
}
