//! How a request is answered, shown instead of its answer: PostgreSQL's plan for its statement, or the statement,
//! what it reads, and whether its answer is kept.
//!
//! Whether anybody may ask is for `rest` to say. A plan is made as whoever asks; the rest is made here, and runs
//! nothing. Input is a plan that says so, and for estimates what the planner said.

use pg::catalog::Settings;
use pg::session::{Ran, Record, Step};
use pg::{Interval, Parameter, Read, RelationId, Statement};
use rest::{Access, Estimate, Reads, Tracked};
use serde_json::{Value, json};

use crate::bypass::Bypass;
use crate::failure::Failure;
use crate::marks::Mark;
use crate::node::Node;
use crate::request::{acknowledge, ran};
use crate::row::Found;
use crate::schema::{Planned, Schema};
use crate::settled::Settled;

/// Lines of a plan.
pub(crate) const LINES_MAX: usize = 10_000;

/// PostgreSQL's plan for a read.
pub(crate) async fn read(node: &Node, planned: &Planned, session: &Settled) -> Result<Found, Failure> {
    let began = node.clock.now();
    let settings = session.settings();
    let lines = node.pool.read_each(session.lent(&settings), &[&planned.plan.statement], LINES_MAX).await;
    let lines = ran(node, planned, session, began, lines)?;
    Found::plan(lines.first().map_or(&[], Vec::as_slice))
}

/// PostgreSQL's plan for a write, which has been done if the plan says how long that took.
pub(crate) async fn write(
    node: &Node,
    planned: &Planned,
    session: &Settled,
    (mark, record): (&mut Mark<'_>, Option<&Record>),
) -> Result<Found, Failure> {
    let plan = &planned.plan;
    let began = node.clock.now();
    let (settings, text) = (session.settings(), mark.text());
    let session_of = session.lent(&settings);
    let step = Step { session: session_of, statement: &plan.statement, reads_only: false, record };
    let kept = |_: &[Ran]| !plan.answer.rolls_back();
    let done = node.pool.transact(&[step], LINES_MAX, &text, &kept).await.map_err(|failed| failed.source);
    let done = ran(node, planned, session, began, done)?;
    if done.committed && done.wrote {
        acknowledge(node, mark).await;
    }
    Found::plan(done.steps.first().map_or(&[], |ran| ran.rows.as_slice()))
}

/// What a read found, with the planner's number of rows.
pub(crate) async fn estimated(
    node: &Node,
    planned: &Planned,
    session: &Settled,
    estimate: &Estimate,
) -> Result<Found, Failure> {
    let began = node.clock.now();
    let settings = session.settings();
    let statements = [&planned.plan.statement, &estimate.statement];
    let both = node.pool.read_each(session.lent(&settings), &statements, 1).await;
    let both = ran(node, planned, session, began, both)?;
    let [rows, plan] = both.as_slice() else { return Err(missing()) };
    let mut found = Found::read(rows.first().ok_or_else(missing)?)?;
    found.estimate(plan, estimate.above)?;
    Ok(found)
}

fn missing() -> Failure {
    Failure::Unreadable("a statement returned no row".to_owned())
}

/// The statement, what it reads, and whether the answer is kept.
pub(crate) fn told(node: &Node, schema: &Schema, planned: &Planned, session: &Settled) -> Found {
    let plan = &planned.plan;
    let kept = match &planned.tracked {
        Ok(_) if !node.config.cache.enabled => Err(Bypass::Off),
        Ok(_) if !node.cache.is_open() => Err(Bypass::Cache(cache::Bypass::Closed)),
        Ok(settings) => Ok(settings),
        Err(why) => Err(why.clone()),
    };
    let cache = match &kept {
        Ok(settings) => json!({ "kept": true, "why": null, "by": by(session, settings) }),
        Err(why) => json!({ "kept": false, "why": why.to_string(), "by": null }),
    };
    let reads = match (&plan.reads, plan.access) {
        (Reads::Tracked(tracked), Access::Read) => reads(schema, tracked),
        _ => Value::Null,
    };
    let told = json!({
        "access": if plan.access == Access::Read { "read" } else { "write" },
        "role": session.role(),
        "search_path": planned.search_path,
        "statement": statement(&plan.statement),
        "estimate": plan.estimate.as_ref().map(|estimate| statement(&estimate.statement)),
        "shared": plan.batchable.is_some(),
        "cache": cache,
        "reads": reads,
    });
    Found::told(told.to_string())
}

fn statement(statement: &Statement) -> Value {
    let parameters: Vec<Value> = statement
        .parameters
        .iter()
        .map(|parameter| match parameter {
            Parameter::Null => Value::Null,
            Parameter::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        })
        .collect();
    json!({ "sql": statement.sql, "parameters": parameters })
}

/// What tells kept answers to the same request apart.
fn by(session: &Settled, settings: &Settings) -> Value {
    let mut by = vec![if session.role().is_some() { "role" } else { "login" }.to_owned()];
    match settings {
        Settings::Only(names) => by.extend(names.iter().cloned()),
        Settings::Any => by.push("every setting of the request".to_owned()),
    }
    by.into()
}

fn reads(schema: &Schema, tracked: &Tracked) -> Value {
    let whole: Vec<Value> = tracked.known().iter().map(|read| known(schema, read)).collect();
    let mut later: Vec<String> = tracked.later().into_iter().map(|id| schema.name(id)).collect();
    later.sort_unstable();
    later.dedup();
    let ttl = tracked.ttl.map(|ttl| ttl.max.as_millis() as u64);
    json!({ "known": whole, "told_by_the_answer": later, "ttl_ms_max": ttl })
}

fn known(schema: &Schema, read: &Read) -> Value {
    let name = |id: RelationId| schema.name(id);
    match read {
        Read::Whole(id) => json!({ "relation": name(*id), "rows": "all" }),
        Read::Rows(rows) => {
            let within = rows
                .within
                .iter()
                .map(|Interval { column, low, high }| json!({ "column": column, "from": low, "to": high }));
            json!({
                "relation": name(rows.relation),
                "columns": *rows.columns,
                "rows": rows.values,
                "within": within.collect::<Vec<_>>(),
                "old_values_matter": rows.old_matters,
                "watched": rows.watched.as_deref(),
            })
        }
    }
}
