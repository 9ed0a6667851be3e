//! The doctor at work: its grade, and what it applies. What it advises comes from the requests that were timed before.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bench::process::{LOAD_CORE, SERVER_CORE, on_cores};
use crate::bench::stage::{EXAMPLE, Stage};

/// How Courant serves the example once its developers have added their functions: those that read the clock are kept
/// until a table changes, and never longer than the limit.
const TUNED: &str = r#"
[[cache.declare]]
function = "public.get_dashboard_metrics_ultra_fast"
depends_on = [
    "public.vapi_calls", "public.leads", "public.appointments", "public.interventions", "public.sms_logs",
    "public.alerts", "public.messages", "public.memberships",
]
ttl_ms = 5000

[[cache.declare]]
function = "public.get_crm_stats_optimized"
depends_on = [
    "public.organizations", "public.modules", "public.leads", "public.appointments", "public.interventions",
    "public.conversations", "public.memberships",
]
ttl_ms = 60000

[[cache.declare]]
function = "public.search_calls_optimized"
depends_on = ["public.vapi_calls", "public.memberships"]
"#;

/// Courant's configuration after the developers' work.
pub(super) fn configuration() -> String {
    format!("{}{TUNED}", field_service::CONFIGURATION)
}

/// The grade that the doctor gives.
pub(super) fn grade(stage: &Stage) -> Result<String> {
    stage.show("the doctor examines");
    let output = doctor(stage, &["--json"])?;
    let report: Value = serde_json::from_slice(&output).context("the doctor's report is no JSON")?;
    let (grade, score) = (report["grade"].as_str(), report["score"].as_f64());
    let (grade, score) = grade.zip(score).context("the doctor's report has no grade")?;
    Ok(format!("{grade} ({score:.0})"))
}

/// Lets it apply what it advises, and keep what helped.
pub(super) fn apply(stage: &Stage) -> Result<()> {
    let said = doctor(stage, &["apply", "--yes"])?;
    let file = stage.directory.join("doctor-apply.txt");
    std::fs::write(&file, said).with_context(|| format!("cannot write {}", file.display()))
}

fn doctor(stage: &Stage, flags: &[&str]) -> Result<Vec<u8>> {
    let mut command: Command = on_cores(&format!("{LOAD_CORE},{SERVER_CORE}"), &stage.courant);
    command.arg("doctor").args(flags).args(["--database-url", &stage.cluster.uri(EXAMPLE)]);
    command.current_dir(&stage.directory).stdin(Stdio::null());
    let output = command.output().context("cannot run courant doctor")?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    ensure!(output.status.success(), "courant doctor {} failed: {}", flags.join(" "), said());
    Ok(output.stdout)
}
