//! Requests: fills, those who join them, and readers of the cache.

use std::time::Duration;

use super::database::{State, Transaction};
use super::world::{Flight, Reader, Value, World, note};
use crate::fill::Answer;
use crate::gate::Need;
use crate::lookup::Lookup;
use crate::rules::Rule;
use crate::store::Epoch;

/// The bounds that readers choose from, in microseconds: a step takes one or more.
const BOUNDS: [u64; 5] = [0, 3, 8, 20, 40];

impl World<'_> {
    /// A query is planned, and its fill begins before it is sent.
    pub(super) fn fill(&mut self) {
        if self.flights.len() < 4 {
            let query = self.random.pick(&self.queries);
            self.begin_flight(query);
            if self.random.one_in(2) {
                let flight = self.flights.len() - 1;
                self.answer_flight(flight);
                if let Some(flight) = self.flights.pop() {
                    self.store_flight(flight);
                }
            }
        }
    }

    pub(super) fn begin_flight(&mut self, query: usize) {
        let shape = self.prepared.queries[query];
        let (view, published) = self.catalog;
        let storable =
            published.iter().enumerate().all(|(t, published)| *published || !shape.reads_table(t, view));
        let fill = Some(self.cache.begin());
        let sent = self.now;
        self.flights.push(Flight { query, fill, sent, view, storable, answered: None, joined: Vec::new() });
        note!(self, "a fill of {shape:?} begins");
    }

    /// The database answers a query under a snapshot taken now; or an answer arrives but is not stored yet.
    pub(super) fn answer(&mut self) {
        if let Some(flight) = self.random.position(&self.flights, |flight| flight.answered.is_none()) {
            self.answer_flight(flight);
        } else if !self.flights.is_empty() {
            let flight = &self.flights[self.random.below(self.flights.len())];
            if let (Some(fill), Some((snapshot, ..))) = (&flight.fill, &flight.answered) {
                self.cache.received(fill, snapshot);
            }
        }
    }

    pub(super) fn answer_flight(&mut self, number: usize) {
        let flight = &self.flights[number];
        let (query, view) = (flight.query, flight.view);
        let shape = self.prepared.queries[query];
        let (snapshot, seen) = (self.database.snapshot(), self.database.visible);
        let value = Value { answer: shape.answer(&self.database, seen), seen };
        let reads = shape.reads(&self.database, seen, view, &self.prepared.rules);
        note!(self, "{shape:?} is answered under {snapshot:?}: {:#x}", value.answer);
        self.flights[number].answered = Some((snapshot, value, reads));
        for joiner in 0..self.flights[number].joined.len() {
            self.check("joined", query, value, self.flights[number].joined[joiner]);
        }
    }

    pub(super) fn cancel(&mut self) {
        if !self.flights.is_empty() {
            let flight = self.flights.swap_remove(self.random.below(self.flights.len()));
            note!(self, "the fill of {:?} is given up", self.prepared.queries[flight.query]);
        }
    }

    pub(super) fn store(&mut self) {
        if let Some(number) = self.random.position(&self.flights, |flight| flight.answered.is_some()) {
            let flight = self.flights.swap_remove(number);
            self.store_flight(flight);
        }
    }

    /// Whether it was stored.
    pub(super) fn store_flight(&mut self, flight: Flight) -> bool {
        let (Some(fill), Some((snapshot, value, reads)), true) =
            (flight.fill, flight.answered, flight.storable)
        else {
            return false;
        };
        let key = self.prepared.keys[flight.query];
        let answer = Answer { key, value, bytes: 100, snapshot, reads, at: self.now, ttl: None };
        let stored = self.cache.store(fill, answer);
        note!(self, "{:?} stored: {stored:?}", self.prepared.queries[flight.query]);
        stored.is_ok()
    }

    /// What a request that arrives now asks for: a bound, and sometimes the position of what it has seen.
    fn need(&mut self) -> Need {
        let bound = Duration::from_micros(self.random.pick(&BOUNDS));
        let mut need = Need::within(self.now, bound);
        if self.random.one_in(4) {
            let seen = |t: &&Transaction| matches!(t.state, State::Visible | State::Acknowledged { .. });
            let position = self.database.transactions.iter().filter(seen).map(|t| t.end).max();
            need.position = position.unwrap_or_default();
        }
        need
    }

    /// A request arrives and takes its first look: at the gate.
    pub(super) fn read(&mut self) {
        if self.readers.len() >= 4 {
            return;
        }
        let query = self.random.pick(&self.queries);
        let need = self.need();
        let required = self.required(need);
        let mut reader = Reader { query, need, required, pass: None, found: None };
        if self.rule(Rule::GateFirst) {
            let Ok(pass) = self.cache.pass(need) else { return };
            reader.pass = Some(pass);
        } else {
            let Some(found) = self.cache.entry(&self.prepared.keys[query]) else { return };
            reader.found = Some(found);
        }
        note!(self, "a request of {:?} passes, {need:?}", self.prepared.queries[query]);
        self.readers.push(reader);
        if self.random.one_in(2) {
            self.find(self.readers.len() - 1);
        }
    }

    /// Its second look: at the store.
    pub(super) fn finish_read(&mut self) {
        if self.readers.is_empty() {
            return;
        }
        let reader = self.random.below(self.readers.len());
        self.find(reader);
    }

    fn find(&mut self, reader: usize) {
        let reader = self.readers.swap_remove(reader);
        let found = match (reader.pass, reader.found) {
            (Some(pass), _) => match self.cache.find(&self.prepared.keys[reader.query], pass, self.now) {
                Lookup::Hit { value, .. } => Some(value),
                _ => None,
            },
            (None, Some((value, epoch))) => {
                let pass = self.cache.pass(reader.need);
                pass.is_ok_and(|pass| Epoch::of(pass.epoch) == epoch).then_some(value)
            }
            (None, None) => None,
        };
        if let Some(value) = found {
            self.hits += 1;
            note!(self, "{:?} hit: {:#x}", self.prepared.queries[reader.query], value.answer);
            self.check("hit", reader.query, value, reader.required);
        }
    }

    /// A request arrives and shares a flight instead of sending its own query.
    pub(super) fn join(&mut self) {
        if self.flights.is_empty() {
            return;
        }
        let number = self.random.below(self.flights.len());
        let need = self.need();
        let flight = &self.flights[number];
        if !self.cache.may_join(flight.sent, need) && self.rule(Rule::Joining) {
            return;
        }
        let (query, required) = (flight.query, self.required(need));
        self.joins += 1;
        note!(self, "a request joins the flight of {:?}, {need:?}", self.prepared.queries[query]);
        match self.flights[number].answered.as_ref().map(|(_, value, _)| *value) {
            Some(value) => self.check("joined", query, value, required),
            None => self.flights[number].joined.push(required),
        }
    }
}
