//! Which of the candidates to have, within a budget: greedy by several measures, then better and better until the
//! time is up.
//!
//! A step adds the candidate that gains most (for its size), in the place of those that it makes redundant. When
//! nothing is gained any more, some indexes are taken out and the room is filled again, or a candidate is forced in
//! and what is worth least gives way; whatever costs less is kept.

mod dice;

use std::collections::HashMap;
use std::time::Instant;

use crate::AdviceError;
use crate::index::{Index, Method};
use crate::pool::Candidate;
use crate::shadow::IndexId;
use crate::what_if::{Priced, WhatIf};

use dice::Dice;

/// How much a candidate's size counts against its gain: gain / size^exponent.
const EXPONENTS: [f64; 4] = [1.0, 0.7, 0.4, 0.0];
/// Candidates that are priced anew in each step of a refill.
const FRESH: usize = 12;
/// A gain below this share of the whole is none.
const GAIN_MIN: f64 = 1e-7;
/// Rounds without a better set after which more is thought to be in vain.
const PATIENCE: u32 = 3000;

/// A set of indexes and what the workload costs with it.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// In order.
    pub(crate) ids: Vec<IndexId>,
    pub(crate) bytes: u64,
    pub(crate) priced: Vec<Priced>,
    pub(crate) total: f64,
}

/// The search.
pub(crate) struct Search<'a> {
    pub(crate) what_if: &'a mut WhatIf,
    pub(crate) candidates: &'a [Candidate],
    /// By statement and candidate: what keeping it costs the statement (of writes).
    pub(crate) upkeep: &'a [Vec<f64>],
    pub(crate) budget_bytes: u64,
    pub(crate) deadline: Instant,
    /// What a byte costs.
    byte_price: f64,
    /// What each candidate gained when it was last asked.
    gains: Vec<f64>,
    /// The most that each gained whenever it was asked; what it promises where it never was.
    ceilings: Vec<f64>,
    /// Which of them were asked at all.
    asked: Vec<bool>,
    places: HashMap<IndexId, usize>,
    dice: Dice,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        what_if: &'a mut WhatIf,
        candidates: &'a [Candidate],
        upkeep: &'a [Vec<f64>],
        budget_bytes: u64,
        deadline: Instant,
    ) -> Search<'a> {
        let ceilings: Vec<f64> = candidates.iter().map(Candidate::promise).collect();
        let gains = ceilings.clone();
        let places = candidates.iter().enumerate().map(|(at, candidate)| (candidate.id, at)).collect();
        Search {
            what_if,
            candidates,
            upkeep,
            budget_bytes,
            deadline,
            byte_price: 0.0,
            asked: vec![false; candidates.len()],
            gains,
            ceilings,
            places,
            dice: Dice::new(1),
        }
    }

    /// The best set found in time, where the whole budget is worth this share of the workload's cost.
    pub(crate) async fn run(
        &mut self,
        budget_worth: f64,
        mut tell: impl FnMut(f64),
    ) -> Result<Choice, AdviceError> {
        let nothing = self.nothing().await?;
        self.byte_price = budget_worth * nothing.total / self.budget_bytes.max(1) as f64;
        let mut best = nothing.clone();
        for exponent in EXPONENTS {
            self.gains = self.ceilings.clone();
            let mut choice = self.fill(nothing.clone(), exponent, usize::MAX, &[]).await?;
            choice = self.prune(choice).await?;
            if choice.total < best.total {
                best = choice;
            }
            tell(best.total / nothing.total);
            if self.is_late() {
                return Ok(best);
            }
        }
        let mut vain = 0;
        while vain < PATIENCE && !self.is_late() && !self.candidates.is_empty() {
            let choice = match self.dice.below(3) {
                0 => self.force(best.clone()).await?,
                _ => self.remove_and_refill(best.clone()).await?,
            };
            let better = choice.total < best.total * (1.0 - GAIN_MIN);
            let smaller = choice.total <= best.total && choice.bytes < best.bytes;
            vain = if better { 0 } else { vain + 1 };
            if better || smaller {
                best = choice;
            }
            tell(best.total / nothing.total);
        }
        self.prune(best).await
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    async fn nothing(&mut self) -> Result<Choice, AdviceError> {
        let all: Vec<usize> = (0..self.what_if.statements.len()).collect();
        let priced = self.what_if.prices(&all, &[]).await?;
        let costs = priced.iter().zip(&self.what_if.statements);
        let total = costs.map(|(priced, statement)| priced.cost * statement.calls).sum();
        Ok(Choice { ids: Vec::new(), bytes: 0, priced, total })
    }

    fn at(&self, id: IndexId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// The same workload with another set.
    async fn with(&mut self, from: &Choice, ids: Vec<IndexId>) -> Result<Choice, AdviceError> {
        let added: Vec<IndexId> = ids.iter().copied().filter(|id| !from.ids.contains(id)).collect();
        let gone: Vec<IndexId> = from.ids.iter().copied().filter(|id| !ids.contains(id)).collect();
        let places: Vec<usize> = ids.iter().filter_map(|id| self.at(*id)).collect();
        let bytes = places.iter().map(|at| self.candidates[*at].bytes).sum();
        let total = bytes as f64 * self.byte_price;
        let concerned: Vec<usize> = (0..from.priced.len())
            .filter(|statement| {
                added.iter().any(|id| self.what_if.matters(*statement, *id))
                    || gone.iter().any(|id| from.priced[*statement].used.contains(id))
            })
            .collect();
        let mut choice = Choice { priced: from.priced.clone(), ids, bytes, total };
        let anew = self.what_if.prices(&concerned, &choice.ids).await?;
        for (statement, priced) in concerned.into_iter().zip(anew) {
            choice.priced[statement] = priced;
        }
        for (statement, priced) in choice.priced.iter().enumerate() {
            let upkeep: f64 =
                self.upkeep.get(statement).map_or(0.0, |of| places.iter().map(|at| of[*at]).sum());
            choice.total += (priced.cost + upkeep) * self.what_if.statements[statement].calls;
        }
        Ok(choice)
    }

    /// The set with this candidate, and without those that it makes redundant.
    fn plus(&self, choice: &Choice, at: usize) -> (Vec<IndexId>, u64) {
        let new = &self.candidates[at];
        let mut bytes = new.bytes;
        let mut ids = vec![new.id];
        for id in &choice.ids {
            let Some(old) = self.at(*id).map(|at| &self.candidates[at]) else { continue };
            if !serves_as(&new.index, &old.index) {
                ids.push(*id);
                bytes += old.bytes;
            }
        }
        ids.sort_unstable();
        (ids, bytes)
    }

    /// Adds what gains most for its size until nothing does, or nothing fits.
    ///
    /// Gains known from before are taken for upper bounds: only the most promising are asked again.
    async fn fill(
        &mut self,
        mut choice: Choice,
        exponent: f64,
        fresh_max: usize,
        barred: &[IndexId],
    ) -> Result<Choice, AdviceError> {
        let small = choice.total * GAIN_MIN;
        loop {
            let mut order: Vec<(f64, usize)> = (0..self.candidates.len())
                .filter(|at| {
                    let id = self.candidates[*at].id;
                    !choice.ids.contains(&id) && !barred.contains(&id) && self.gains[*at] > small
                })
                .map(|at| (self.measure(at, self.gains[at], exponent), at))
                .collect();
            order.sort_by(|a, b| b.0.total_cmp(&a.0));
            let mut best: Option<(f64, usize, Choice)> = None;
            let mut fresh = 0;
            for (promise, at) in order {
                let enough = best.as_ref().is_some_and(|(measure, _, _)| *measure >= promise);
                if enough || fresh >= fresh_max || self.is_late() {
                    break;
                }
                let (ids, bytes) = self.plus(&choice, at);
                if bytes > self.budget_bytes {
                    continue;
                }
                fresh += 1;
                let with = self.with(&choice, ids).await?;
                let gain = choice.total - with.total;
                self.learn(at, gain);
                // What it takes the place of gives its room back.
                let grown = with.bytes.saturating_sub(choice.bytes).max(8192) as f64;
                let measure = gain / grown.powf(exponent);
                if gain > small && best.as_ref().is_none_or(|(other, _, _)| measure > *other) {
                    best = Some((measure, at, with));
                }
            }
            match best {
                Some((_, at, better)) => {
                    choice = self.widen(at, &choice, better).await?;
                }
                None => return Ok(choice),
            }
        }
    }

    fn learn(&mut self, at: usize, gain: f64) {
        self.gains[at] = gain;
        self.ceilings[at] = if self.asked[at] { self.ceilings[at].max(gain) } else { gain };
        self.asked[at] = true;
    }

    /// What is to be had in earnest is priced for every statement that it may concern.
    async fn widen(&mut self, at: usize, from: &Choice, with: Choice) -> Result<Choice, AdviceError> {
        let Candidate { id, near, .. } = &self.candidates[at];
        let new: Vec<usize> =
            near.iter().copied().filter(|statement| !self.what_if.matters(*statement, *id)).collect();
        if new.is_empty() {
            return Ok(with);
        }
        for statement in new {
            self.what_if.relate(statement, *id);
        }
        self.with(from, with.ids).await
    }

    fn measure(&self, at: usize, gain: f64, exponent: f64) -> f64 {
        gain / (self.candidates[at].bytes.max(8192) as f64).powf(exponent)
    }

    /// Takes out what no statement uses, and what costs more than it gains.
    async fn prune(&mut self, mut choice: Choice) -> Result<Choice, AdviceError> {
        for id in choice.ids.clone() {
            let ids = choice.ids.iter().copied().filter(|kept| *kept != id).collect();
            let without = self.with(&choice, ids).await?;
            if without.total <= choice.total * (1.0 + GAIN_MIN) {
                choice = without;
            }
        }
        Ok(choice)
    }

    /// Takes some out and fills the room again.
    async fn remove_and_refill(&mut self, choice: Choice) -> Result<Choice, AdviceError> {
        let many = 1 + self.dice.below(3.min(choice.ids.len().max(1)));
        let mut ids = choice.ids.clone();
        let mut gone = Vec::new();
        for _ in 0..many.min(ids.len()) {
            gone.push(ids.remove(self.dice.below(ids.len())));
        }
        let less = self.with(&choice, ids).await?;
        // What was there is worth at least what its loss costs.
        for id in &gone {
            if let Some(at) = self.at(*id) {
                self.gains[at] = self.gains[at].max(less.total - choice.total);
            }
        }
        self.refresh();
        let exponent = EXPONENTS[self.dice.below(EXPONENTS.len())];
        let barred = &gone[..self.dice.below(2).min(gone.len())];
        let filled = self.fill(less, exponent, FRESH, barred).await?;
        let filled = self.fill(filled, 0.0, FRESH, &[]).await?;
        self.prune(filled).await
    }

    /// Forces a candidate in; what is worth least for its size gives way.
    async fn force(&mut self, choice: Choice) -> Result<Choice, AdviceError> {
        let at = self.dice.below(self.candidates.len());
        let id = self.candidates[at].id;
        if choice.ids.contains(&id) || self.candidates[at].bytes > self.budget_bytes {
            return self.remove_and_refill(choice).await;
        }
        let (ids, _) = self.plus(&choice, at);
        let mut forced = self.with(&choice, ids).await?;
        self.gains[at] = choice.total - forced.total;
        if self.gains[at] <= 0.0 {
            return Ok(choice);
        }
        while forced.bytes > self.budget_bytes {
            let mut least: Option<(f64, Choice)> = None;
            for gone in forced.ids.iter().copied().filter(|other| *other != id) {
                let ids = forced.ids.iter().copied().filter(|kept| *kept != gone).collect();
                let without = self.with(&forced, ids).await?;
                let loss = (without.total - forced.total) / (forced.bytes - without.bytes).max(1) as f64;
                if least.as_ref().is_none_or(|(other, _)| loss < *other) {
                    least = Some((loss, without));
                }
            }
            match least {
                Some((_, without)) => forced = without,
                None => return Ok(choice),
            }
        }
        self.fill(forced, 0.4, FRESH, &[]).await
    }

    /// Now and then a candidate without gain gets another chance: with other indexes it may have one.
    fn refresh(&mut self) {
        for _ in 0..4 {
            let at = self.dice.below(self.candidates.len());
            if self.gains[at] <= 0.0 {
                self.gains[at] = f64::INFINITY;
            }
        }
    }
}

/// Whether an index does all that the other does.
fn serves_as(new: &Index, old: &Index) -> bool {
    let has = |name: &str| {
        new.keys.iter().any(|key| key.column() == Some(name))
            || new.include.iter().any(|column| column == name)
    };
    new.is_on(&old.schema, &old.table)
        && new.method == Method::BTree
        && old.method == Method::BTree
        && (new.predicate.is_none() || new.predicate == old.predicate)
        && new.operator_class == old.operator_class
        && new.keys.starts_with(&old.keys)
        && old.include.iter().all(|column| has(column))
}
