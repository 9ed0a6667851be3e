//! Which indexes a workload wants: found by asking a planner that is no part of the database they are for.
//!
//! [`advise`] reads the schema, sizes and statistics of a database (never a row, never a write), makes a shadow of it
//! that plans alike (or asks HypoPG there), and searches for the indexes that make the workload cheapest within a budget. What it returns is
//! estimated by PostgreSQL's own planner; what an index gains in truth, only execution tells.

mod candidates;
mod condition;
mod error;
mod index;
mod plan;
mod pool;
mod scans;
mod search;
mod session;
mod shadow;
mod size;
mod source;
mod upkeep;
mod what_if;
mod workload;

use std::time::{Duration, Instant};

use pg::cluster::{Binaries, ClusterError};
use pg::connect::ConnectOptions;

use candidates::Scope;
use pool::Pool;
use search::{Choice, Search};
use shadow::Shadow;
use source::Source;
use what_if::WhatIf;

pub use error::AdviceError;
pub use index::{Index, Key, Method};
pub use size::SizeModel;
pub use workload::{Statement, Workload};

/// The share of the time after which no more candidates are looked for.
const LOOKING: f64 = 0.5;
/// Plans of each statement that the report asks for: without and with the indexes, and without each that it uses.
const REPORTED: f64 = 4.0;
/// The share of the workload's cost that must be saved to spend the whole budget.
const BUDGET_WORTH: f64 = 0.01;

/// What advice is to keep to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bytes that all new indexes together may take.
    pub budget_bytes: u64,
    /// How long to search. Reading the database and the first look at each statement may take longer.
    pub time: Duration,
    /// By which model bytes are counted.
    pub size_model: SizeModel,
}

/// How far the work is.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// The database is read and its shadow made.
    Preparing,
    /// So many of the statements were examined.
    Examining {
        /// How many.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// The best set found so far leaves this share of the workload's cost.
    Searching {
        /// From 0 to 1.
        share: f64,
    },
}

/// A statement that an index makes cheaper or dearer.
#[derive(Clone, Debug)]
pub struct Affected {
    /// Its place in the workload.
    pub statement: usize,
    /// Its name in the workload.
    pub name: String,
    /// What a call costs without any of the indexes.
    pub cost_before: f64,
    /// What a call costs with all of them.
    pub cost_after: f64,
}

/// An index worth having.
#[derive(Clone, Debug)]
pub struct Recommendation {
    /// The index.
    pub index: Index,
    /// Its size, by the model asked for.
    pub size_bytes: u64,
    /// What the workload would cost more without it, were all others there.
    pub gain: f64,
    /// Why, in a sentence.
    pub reason: String,
    /// The statements whose plans use it.
    pub affected: Vec<Affected>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Advice {
    /// The indexes, the most valuable first.
    pub indexes: Vec<Recommendation>,
    /// What the workload costs as it is, in the planner's unit: the sum over statements of calls × cost.
    pub cost_before: f64,
    /// What it would cost with the indexes.
    pub cost_after: f64,
    /// How long it took.
    pub seconds: f64,
    /// What a call of each statement of the workload would cost with them, in the planner's unit.
    pub statement_costs: Vec<f64>,
    /// How many plans were asked for.
    pub plans: u64,
    /// Whether HypoPG was asked on the database's own server, and not a shadow of it.
    pub by_hypopg: bool,
    /// What a reader should know of how far to trust this.
    pub notes: Vec<String>,
}

/// Finds the indexes that make a workload cheapest.
///
/// Without programs that can stand for the source's server, HypoPG is asked there, if it is installed.
pub async fn advise(
    source: &ConnectOptions,
    binaries: Result<Binaries, ClusterError>,
    workload: &Workload,
    options: &Options,
    mut progress: impl FnMut(Progress),
) -> Result<Advice, AdviceError> {
    let started = Instant::now();
    progress(Progress::Preparing);
    let options_of_source = source;
    let mut source = Source::read(options_of_source).await?;
    let (mut shadow, instead) = planner(&source, options_of_source, binaries).await?;
    let by_hypopg = shadow.is_source();
    let mut notes: Vec<String> =
        shadow.missing.iter().map(|what| format!("not in the shadow: {what}")).chain(instead).collect();
    if !by_hypopg {
        notes.extend(compare(&mut source, &mut shadow, workload).await?);
    }
    let trigrams = source
        .schema
        .iter()
        .any(|statement| statement.starts_with("create extension") && statement.contains("pg_trgm"));
    let scope = Scope { model: options.size_model, trigrams };
    let mut pool = Pool::new(WhatIf::new(shadow, workload.statements.clone()), &source.tables, scope);
    notes.extend(pool.read().await?.into_iter().map(|said| format!("cannot be planned: {said}")));
    let until = no_less(started + options.time.mul_f64(LOOKING), options);
    let (looked, asked) = (Instant::now(), pool.what_if.asked);
    pool.fill(options.budget_bytes, until, |done, of| progress(Progress::Examining { done, of })).await?;
    let a_plan = looked.elapsed().div_f64((pool.what_if.asked - asked).max(1) as f64);
    let upkeep = upkeep::of(&mut pool).await?;
    // The report asks for a few plans of each statement, which must not come late.
    let reporting = a_plan.mul_f64(REPORTED * workload.statements.len() as f64).min(options.time / 10);
    let deadline = no_less((started + options.time).checked_sub(reporting).unwrap_or(started), options);
    let Pool { mut what_if, candidates, together, .. } = pool;
    let of = (&candidates[..], &together[..]);
    let mut search = Search::new(&mut what_if, of, &upkeep, options.budget_bytes, deadline);
    // Of sets that cost nearly the same, the smaller; a budget shared with HypoPG is judged by cost alone.
    let budget_worth = if options.size_model == SizeModel::Real { BUDGET_WORTH } else { 0.0 };
    let choice = search.run(budget_worth, |share| progress(Progress::Searching { share })).await?;
    let refusals = what_if.refusals.values();
    notes.extend(refusals.map(|said| format!("refused with some of the indexes that were tried: {said}")));
    let advice = report(&mut what_if, &candidates, &upkeep, &choice, notes, started).await?;
    Ok(Advice { by_hypopg, ..advice })
}

/// A shadow of the source; or the source itself, and why.
async fn planner(
    source: &Source,
    options: &ConnectOptions,
    binaries: Result<Binaries, ClusterError>,
) -> Result<(Shadow, Option<String>), AdviceError> {
    let made = match binaries {
        Ok(binaries) => Shadow::make(source, &binaries).await,
        Err(error) => Err(error.into()),
    };
    let why = match made {
        Ok(shadow) => return Ok((shadow, None)),
        Err(why @ (AdviceError::Cluster(_) | AdviceError::Unlike(_))) => why,
        Err(other) => return Err(other),
    };
    let Some(shadow) = Shadow::on_server(options).await? else { return Err(why) };
    let note = format!(
        "planned by HypoPG on the server itself, since {why}; it takes indexes for larger than they become, and GIN is not tried"
    );
    Ok((shadow, Some(note)))
}

/// The moment, or an eighth of the time from now, where what came before took longer than it should.
fn no_less(moment: Instant, options: &Options) -> Instant {
    moment.max(Instant::now() + options.time / 8)
}

/// Plans some of the statements here and there, and says where they differ.
async fn compare(
    source: &mut Source,
    shadow: &mut Shadow,
    workload: &Workload,
) -> Result<Vec<String>, AdviceError> {
    /// Plans are cheap, but they are asked of somebody's database.
    const COMPARED_MAX: usize = 100;
    let (mut alike, mut other) = (0, Vec::new());
    for statement in
        workload.statements.iter().filter(|statement| statement.role.is_none()).take(COMPARED_MAX)
    {
        let explain = statement.explain(false);
        let Ok(rows) = source.session.attempt("plan on the source", &explain).await? else { continue };
        let Ok(there) = plan::Plan::parse(rows.last().map_or("", |row| row.text(0))) else { continue };
        let Ok(here) = shadow.plan(statement, &[], false).await? else { continue };
        if (there.cost - here.cost).abs() <= 0.005 * there.cost {
            alike += 1;
        } else {
            other.push(format!("{} ({:.0} there, {:.0} here)", statement.name, there.cost, here.cost));
        }
    }
    if other.is_empty() {
        return Ok(vec![format!("the shadow's costs are the source's for all {alike} statements compared")]);
    }
    let many = other.len();
    other.truncate(10);
    Ok(vec![format!(
        "the shadow's costs differ from the source's for {many} of {} statements: {}",
        alike + many,
        other.join(", ")
    )])
}

async fn report(
    what_if: &mut WhatIf,
    candidates: &[pool::Candidate],
    upkeep: &[Vec<f64>],
    choice: &Choice,
    notes: Vec<String>,
    started: Instant,
) -> Result<Advice, AdviceError> {
    // Asked anew: what was concluded during the search is not reported as asked.
    let before = plain_costs(what_if, &[]).await?;
    let after = plain_costs(what_if, &choice.ids).await?;
    let calls: Vec<f64> = what_if.statements.iter().map(|statement| statement.calls).collect();
    let sum = |costs: &[(f64, Vec<shadow::IndexId>)]| {
        costs.iter().zip(&calls).map(|((cost, _), calls)| cost * calls).sum::<f64>()
    };
    let mut indexes = Vec::new();
    let mut kept = 0.0;
    for (at, candidate) in
        candidates.iter().enumerate().filter(|(_, candidate)| choice.ids.contains(&candidate.id))
    {
        let written: f64 = upkeep.iter().zip(&calls).map(|(of, calls)| of[at] * calls).sum();
        kept += written;
        let affected: Vec<usize> =
            (0..after.len()).filter(|statement| after[*statement].1.contains(&candidate.id)).collect();
        let others: Vec<_> = choice.ids.iter().copied().filter(|id| *id != candidate.id).collect();
        let mut gain = -written;
        let without = what_if.prices(&affected, &others).await?;
        for (statement, without) in affected.iter().zip(without) {
            gain += (without.cost - after[*statement].0) * calls[*statement];
        }
        let affected: Vec<Affected> = affected
            .into_iter()
            .map(|statement| Affected {
                statement,
                name: what_if.statements[statement].name.clone(),
                cost_before: before[statement].0,
                cost_after: after[statement].0,
            })
            .collect();
        let reason = reason(&candidate.index, affected.len());
        indexes.push(Recommendation {
            index: candidate.index.clone(),
            size_bytes: candidate.bytes,
            gain,
            reason,
            affected,
        });
    }
    indexes.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    let (cost_before, cost_after) = (sum(&before), sum(&after) + kept);
    let seconds = started.elapsed().as_secs_f64();
    let statement_costs = after.iter().map(|(cost, _)| *cost).collect();
    let plans = what_if.asked;
    Ok(Advice { indexes, statement_costs, cost_before, cost_after, seconds, plans, by_hypopg: false, notes })
}

async fn plain_costs(
    what_if: &mut WhatIf,
    ids: &[shadow::IndexId],
) -> Result<Vec<(f64, Vec<shadow::IndexId>)>, AdviceError> {
    let WhatIf { shadow, statements, asked, .. } = what_if;
    let questions: Vec<_> = statements.iter().map(|statement| (statement, ids.to_vec())).collect();
    *asked += questions.len() as u64;
    let answers = shadow.plans(&questions, false).await?;
    Ok(answers
        .into_iter()
        .map(|answer| answer.map_or((0.0, Vec::new()), |plan| (plan.cost, plan.used)))
        .collect())
}

fn reason(index: &Index, statements: usize) -> String {
    let keys: Vec<&str> = index.keys.iter().map(Key::text).collect();
    let keys = keys.join(", ");
    let what = match index.method {
        Method::BTree => format!("finds or orders rows by {keys}"),
        Method::Brin => {
            format!("passes over ranges of pages whose {keys} cannot match, and takes next to no room")
        }
        Method::Gin => format!("finds rows by what is inside {keys}"),
    };
    let carried =
        if index.include.is_empty() { "" } else { ", and carries what is read so that the table is not" };
    let partial = if index.predicate.is_some() { ", of those rows alone that are asked for" } else { "" };
    let plural = if statements == 1 { "" } else { "s" };
    format!("{what}{partial}{carried}; used by {statements} statement{plural} of the workload")
}
