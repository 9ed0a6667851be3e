//! `cargo xtask reference`: the generated pages under `docs/`.
//!
//! The pages are printed by the binary itself, so that they cannot say anything else than it does.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// Each page, and what prints it.
const PAGES: [(&str, &[&str]); 4] = [
    ("docs/configuration.md", &["config", "reference"]),
    ("docs/metrics.md", &["config", "metrics"]),
    ("docs/grafana.json", &["config", "dashboard"]),
    ("docs/postgrest.md", &["config", "postgrest"]),
];

/// Writes the pages, or checks that they need not be written.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let root = crate::tidy::root();
    for (page, arguments) in PAGES {
        let now = print(&root, arguments)?;
        let path = root.join(page);
        if std::fs::read_to_string(&path).is_ok_and(|before| before == now) {
            continue;
        }
        if check {
            bail!("{page} is not up to date: run `cargo xtask reference`");
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, now).with_context(|| format!("cannot write {page}"))?;
        println!("{page} written");
    }
    Ok(())
}

fn print(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--package", "courant", "--"]).args(arguments).current_dir(root);
    let output = command.output().context("cannot run cargo")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?)
}
