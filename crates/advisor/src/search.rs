//! Which of the candidates to have, within a budget: greedy by several measures, then better and better until the
//! time is up.
//!
//! A step adds the candidate that gains most (for its size), in the place of those that it makes redundant. When
//! nothing is gained any more, some indexes are taken out and the room is filled again, or a candidate is forced in
//! and what is worth least gives way; whatever costs less is kept.

mod dice;

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use crate::AdviceError;
use crate::index::{Index, Method};
use crate::pool::{Candidate, Together};
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
    /// What single plans used.
    together: &'a [Together],
    dice: Dice,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        what_if: &'a mut WhatIf,
        (candidates, together): (&'a [Candidate], &'a [Together]),
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
            together,
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
            let choice = match self.dice.below(4) {
                0 => self.force(best.clone()).await?,
                1 => self.force_together(best.clone()).await?,
                _ => self.remove_and_refill(best.clone()).await?,
            };
            let choice = self.widen(choice).await?;
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
        let concerned: Vec<usize> = (0..from.priced.len())
            .filter(|statement| {
                added.iter().any(|id| self.what_if.matters(*statement, *id))
                    || gone.iter().any(|id| from.priced[*statement].used.contains(id))
            })
            .collect();
        let mut priced = from.priced.clone();
        let anew = self.what_if.prices(&concerned, &ids).await?;
        for (statement, anew) in concerned.into_iter().zip(anew) {
            priced[statement] = anew;
        }
        Ok(self.sum(ids, priced))
    }

    /// The set with what it costs in all, where each statement was priced.
    fn sum(&self, ids: Vec<IndexId>, priced: Vec<Priced>) -> Choice {
        let places: Vec<usize> = ids.iter().filter_map(|id| self.at(*id)).collect();
        let bytes = places.iter().map(|at| self.candidates[*at].bytes).sum();
        let mut total = bytes as f64 * self.byte_price;
        for (statement, priced) in priced.iter().enumerate() {
            let upkeep: f64 =
                self.upkeep.get(statement).map_or(0.0, |of| places.iter().map(|at| of[*at]).sum());
            total += (priced.cost + upkeep) * self.what_if.statements[statement].calls;
        }
        Choice { ids, bytes, priced, total }
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
            let mut best: Option<(f64, Choice)> = None;
            let mut fresh = 0;
            for (promise, at) in order {
                let enough = best.as_ref().is_some_and(|(measure, _)| *measure >= promise);
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
                if gain > small && best.as_ref().is_none_or(|(other, _)| measure > *other) {
                    best = Some((measure, with));
                }
            }
            match best {
                Some((_, better)) => choice = self.widen(better).await?,
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
    async fn widen(&mut self, choice: Choice) -> Result<Choice, AdviceError> {
        let mut new = BTreeSet::new();
        for id in &choice.ids {
            let near = self.at(*id).map(|at| &self.candidates[at].near);
            for statement in near.into_iter().flatten() {
                if !self.what_if.matters(*statement, *id) {
                    self.what_if.relate(*statement, *id);
                    new.insert(*statement);
                }
            }
        }
        let new: Vec<usize> = new.into_iter().collect();
        let anew = self.what_if.prices(&new, &choice.ids).await?;
        let mut priced = choice.priced;
        for (statement, anew) in new.into_iter().zip(anew) {
            priced[statement] = anew;
        }
        Ok(self.sum(choice.ids, priced))
    }

    fn measure(&self, at: usize, gain: f64, exponent: f64) -> f64 {
        gain / (self.candidates[at].bytes.max(8192) as f64).powf(exponent)
    }

    /// Takes out what no statement uses, and what costs more than it gains.
    async fn prune(&mut self, mut choice: Choice) -> Result<Choice, AdviceError> {
        for id in choice.ids.clone() {
            let ids = choice.ids.iter().copied().filter(|kept| *kept != id).collect();
            if self.is_late() {
                break;
            }
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
        let forced = self.with(&choice, ids).await?;
        self.gains[at] = choice.total - forced.total;
        if self.gains[at] <= 0.0 {
            return Ok(choice);
        }
        match self.make_room(forced, &[id]).await? {
            Some(forced) => self.fill(forced, 0.4, FRESH, &[]).await,
            None => Ok(choice),
        }
    }

    /// Forces in everything that one plan used: each of two indexes may be worthless without the other.
    async fn force_together(&mut self, choice: Choice) -> Result<Choice, AdviceError> {
        let sets = self.together;
        let drawn = [self.dice.below(sets.len()), self.dice.below(sets.len())];
        let drawn = drawn.into_iter().filter_map(|at| sets.get(at));
        let Some(set) = drawn.max_by(|a, b| a.saved.total_cmp(&b.saved)) else {
            return self.remove_and_refill(choice).await;
        };
        let mut ids = choice.ids.clone();
        ids.extend(set.ids.iter().filter(|id| !choice.ids.contains(id)));
        ids.sort_unstable();
        let forced = self.with(&choice, ids).await?;
        if forced.total >= choice.total {
            return Ok(choice);
        }
        let Some(forced) = self.make_room(forced, &set.ids).await? else { return Ok(choice) };
        let filled = self.fill(forced, 0.4, FRESH, &[]).await?;
        self.prune(filled).await
    }

    /// Takes out what is worth least for its size, but none of these, until the rest fits; `None` where it does not.
    async fn make_room(
        &mut self,
        mut choice: Choice,
        kept: &[IndexId],
    ) -> Result<Option<Choice>, AdviceError> {
        while choice.bytes > self.budget_bytes {
            let mut least: Option<(f64, Choice)> = None;
            for gone in choice.ids.clone().into_iter().filter(|id| !kept.contains(id)) {
                if self.is_late() {
                    return Ok(None);
                }
                let ids = choice.ids.iter().copied().filter(|id| *id != gone).collect();
                let without = self.with(&choice, ids).await?;
                let loss = (without.total - choice.total) / (choice.bytes - without.bytes).max(1) as f64;
                if least.as_ref().is_none_or(|(other, _)| loss < *other) {
                    least = Some((loss, without));
                }
            }
            let Some((_, without)) = least else { return Ok(None) };
            choice = without;
        }
        Ok(Some(choice))
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
