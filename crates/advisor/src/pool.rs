//! The candidates worth a thought: those that the planner used in one of many what-ifs, each with its size.
//!
//! Statement by statement, everything that could serve it is shown to the planner at once; what it uses is kept, hidden,
//! and it is asked again. So the second best is found as well, which may be smaller or serve others too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use crate::AdviceError;
use crate::candidates::{Scope, merged, of_statement};
use crate::index::{Index, Method};
use crate::scans::{Scan, scans};
use crate::shadow::{IndexId, Sized};
use crate::size::{PAGE_BYTES, Selectivity, height, pages};
use crate::source::Table;
use crate::what_if::WhatIf;

/// How often the planner is asked again without what it used before.
const ROUNDS: usize = 2;
/// Tables from this size on are looked at by themselves too.
const LARGE_PAGES: u64 = 5000;
/// Indexes that are made out of two others.
const MERGED_MAX: usize = 400;

/// A candidate.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) id: IndexId,
    pub(crate) index: Index,
    pub(crate) bytes: u64,
    /// By statement: what it saved in the cheapest plan that used the candidate, among others. More is hardly to be had.
    pub(crate) saved: BTreeMap<usize, f64>,
    /// The statements that it may concern besides: another index that begins with the same column concerns them.
    pub(crate) near: BTreeSet<usize>,
}

impl Candidate {
    /// What all statements save at most.
    pub(crate) fn promise(&self) -> f64 {
        self.saved.values().sum()
    }
}

/// Candidates that one plan used.
#[derive(Clone, Debug)]
pub(crate) struct Together {
    pub(crate) ids: Vec<IndexId>,
    /// What its statement saved.
    pub(crate) saved: f64,
}

/// What is read of each statement, and the candidates so far.
pub(crate) struct Pool<'a> {
    pub(crate) what_if: WhatIf,
    tables: HashMap<(&'a str, &'a str), &'a Table>,
    scope: Scope,
    selectivity: Selectivity,
    pub(crate) candidates: Vec<Candidate>,
    /// What was used by a plan that used more than one.
    pub(crate) together: Vec<Together>,
    scans: Vec<Vec<Scan>>,
    /// What was made, in use or not.
    made: HashMap<Index, IndexId>,
}

impl<'a> Pool<'a> {
    pub(crate) fn new(what_if: WhatIf, tables: &'a [Table], scope: Scope) -> Pool<'a> {
        let tables =
            tables.iter().map(|table| ((table.schema.as_str(), table.name.as_str()), table)).collect();
        Pool {
            what_if,
            tables,
            scope,
            selectivity: Selectivity::default(),
            candidates: Vec::new(),
            together: Vec::new(),
            scans: Vec::new(),
            made: HashMap::new(),
        }
    }

    /// Looks at every statement; one that cannot be planned is told of and has no say.
    pub(crate) async fn read(&mut self) -> Result<Vec<String>, AdviceError> {
        let mut refused = Vec::new();
        let WhatIf { shadow, statements, .. } = &mut self.what_if;
        let questions: Vec<_> = statements.iter().map(|statement| (statement, Vec::new())).collect();
        for (answer, statement) in shadow.plans(&questions, true).await?.into_iter().zip(&*statements) {
            let scans = match answer {
                Ok(plan) => scans(&plan.root, &self.tables),
                Err(said) => {
                    refused.push(format!("{}: {said}", statement.name));
                    Vec::new()
                }
            };
            self.scans.push(scans);
        }
        Ok(refused)
    }

    /// Finds the candidates of all statements, the dearest first, until the time is up.
    pub(crate) async fn fill(
        &mut self,
        bytes_max: u64,
        until: Instant,
        mut tell: impl FnMut(usize, usize),
    ) -> Result<(), AdviceError> {
        let statements: Vec<usize> = (0..self.what_if.statements.len()).collect();
        let plain = self.what_if.prices(&statements, &[]).await?;
        let weights = plain.iter().zip(&self.what_if.statements).map(|(priced, of)| priced.cost * of.calls);
        let mut order: Vec<(f64, usize)> = weights.zip(statements).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let all = order.len();
        for (done, (_, statement)) in order.into_iter().enumerate() {
            if Instant::now() >= until {
                break;
            }
            // A share that is not used up is left to those that follow.
            let left = until.saturating_duration_since(Instant::now()) / (all - done).max(1) as u32;
            self.examine(statement, bytes_max, Instant::now() + left).await?;
            tell(done + 1, all);
        }
        self.merge(bytes_max).await?;
        self.relate();
        Ok(())
    }

    /// Shows the planner what could serve the statement, in several selections, and keeps what it uses.
    async fn examine(&mut self, statement: usize, bytes_max: u64, until: Instant) -> Result<(), AdviceError> {
        let indexes = of_statement(&self.scans[statement], &self.tables, self.scope);
        let mut here = Vec::new();
        for (index, id, bytes) in self.make(indexes).await? {
            if bytes <= bytes_max {
                here.push(Candidate { id, index, bytes, saved: BTreeMap::new(), near: BTreeSet::new() });
            }
        }
        let plain = self.what_if.price(statement, &[]).await?.cost;
        let calls = self.what_if.statements[statement].calls;
        let mut used: HashMap<IndexId, f64> = HashMap::new();
        let mut left = selections(&here, &self.tables);
        for round in 0..ROUNDS {
            left.retain(|(rounds, ids)| *rounds > round && !ids.is_empty());
            // The first look is never left out; the others are, where many statements wait.
            if left.is_empty() || round > 0 && Instant::now() >= until {
                break;
            }
            let statement = &self.what_if.statements[statement];
            let questions: Vec<_> = left.iter().map(|(_, ids)| (statement, ids.clone())).collect();
            self.what_if.asked += questions.len() as u64;
            let answers = self.what_if.shadow.plans(&questions, false).await?;
            for ((_, ids), answer) in left.iter_mut().zip(answers) {
                let Ok(plan) = answer else {
                    ids.clear();
                    continue;
                };
                match plan.used.is_empty() {
                    true => ids.clear(),
                    false => ids.retain(|id| !plan.used.contains(id)),
                }
                let gained = (plain - plan.cost) * calls;
                for id in &plan.used {
                    let saved = used.entry(*id).or_default();
                    *saved = saved.max(gained);
                }
                if plan.used.len() > 1 {
                    self.together.push(Together { ids: plan.used, saved: gained });
                }
            }
        }
        for candidate in &mut self.candidates {
            if let Some(saved) = used.remove(&candidate.id) {
                candidate.saved.insert(statement, saved);
            }
            here.retain(|new| new.id != candidate.id);
        }
        let mut useless = Vec::new();
        for mut candidate in here {
            if let Some(saved) = used.remove(&candidate.id) {
                candidate.saved.insert(statement, saved);
                self.candidates.push(candidate);
            } else {
                self.made.remove(&candidate.index);
                useless.push(candidate.id);
            }
        }
        self.what_if.shadow.drop(&useless).await
    }

    /// Makes those that are not there yet.
    async fn make(&mut self, indexes: Vec<Index>) -> Result<Vec<(Index, IndexId, u64)>, AdviceError> {
        let (mut all, mut new) = (Vec::new(), Vec::new());
        for index in indexes {
            let Some(table) = self.tables.get(&(index.schema.as_str(), index.table.as_str())) else {
                continue;
            };
            let share = self.selectivity.of(&mut self.what_if.shadow, table, &index).await?;
            let pages = pages(self.scope.model, table, &index, share);
            match self.made.get(&index) {
                Some(id) => all.push((index, *id, pages * PAGE_BYTES)),
                None => {
                    let height = height(self.scope.model, pages);
                    new.push(Sized { pages, tuples: table.tuples * share, height, index });
                }
            }
        }
        let ids = self.what_if.shadow.create(&new).await?;
        for (sized, id) in new.into_iter().zip(ids) {
            let Some(id) = id else { continue };
            self.made.insert(sized.index.clone(), id);
            all.push((sized.index, id, sized.pages * PAGE_BYTES));
        }
        Ok(all)
    }

    /// Adds what serves the statements of two candidates at once; of too many, those that promise most.
    async fn merge(&mut self, bytes_max: u64) -> Result<(), AdviceError> {
        let mut wanted: BTreeMap<Index, BTreeMap<usize, f64>> = BTreeMap::new();
        for (at, one) in self.candidates.iter().enumerate() {
            for other in &self.candidates[at + 1..] {
                let Some(both) = merged(&one.index, &other.index) else { continue };
                if self.made.contains_key(&both) {
                    continue;
                }
                let saved = wanted.entry(both).or_default();
                for (statement, more) in one.saved.iter().chain(&other.saved) {
                    let known = saved.entry(*statement).or_default();
                    *known = known.max(*more);
                }
            }
        }
        let mut order: Vec<(f64, Index)> =
            wanted.iter().map(|(index, saved)| (saved.values().sum(), index.clone())).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        order.truncate(MERGED_MAX);
        let mut indexes: Vec<Index> = order.into_iter().map(|(_, index)| index).collect();
        indexes.sort();
        for (index, id, bytes) in self.make(indexes).await? {
            let saved = wanted.remove(&index).unwrap_or_default();
            if bytes <= bytes_max {
                self.candidates.push(Candidate { id, index, bytes, saved, near: BTreeSet::new() });
            }
        }
        Ok(())
    }

    /// Tells which candidates can matter to which statements.
    fn relate(&mut self) {
        let mut seen: HashMap<(&str, &str, &str), BTreeSet<usize>> = HashMap::new();
        for candidate in &self.candidates {
            if let Some(first) = beginning(&candidate.index) {
                seen.entry(first).or_default().extend(candidate.saved.keys());
            }
        }
        let near = |candidate: &Candidate| {
            beginning(&candidate.index).and_then(|first| seen.get(&first)).cloned().unwrap_or_default()
        };
        let near: Vec<BTreeSet<usize>> = self.candidates.iter().map(near).collect();
        for (candidate, near) in self.candidates.iter_mut().zip(near) {
            candidate.near = near;
            for statement in candidate.saved.keys() {
                self.what_if.relate(*statement, candidate.id);
            }
        }
    }
}

/// The table and the first column of a b-tree that any statement on that column could use.
fn beginning(index: &Index) -> Option<(&str, &str, &str)> {
    let general =
        index.method == Method::BTree && index.predicate.is_none() && index.operator_class.is_none();
    let first = index.keys.first()?.column().filter(|_| general)?;
    Some((&index.schema, &index.table, first))
}

/// What to show at once, and how often: what carries nothing along; everything; single columns; what holds
/// some rows only; and, once, those of
/// each large table alone.
fn selections(all: &[Candidate], tables: &HashMap<(&str, &str), &Table>) -> Vec<(usize, Vec<IndexId>)> {
    let lean =
        |candidate: &Candidate| candidate.index.include.is_empty() && candidate.index.predicate.is_none();
    let narrow = |candidate: &Candidate| lean(candidate) && candidate.index.keys.len() == 1;
    let whole = |candidate: &Candidate| candidate.index.predicate.is_none();
    let chosen = |keep: &dyn Fn(&Candidate) -> bool| {
        let mut ids: Vec<IndexId> =
            all.iter().filter(|candidate| keep(candidate)).map(|candidate| candidate.id).collect();
        ids.sort_unstable();
        ids
    };
    let mut selections = vec![
        (ROUNDS, chosen(&lean)),
        (ROUNDS, chosen(&|_| true)),
        (ROUNDS, chosen(&narrow)),
        (ROUNDS, chosen(&|candidate| !whole(candidate) && candidate.index.include.is_empty())),
        (ROUNDS, chosen(&whole)),
    ];
    let concerned: BTreeSet<(&str, &str)> = all
        .iter()
        .map(|candidate| (candidate.index.schema.as_str(), candidate.index.table.as_str()))
        .collect();
    let large = |name: &(&str, &str)| tables.get(name).is_some_and(|table| table.pages >= LARGE_PAGES);
    if concerned.len() > 1 {
        for (schema, table) in concerned.into_iter().filter(large) {
            let own = |candidate: &Candidate| candidate.index.is_on(schema, table);
            selections.push((1, chosen(&own)));
            selections.push((1, chosen(&|candidate| own(candidate) && lean(candidate))));
        }
    }
    selections.retain(|(_, ids)| !ids.is_empty());
    selections.dedup_by(|a, b| a.1 == b.1);
    selections
}
