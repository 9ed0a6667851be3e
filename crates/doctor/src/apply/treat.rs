//! Applies a plan's fixes one after another, each by the way of its kind, and takes them back.

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::index::{self, Found, patiently};
use super::judgement::{Comparison, Runs, Verdict, drift, judge};
use super::ledger::{self, Entry};
use super::measure::{Known, Replanned, measure, planned, replanned, yardstick};
use super::{Event, Outcome, Plan, State, Told};
use crate::checks::Remedy;
use crate::error::Error;
use crate::finding::Finding;
use crate::workload::{Probe, Statement, representatives, text};

const DROP_INDEX: &str = "drop index concurrently if exists ";
const REINDEX: &str = "reindex index concurrently ";

/// Applies the plan. Statements to measure by are the workload's; without one, the report's own, with values from the
/// columns' statistics.
///
/// Cleans up first what an earlier run left half done. A fix that fails leaves everything as it was, and the next one's turn.
pub async fn apply(
    client: &Client,
    plan: &Plan,
    workload: &[Probe],
    statements: &[Statement],
    told: Told<'_>,
) -> Result<Vec<Outcome>, Error> {
    ledger::open(client, told).await?;
    let made;
    let probes = if workload.is_empty() {
        made =
            representatives(client, statements).await.map_err(Error::database("statements were prepared"))?;
        &made
    } else {
        workload
    };
    let reading: Vec<Probe> = probes.iter().filter(|probe| text::reads(&probe.sql)).cloned().collect();
    let known = planned(client, &reading).await.map_err(Error::database("statements were planned"))?;
    let mut outcomes = Vec::new();
    for finding in &plan.steps {
        let outcome = match treat(client, finding, &known, told).await {
            Ok(outcome) => outcome,
            Err(error) if is_about_this_one(&error) => failed(finding, &error),
            Err(error) => return Err(error),
        };
        told(Event::Done(&outcome));
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Whether the connection still stands, so that the next fix may have its turn.
fn is_about_this_one(error: &Error) -> bool {
    match error {
        Error::Database { source, .. } => source.as_db_error().is_some(),
        Error::Locked { .. } => true,
        _ => false,
    }
}

fn failed(finding: &Finding, error: &Error) -> Outcome {
    let said = match error {
        Error::Database { source, .. } => source.as_db_error().map(|refusal| refusal.message().to_owned()),
        _ => None,
    };
    Outcome {
        finding: finding.id.clone(),
        state: State::Failed,
        why: said.unwrap_or_else(|| error.to_string()),
        measured: Vec::new(),
    }
}

async fn treat(
    client: &Client,
    finding: &Finding,
    known: &[Known],
    told: Told<'_>,
) -> Result<Outcome, Error> {
    let Some(fix) = &finding.fix_sql else {
        return Ok(outcome(finding, State::Refused, "there is no SQL for it"));
    };
    match finding.remedy {
        Remedy::Index => build(client, finding, fix, known, told).await,
        Remedy::Reversible => remove(client, finding, fix, known, told).await,
        Remedy::Maintenance | Remedy::Manual => {
            let index = fix.strip_prefix(REINDEX);
            simply(client, finding, fix, None, index, told).await
        }
        Remedy::Setting | Remedy::Named => {
            simply(client, finding, fix, finding.undo_sql.as_deref(), None, told).await
        }
    }
}

fn outcome(finding: &Finding, state: State, why: &str) -> Outcome {
    Outcome { finding: finding.id.clone(), state, why: why.to_owned(), measured: Vec::new() }
}

/// What needs no proof: it is done, and written down.
async fn simply(
    client: &Client,
    finding: &Finding,
    fix: &str,
    undo: Option<&str>,
    index: Option<&str>,
    told: Told<'_>,
) -> Result<Outcome, Error> {
    told(Event::Applying(fix));
    let entry = ledger::begin(client, &finding.id, fix, undo, index).await?;
    match patiently(client, fix, None, told).await {
        Ok(()) => {
            ledger::end(client, entry.id, "kept", &Value::Null).await?;
            let why = if undo.is_some() {
                "done; undo takes it back"
            } else {
                "done; there is nothing to take back"
            };
            Ok(outcome(finding, State::Kept, why))
        }
        Err(error) => {
            abandon(client, &entry, told).await?;
            Err(error)
        }
    }
}

/// Leaves everything as it was before the entry.
async fn abandon(client: &Client, entry: &Entry, told: Told<'_>) -> Result<(), Error> {
    ledger::take_back(client, entry, told).await?;
    ledger::end(client, entry.id, "failed", &Value::Null).await
}

/// An index to build: measured without, built, measured with, and kept if it earned that.
async fn build(
    client: &Client,
    finding: &Finding,
    fix: &str,
    known: &[Known],
    told: Told<'_>,
) -> Result<Outcome, Error> {
    let name = finding.undo_sql.as_deref().and_then(|undo| undo.strip_prefix(DROP_INDEX));
    let (Some(name), Some(table)) = (name, finding.evidence["table"].as_str()) else {
        return Ok(outcome(finding, State::Refused, "its index has no name"));
    };
    if index::state(client, name).await? != Found::Nothing {
        return Ok(outcome(finding, State::Refused, "something of that name is there already"));
    }
    let mut concerned = concerned(known, table);
    let own = finding.evidence["probe_sql"].as_str().map(own_probe);
    concerned
        .extend(planned(client, own.as_slice()).await.map_err(Error::database("a statement was planned"))?);
    if concerned.is_empty() {
        let why = "no statement to measure it by: give some with --workload";
        return Ok(outcome(finding, State::Refused, why));
    }
    // An index without statistics of its expressions is not trusted, and one that covers needs the visibility map.
    let refresh =
        format!("{} {table}", if fix.contains(" include (") { "vacuum (analyze)" } else { "analyze" });
    let steps = [(fix, Some(name)), (refresh.as_str(), None)];
    let (entry, measured) = tried(client, finding, name, &steps, &concerned, told).await?;
    let (keeps, why) = match judge(&measured) {
        Verdict::Helps(why) => (true, why),
        Verdict::Hurts(why) => (false, format!("slower: {why}")),
        Verdict::Nothing => {
            (false, format!("none of {} statements gained beyond the noise", concerned.len()))
        }
    };
    let why = format!("{}{why}", expected(finding));
    settle(client, finding, &entry, keeps, why, measured, told).await
}

/// What the advisor expected, to stand before what was measured.
fn expected(finding: &Finding) -> String {
    match (finding.evidence["cost_before"].as_f64(), finding.evidence["cost_after"].as_f64()) {
        (Some(before), Some(after)) if before > 0.0 => {
            format!("expected {:.0} % less cost; measured ", 100.0 * (1.0 - after / before))
        }
        _ => String::new(),
    }
}

/// An index to drop: measured with, dropped, measured without, and built again if a statement suffers.
async fn remove(
    client: &Client,
    finding: &Finding,
    fix: &str,
    known: &[Known],
    told: Told<'_>,
) -> Result<Outcome, Error> {
    let Some(name) = fix.strip_prefix(DROP_INDEX) else {
        return simply(client, finding, fix, finding.undo_sql.as_deref(), None, told).await;
    };
    let concerned = concerned(known, finding.evidence["table"].as_str().unwrap_or_default());
    let (entry, measured) = tried(client, finding, name, &[(fix, None)], &concerned, told).await?;
    let (keeps, why) = match judge(&measured) {
        Verdict::Hurts(why) => (false, format!("slower without it: {why}")),
        _ if concerned.is_empty() => (true, "dropped; no statement was there to measure by".to_owned()),
        _ => (true, format!("dropped; none of {} statements is slower", concerned.len())),
    };
    settle(client, finding, &entry, keeps, why, measured, told).await
}

/// Measures, takes the steps (each with the index that an aborted one leaves invalid), and measures again. An error leaves
/// everything as it was.
async fn tried(
    client: &Client,
    finding: &Finding,
    name: &str,
    steps: &[(&str, Option<&str>)],
    concerned: &[Known],
    told: Told<'_>,
) -> Result<(Entry, Vec<Comparison>), Error> {
    let running = Error::database("statements were measured");
    told(Event::Measuring { finding: &finding.id, statements: concerned.len() });
    let mut run = concerned.to_vec();
    run.push(yardstick());
    let before = measure(client, &run).await.map_err(&running)?;
    let fix = steps.first().map_or("", |(sql, _)| *sql);
    told(Event::Applying(fix));
    let entry = ledger::begin(client, &finding.id, fix, finding.undo_sql.as_deref(), Some(name)).await?;
    let changed = async {
        for (sql, index) in steps {
            patiently(client, sql, *index, told).await?;
        }
        let Replanned { others, before, steady, steady_before } =
            replanned(client, &run, &before).await.map_err(&running)?;
        told(Event::Measuring { finding: &finding.id, statements: others.len() });
        // They take turns with the steady ones, so that drift is that of the same minutes.
        let again: Vec<Known> = others.iter().chain(&steady).cloned().collect();
        let after = measure(client, &again).await.map_err(&running)?;
        let (after, steady_after) = after.split_at(others.len());
        Ok(compared(&others, &before, after, drift(&steady_before, steady_after)))
    };
    match changed.await {
        Ok(measured) => Ok((entry, measured)),
        Err(error) => {
            abandon(client, &entry, told).await?;
            Err(error)
        }
    }
}

async fn settle(
    client: &Client,
    finding: &Finding,
    entry: &Entry,
    keeps: bool,
    why: String,
    measured: Vec<Comparison>,
    told: Told<'_>,
) -> Result<Outcome, Error> {
    if !keeps {
        ledger::take_back(client, entry, told).await?;
    }
    let (state, name) = if keeps { (State::Kept, "kept") } else { (State::TakenBack, "taken back") };
    ledger::end(client, entry.id, name, &json!({ "why": why, "statements": measured })).await?;
    Ok(Outcome { finding: finding.id.clone(), state, why, measured })
}

/// The statements that read the table.
fn concerned(known: &[Known], table: &str) -> Vec<Known> {
    let table = table.replace('"', "");
    known.iter().filter(|known| known.tables.contains(&table)).cloned().collect()
}

/// The statement that the finding itself stands for: what a foreign key's check asks, what a policy compares.
fn own_probe(sql: &str) -> Probe {
    Probe {
        name: "the check itself".to_owned(),
        sql: sql.to_owned(),
        calls: 1.0,
        role: None,
        settings: Vec::new(),
    }
}

fn compared(known: &[Known], before: &[Option<Runs>], after: &[Option<Runs>], drift: f64) -> Vec<Comparison> {
    let pairs = known.iter().zip(before.iter().zip(after));
    let both = pairs.filter_map(|(known, (before, after))| Some((known, before.as_ref()?, after.as_ref()?)));
    // What was given up both times says nothing.
    let told = both.filter(|(_, before, after)| !before.gave_up || !after.gave_up);
    told.map(|(known, before, after)| Comparison::of(&known.probe.name, before, after, drift)).collect()
}

/// Takes back what was kept, the latest first: all of it, or what `only` names.
pub async fn undo(client: &Client, only: &[String], told: Told<'_>) -> Result<Vec<Outcome>, Error> {
    ledger::open(client, told).await?;
    let mut outcomes = Vec::new();
    for entry in ledger::entries(client, "kept").await? {
        let check = entry.finding.split(':').next().unwrap_or_default();
        let is_meant = only.is_empty() || only.iter().any(|name| *name == entry.finding || name == check);
        let (true, Some(undo)) = (is_meant, entry.undo_sql.clone()) else { continue };
        told(Event::Applying(&undo));
        ledger::take_back(client, &entry, told).await?;
        ledger::end(client, entry.id, "undone", &Value::Null).await?;
        let outcome =
            Outcome { finding: entry.finding, state: State::Undone, why: undo, measured: Vec::new() };
        told(Event::Done(&outcome));
        outcomes.push(outcome);
    }
    Ok(outcomes)
}
