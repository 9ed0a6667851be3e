//! What a statement would cost with these hypothetical indexes: asked of the shadow, or known from what was asked.
//!
//! A plan that uses some of the indexes it was shown stays the cheapest when others of them are taken away. So an
//! answer holds for every set between what the plan used and what it was shown.

use std::collections::HashMap;

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
    /// How many plans were asked for.
    pub(crate) asked: u64,
}

impl WhatIf {
    pub(crate) fn new(shadow: Shadow, statements: Vec<Statement>) -> WhatIf {
        let relevant = vec![Vec::new(); statements.len()];
        let answers = vec![Vec::new(); statements.len()];
        WhatIf { shadow, statements, relevant, exact: HashMap::new(), answers, asked: 0 }
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
        let shown: Vec<IndexId> = all.iter().copied().filter(|id| self.matters(statement, *id)).collect();
        let key = (statement, shown);
        if let Some(answer) = self.known(&key) {
            return Ok(answer);
        }
        let (_, shown) = key;
        self.asked += 1;
        let answer = match self.shadow.plan(&self.statements[statement], &shown, false).await? {
            Ok(plan) => Answer { shown, used: plan.used, cost: plan.cost },
            // It was planned before; what refuses it now is an index that cannot be.
            Err(_) => Answer { shown, used: Vec::new(), cost: f64::INFINITY },
        };
        let priced = Priced { cost: answer.cost, used: answer.used.clone() };
        self.exact.insert((statement, answer.shown.clone()), self.answers[statement].len());
        self.answers[statement].push(answer);
        Ok(priced)
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
