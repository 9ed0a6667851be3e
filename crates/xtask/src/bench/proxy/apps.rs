//! The pages of the two example apps, direct and through Courant, as `compat/apps/run --measure` times them: one
//! client, one request at a time. The reports say how many times faster the pages became that were mended by hand.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::bench::process::{LOAD_CORE, SERVER_CORE, on_cores};
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;
use crate::tidy::root;

/// The pages that shall be as many times faster as the reports made them.
const WITH_GOAL: [&str; 4] = ["/auth/me", "/api/organizations", "/conversations", "/messages/1"];

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    stage.show("the example apps (some minutes the first time)");
    let file = stage.directory.join("apps.json");
    // The apps, PostgreSQL and Courant take turns, so they share all there is.
    let mut command = on_cores(&format!("{LOAD_CORE},{SERVER_CORE}"), root().join("compat/apps/run"));
    command.arg("--measure").arg("--json").arg(&file).env("COURANT_BIN", &stage.courant).stdin(Stdio::null());
    let output = Command::from(command).output().await.context("cannot run compat/apps/run")?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "compat/apps/run failed: {}", String::from_utf8_lossy(&said).trim());
    let pages: Vec<Value> = serde_json::from_slice(&std::fs::read(&file)?)?;
    ensure!(!pages.is_empty(), "compat/apps/run measured nothing");
    pages.iter().map(rows).collect::<Result<Vec<_>>>().map(|rows| rows.concat())
}

/// How many times faster a page became, beside the reports; and the times.
fn rows(page: &Value) -> Result<[Row; 2]> {
    let number =
        |name: &str| page[name].as_f64().with_context(|| format!("compat/apps/run says no {name}: {page}"));
    let path = page["path"].as_str().context("compat/apps/run names no page")?;
    let name = format!("apps{}", path.replace('/', "."));
    let goal = if WITH_GOAL.contains(&path) { Goal::AtLeastTimes(1.0) } else { Goal::Nothing };
    let direct = ("direct", number("direct_p50_ms")?);
    let times =
        Row::beside(&name, "times", number("factor")?, ("the reports", number("report_factor")?), goal);
    let p50 = Row::beside(format!("{name}.p50"), "ms", number("through_p50_ms")?, direct, Goal::Nothing);
    Ok([times, p50])
}
