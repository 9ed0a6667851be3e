//! The doctor at work: its grade, and what it applies. What it advises comes from the app's statements and from the
//! requests that were timed before.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio_postgres::Client;

use crate::bench::process::{LOAD_CORE, SERVER_CORE, on_cores};
use crate::bench::stage::{EXAMPLE, Stage};

/// How Courant serves the example once its developers have added their functions.
const TUNED: &str = include_str!("tuned.toml");
/// What all new indexes together may take.
const ADVICE_MB: &str = "4000";

/// Courant's configuration after the developers' work, in a file.
pub(super) fn configuration(stage: &Stage) -> Result<String> {
    let file = stage.directory.join("reports.toml");
    let text = format!("{}\n{TUNED}", field_service::CONFIGURATION);
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file.to_str().context("target/bench has a strange path")?.to_owned())
}

/// Counters begin anew: what they say is of what comes next.
pub(super) async fn forget(client: &Client) -> Result<()> {
    // Of backends that have ended nothing is pending; this connection's own is told first.
    client.batch_execute("select pg_stat_force_next_flush()").await?;
    client.batch_execute("select pg_stat_reset(), pg_stat_statements_reset()").await?;
    Ok(())
}

/// Who examines the example's database.
pub(super) struct Doctor<'a> {
    stage: &'a Stage,
    /// The app's statements, each with its user: without them row-level security would hide what they read.
    workload: PathBuf,
}

impl<'a> Doctor<'a> {
    /// Writes the app's statements down.
    pub(super) async fn new(stage: &'a Stage, client: &Client) -> Result<Doctor<'a>> {
        let workload = stage.directory.join("workload.sql");
        let mut asked = field_service::asked(client, 1.0).await?;
        // One set of values each: every statement that reads a table is run a dozen times for each of its indexes.
        asked.retain(|asked| asked.name.ends_with(" 0"));
        std::fs::write(&workload, field_service::workload_file(&asked))
            .with_context(|| format!("cannot write {}", workload.display()))?;
        Ok(Doctor { stage, workload })
    }

    /// The grade that it gives; its report goes to a file.
    pub(super) fn grade(&self, when: &str) -> Result<String> {
        self.stage.show(&format!("{when}: the doctor examines"));
        let output = self.ask(&["--json"], true)?;
        self.keep(when, &output)?;
        let report: Value = serde_json::from_slice(&output).context("the doctor's report is no JSON")?;
        let (grade, score) = (report["grade"].as_str(), report["score"].as_f64());
        let (grade, score) = grade.zip(score).context("the doctor's report has no grade")?;
        Ok(format!("{grade} ({score:.0})"))
    }

    /// Lets it apply what it advises, and keep what helped: by the app's statements, or by what the server has counted.
    /// Says how much helped.
    pub(super) fn apply(&self, what: &str, by_workload: bool) -> Result<String> {
        self.stage.show("the doctor applies what it advises");
        let said = self.ask(&["apply", "--yes", "--json"], by_workload)?;
        self.keep(what, &said)?;
        let told: Value = serde_json::from_slice(&said).context("what the doctor did is no JSON")?;
        let outcomes = told["outcomes"].as_array().context("the doctor told of no outcomes")?;
        let of = |state: &str| outcomes.iter().filter(|outcome| outcome["state"] == state).count();
        let (kept, taken_back, failed) = (of("kept"), of("taken_back"), of("failed"));
        Ok(format!("{kept} kept, {taken_back} taken back, {failed} failed"))
    }

    fn keep(&self, what: &str, said: &[u8]) -> Result<()> {
        let file = self.stage.directory.join(format!("doctor-{what}.json"));
        std::fs::write(&file, said).with_context(|| format!("cannot write {}", file.display()))
    }

    fn ask(&self, flags: &[&str], by_workload: bool) -> Result<Vec<u8>> {
        let mut command: Command = on_cores(&format!("{LOAD_CORE},{SERVER_CORE}"), &self.stage.courant);
        command.arg("doctor").args(flags).args(["--database-url", &self.stage.cluster.uri(EXAMPLE)]);
        command.args(["--advice-mb", ADVICE_MB]);
        if by_workload {
            command.arg("--workload").arg(&self.workload);
        }
        command.current_dir(&self.stage.directory).stdin(Stdio::null());
        let output = command.output().context("cannot run courant doctor")?;
        let said = String::from_utf8_lossy(&output.stderr);
        // Where a fix failed it says so, and with what became of the others.
        let has_said = output.status.success() || flags[0] == "apply" && !output.stdout.is_empty();
        ensure!(has_said, "courant doctor {} failed: {}", flags.join(" "), said.trim());
        Ok(output.stdout)
    }
}
