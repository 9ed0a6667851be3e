//! The report of an examination, and its forms: for a terminal, as JSON, as a page, as a migration, and set beside another.
//!
//! The JSON form is [`Report`] itself; docs/doctor.md describes it. The others are text made from it, and pure.

mod difference;
mod migration;
mod page;
mod terminal;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Limit, Severity};
use crate::grade::{Cap, Grade, KpiScore};
use crate::workload::{Source, Statement};

pub use difference::difference;
pub use migration::migration;
pub use page::page;
pub use terminal::terminal;

/// The number of the JSON form. A reader refuses another.
pub const SCHEMA: u32 = 1;

/// Everything that an examination has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was examined.
    pub about: About,
    /// The grade.
    pub grade: Grade,
    /// Points, of 100.
    pub score: f64,
    /// The indicators behind them.
    pub kpis: Vec<KpiScore>,
    /// Findings under which the grade cannot be better.
    pub caps: Vec<Cap>,
    /// What could be better, the most valuable first.
    pub findings: Vec<Finding>,
    /// The statements that take most of the time.
    pub statements: Vec<Statement>,
    /// What could not be examined, and what would change that.
    pub limits: Vec<Limit>,
}

/// What was examined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The database's name.
    pub database: String,
    /// The server's version.
    pub server_version: String,
    /// When, by the server's clock.
    pub examined_at: String,
    /// How many calls the statistics are of.
    pub calls: f64,
    /// Where the statements come from.
    pub workload: Source,
}

/// Actions that stand above all others.
const ACTIONS: usize = 5;
/// So many of them may be of one check: what one check finds often is told once.
const ACTIONS_OF_A_CHECK: usize = 2;

impl Report {
    /// The most valuable actions, the best first.
    pub fn actions(&self) -> Vec<&Finding> {
        let mut actions: Vec<&Finding> = Vec::new();
        for finding in self.findings.iter().filter(|finding| finding.severity > Severity::Info) {
            let alike = actions.iter().filter(|action| action.check() == finding.check()).count();
            if alike < ACTIONS_OF_A_CHECK && actions.len() < ACTIONS {
                actions.push(finding);
            }
        }
        actions
    }
}

/// How many characters a terminal's text may have on a line of its own.
pub(crate) const WIDTH: usize = 100;

/// Bytes as people say them.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// What a fix costs, as far as it is known beforehand.
pub(crate) fn cost(finding: &Finding) -> String {
    use crate::checks::Remedy;
    let size = finding.evidence.get("size_bytes").and_then(serde_json::Value::as_u64).unwrap_or_default();
    match finding.remedy {
        Remedy::Index if size > 0 => format!("{} on disk, and a share of every write", bytes(size)),
        Remedy::Index => "disk, and a share of every write".to_owned(),
        Remedy::Reversible if size > 0 => format!("none; frees {}", bytes(size)),
        Remedy::Reversible => "none".to_owned(),
        Remedy::Maintenance => "one pass over the table".to_owned(),
        Remedy::Setting => "none".to_owned(),
        Remedy::Named => "changes who may do what: read it first".to_owned(),
        Remedy::Manual => "your judgement".to_owned(),
    }
}
