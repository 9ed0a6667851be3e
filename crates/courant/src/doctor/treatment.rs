//! `courant doctor apply` and `undo`: what is asked before anything is changed, and how what happens is told.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Result, bail};
use clap::Args;
use doctor::apply::{self as treatment, Event, Outcome, Plan, State};
use serde_json::json;

use super::advice::Advising;
use super::{Patient, print};
use crate::cli::UsageError;

/// Apply fixes.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    patient: Patient,
    #[command(flatten)]
    advising: Advising,
    /// A check, or a finding by its whole id, to apply alone; may be given again.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Take back what was applied.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    #[command(flatten)]
    patient: Patient,
    /// A check, or a finding by its whole id, to take back alone; may be given again.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Examines, shows the plan, asks, applies.
pub(crate) async fn apply(asked: Apply) -> Result<()> {
    let probes = asked.advising.probes()?;
    let patient = &asked.patient;
    let outcomes = patient
        .visit(async |client| {
            let report = patient.examine(client, &asked.advising).await?;
            let plan = treatment::plan(client, &report, &asked.only).await?;
            if !asked.json {
                print(&shown(&plan));
            }
            if plan.steps.is_empty() {
                return Ok(Vec::new());
            }
            if !asked.yes && !agreed()? {
                bail!("nothing was changed");
            }
            Ok(treatment::apply(client, &plan, &probes, &report.statements, &mut tell).await?)
        })
        .await?;
    conclude(&outcomes, asked.json)
}

/// Takes back.
pub(crate) async fn undo(asked: Undo) -> Result<()> {
    let undone =
        asked.patient.visit(async |client| Ok(treatment::undo(client, &asked.only, &mut tell).await?));
    let outcomes = undone.await?;
    if outcomes.is_empty() && !asked.json {
        print("nothing was applied that could be taken back\n");
        return Ok(());
    }
    conclude(&outcomes, asked.json)
}

fn shown(plan: &Plan) -> String {
    let mut out = String::new();
    for step in &plan.steps {
        let fix = step.fix_sql.as_deref().unwrap_or_default();
        out.push_str(&format!("  {}\n      {fix}\n", step.summary));
    }
    if plan.steps.is_empty() {
        out.push_str("  nothing to apply\n");
    }
    for refused in &plan.refused {
        out.push_str(&format!("  not: {} ({})\n", refused.finding, refused.why));
    }
    for waits_for in &plan.waits_for {
        out.push_str(&format!("  careful: {waits_for}; an index is built only when it has ended\n"));
    }
    out
}

/// Asks on the terminal; elsewhere, nobody could answer.
fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(UsageError("nobody is there to ask: add --yes to apply the plan".to_owned()).into());
    }
    print("Apply this? [y/N] ");
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Tells what happens, on standard error, while it happens.
fn tell(event: Event<'_>) {
    match event {
        Event::Recovered(finding) => eprintln!("  cleaned up what an earlier run had left of {finding}"),
        Event::Measuring { finding, statements } => {
            eprintln!("  measuring {statements} statements for {finding}")
        }
        Event::Applying(sql) => eprintln!("  {sql}"),
        Event::Waiting { what, tries } => eprintln!("  locked, tried {tries} times: {what}"),
        Event::Done(outcome) => eprintln!("  {}: {}", said(outcome.state), outcome.why),
    }
}

fn said(state: State) -> &'static str {
    match state {
        State::Kept => "kept",
        State::TakenBack => "taken back",
        State::Refused => "not tried",
        State::Failed => "failed",
        State::Undone => "undone",
    }
}

fn conclude(outcomes: &[Outcome], as_json: bool) -> Result<()> {
    if as_json {
        print(&format!("{}\n", json!({ "outcomes": outcomes })));
    } else if !outcomes.is_empty() {
        print("\n");
        for outcome in outcomes {
            print(&format!(
                "  {:10} {}\n             {}\n",
                said(outcome.state),
                outcome.finding,
                outcome.why
            ));
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.state == State::Failed).count();
    if failed > 0 {
        bail!("{failed} of {} fixes failed; everything they touched is as before", outcomes.len());
    }
    Ok(())
}
