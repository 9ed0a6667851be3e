//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! Looks at the files that git knows or would take, and at what cargo says of the workspace. Changes
//! nothing. A rule that is broken is one line: where, and what to do.

mod directions;
mod files;
mod rust;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// A rule that is broken somewhere.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// The file, from the workspace's root.
    path: String,
    /// The line, from 1; 0 for the file as a whole.
    line: usize,
    /// What to do.
    advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.advice),
            line => write!(f, "{}:{line}: {}", self.path, self.advice),
        }
    }
}

/// Checks everything; fails with the number of findings, which it prints.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = root();
    let mut findings = directions::check(&root)?;
    let paths = listed(&root)?;
    for path in &paths {
        // Not text, or listed but deleted: nothing here to read.
        let Ok(text) = std::fs::read_to_string(root.join(path)) else { continue };
        findings.extend(check(path, &text));
    }
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} to tidy", findings.len());
    }
    println!("tidy: {} files", paths.len());
    Ok(())
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate is in crates/xtask").to_owned()
}

fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = files::check(path, text);
    if path.ends_with(".rs") {
        findings.extend(rust::check(path, text));
    }
    findings
}

/// The files that are in git, and those that could be.
fn listed(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut command = Command::new("git");
    command.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root);
    let output = command.output().context("cannot run git")?;
    ensure!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr).trim());
    let names = String::from_utf8(output.stdout)?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
