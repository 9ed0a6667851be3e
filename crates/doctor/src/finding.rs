//! What an examination finds: findings, and what it could not look at.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checks::Remedy;
use crate::kpi::Kpi;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; costs no point.
    Info,
    /// Worth an hour.
    Notice,
    /// Worth a day.
    Warning,
    /// Worth a night.
    Critical,
}

impl Severity {
    pub(crate) fn read(text: &str) -> Severity {
        match text {
            "critical" => Severity::Critical,
            "warning" => Severity::Warning,
            "notice" => Severity::Notice,
            _ => Severity::Info,
        }
    }

    /// What one finding takes from the findings' own indicator, of 100.
    pub(crate) fn penalty(self) -> f64 {
        match self {
            Severity::Critical => 25.0,
            Severity::Warning => 6.0,
            Severity::Notice => 2.0,
            Severity::Info => 0.0,
        }
    }

    /// Its name, as the reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
            Severity::Info => "info",
        }
    }
}

/// Something that could be better, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// `check:object`, the same in every examination.
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// The table, index, statement or setting.
    pub object: String,
    /// One line that says what was seen.
    pub summary: String,
    /// The numbers behind the line.
    pub evidence: Value,
    /// What mends it, where SQL does.
    pub fix_sql: Option<String>,
    /// What takes that back.
    pub undo_sql: Option<String>,
    /// How `apply` treats the fix.
    pub remedy: Remedy,
    /// The indicators that the fix would raise.
    pub wins: Vec<Kpi>,
    /// Points of the grade that stand to be won by it, of 100.
    #[serde(default)]
    pub points: f64,
}

impl Finding {
    /// The check that found it.
    pub fn check(&self) -> &str {
        self.id.split_once(':').map_or(&self.id, |(check, _)| check)
    }

    /// Whether a name given by the user (a check, or a finding's whole id) means this one.
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name || self.check() == name
    }
}

/// Something that could not be examined, and what the report lacks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What was not examined, or not exactly.
    pub what: String,
    /// Why, and what would change that.
    pub why: String,
}
