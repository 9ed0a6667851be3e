//! What a statement would cost with these hypothetical indexes: asked of the shadow, or known from what was asked.
//!
//! A plan that uses some of the indexes it was shown stays the cheapest when others of them are taken away. So an
//! answer holds for every set between what the plan used and what it was shown.

use std::collections::{BTreeMap, HashMap};

use crate::AdviceError;
use crate::shadow::{IndexId, Shadow};
use crate::workload::Statement;

/// What was found out about a statement.
#[derive(Clone, Debug)]
struct Answer {
    shown: Vec<IndexId>,
    used: Vec<IndexId>,
    cost: f64,
}

/// A cost, and the hypothetical indexes that it takes.
#[derive(Clone, Debug)]
pub(crate) struct Priced {
    pub(crate) cost: f64,
    pub(crate) used: Vec<IndexId>,
}

/// Asks the shadow, and remembers.
pub(crate) struct WhatIf {
    pub(crate) shadow: Shadow,
    pub(crate) statements: Vec<Statement>,
    /// By statement: what could matter to it, in order.
    relevant: Vec<Vec<IndexId>>,
    /// By statement and set; the place among the answers.
    exact: HashMap<(usize, Vec<IndexId>), usize>,
    answers: Vec<Vec<Answer>>,
    /// Which statements have no plan, whatever they are shown.
    unplanned: Vec<bool>,
    /// What was said, the first time, of each statement that was refused with indexes and not without.
    pub(crate) refusals: BTreeMap<usize, String>,
    /// How many plans were asked for.
    pub(crate) asked: u64,
}

impl WhatIf {
    pub(crate) fn new(shadow: Shadow, statements: Vec<Statement>) -> WhatIf {
        let relevant = vec![Vec::new(); statements.len()];
        let answers = vec![Vec::new(); statements.len()];
        let unplanned = vec![false; statements.len()];
        let (exact, refusals) = (HashMap::new(), BTreeMap::new());
        WhatIf { shadow, statements, relevant, exact, answers, unplanned, refusals, asked: 0 }
    }

    /// Says that an index can matter to a statement.
    pub(crate) fn relate(&mut self, statement: usize, id: IndexId) {
        let relevant = &mut self.relevant[statement];
        if let Err(at) = relevant.binary_search(&id) {
            relevant.insert(at, id);
        }
    }

    /// Whether the index can matter to it.
    pub(crate) fn matters(&self, statement: usize, id: IndexId) -> bool {
        self.relevant[statement].binary_search(&id).is_ok()
    }

    /// What the statement costs when these are there (in order).
    pub(crate) async fn price(&mut self, statement: usize, all: &[IndexId]) -> Result<Priced, AdviceError> {
        let mut priced = self.prices(&[statement], all).await?;
        priced.pop().ok_or_else(|| AdviceError::Answer("a plan was not told".to_owned()))
    }

    /// What each of these statements costs when these are there (in order).
    pub(crate) async fn prices(
        &mut self,
        statements: &[usize],
        all: &[IndexId],
    ) -> Result<Vec<Priced>, AdviceError> {
        let mut found = Vec::with_capacity(statements.len());
        let mut open = Vec::new();
        for (place, statement) in statements.iter().enumerate() {
            let shown = all.iter().copied().filter(|id| self.matters(*statement, *id)).collect();
            let key = (*statement, shown);
            let known = self.known(&key);
            if known.is_none() {
                open.push((place, key));
            }
            found.push(known.unwrap_or(Priced { cost: f64::INFINITY, used: Vec::new() }));
        }
        if open.is_empty() {
            return Ok(found);
        }
        self.asked += open.len() as u64;
        let questions: Vec<_> = open
            .iter()
            .map(|(_, (statement, shown))| (&self.statements[*statement], shown.clone()))
            .collect();
        let answers = self.shadow.plans(&questions, false).await?;
        for ((place, (statement, shown)), answer) in open.into_iter().zip(answers) {
            let answer = match answer {
                Ok(plan) => Answer { shown, used: plan.used, cost: plan.cost },
                Err(said) => self.refused(statement, shown, said),
            };
            found[place] = Priced { cost: answer.cost, used: answer.used.clone() };
            self.exact.insert((statement, answer.shown.clone()), self.answers[statement].len());
            self.answers[statement].push(answer);
        }
        Ok(found)
    }

    /// A statement without a plan costs nothing, with or without indexes; one that has a plan without them and is
    /// refused with them must not have them, and is told of.
    fn refused(&mut self, statement: usize, shown: Vec<IndexId>, said: String) -> Answer {
        let cost = if shown.is_empty() || self.unplanned[statement] {
            self.unplanned[statement] = true;
            0.0
        } else {
            let name = &self.statements[statement].name;
            self.refusals.entry(statement).or_insert_with(|| format!("{name}: {said}"));
            f64::INFINITY
        };
        Answer { shown, used: Vec::new(), cost }
    }

    fn known(&self, key: &(usize, Vec<IndexId>)) -> Option<Priced> {
        let (statement, shown) = key;
        let answers = &self.answers[*statement];
        let found = match self.exact.get(key) {
            Some(at) => answers.get(*at),
            None => answers
                .iter()
                .rev()
                .find(|answer| is_subset(&answer.used, shown) && is_subset(shown, &answer.shown)),
        };
        found.map(|answer| Priced { cost: answer.cost, used: answer.used.clone() })
    }
}

/// Whether all of a list are in the other; both are in order.
pub(crate) fn is_subset(small: &[IndexId], large: &[IndexId]) -> bool {
    let mut rest = large.iter();
    small.iter().all(|wanted| rest.any(|id| id == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_is_recognised_in_order() {
        let ids = |list: &[u32]| list.iter().map(|id| IndexId(*id)).collect::<Vec<_>>();
        assert!(is_subset(&ids(&[]), &ids(&[])));
        assert!(is_subset(&ids(&[2, 5]), &ids(&[1, 2, 3, 5])));
        assert!(!is_subset(&ids(&[2, 4]), &ids(&[1, 2, 3, 5])));
    }
}
