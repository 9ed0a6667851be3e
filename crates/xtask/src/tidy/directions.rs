//! The direction of dependence: which crate may know which.
//!
//! Input comes from `cargo metadata`, so it holds for every kind of dependency.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::Finding;

/// For each crate, the crates of the workspace it may depend on. Features import neither each other nor
/// the change stream; whoever is not listed is not known yet.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("pg", &[]),
    ("wal", &["pg"]),
    ("rest", &["pg"]),
    ("cache", &["pg"]),
    ("field-service", &["pg"]),
    ("gateway", &["pg"]),
    ("advisor", &["pg"]),
    ("doctor", &["pg"]),
    ("queue", &["pg"]),
    ("torture", &["pg"]),
    (
        "courant",
        &["advisor", "cache", "doctor", "field-service", "gateway", "pg", "queue", "rest", "torture", "wal"],
    ),
    ("xtask", &["cache", "field-service", "gateway", "pg", "queue", "rest", "torture", "wal"]),
];

/// Checks the workspace as cargo sees it.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root);
    let output = command.output().context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(check_metadata(&serde_json::from_slice(&output.stdout)?))
}

/// Checks what `cargo metadata` printed.
pub(super) fn check_metadata(metadata: &Value) -> Vec<Finding> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let Some(name) = package["name"].as_str() else { continue };
        let mut find =
            |advice: String| findings.push(Finding { path: format!("crate {name}"), line: 0, advice });
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            find("say in xtask's tidy/directions.rs what it may depend on".to_owned());
            continue;
        };
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        for on in dependencies.iter().filter_map(|dependency| dependency["name"].as_str()) {
            if names.contains(&on) && !allowed.contains(&on) {
                find(format!("must not depend on {on}"));
            }
        }
    }
    findings
}
