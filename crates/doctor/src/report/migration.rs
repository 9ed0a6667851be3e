//! The report's fixes as a file of SQL, to be read, edited and run by a person.
//!
//! What changes who may do what, and what cannot be undone, stands there commented out.

use std::fmt::Write as _;

use super::Report;
use crate::checks::Remedy;
use crate::finding::Finding;

/// A file for psql. CREATE INDEX CONCURRENTLY takes no transaction around it, so there is none.
pub fn migration(report: &Report) -> String {
    let mut out = format!(
        "-- Proposed by courant doctor for {}, {} (grade {}).\n\
         -- Run it with psql -f and without --single-transaction: CONCURRENTLY does not run in a transaction.\n\
         -- What is commented out changes who may do what, needs your judgement, or cannot be undone.\n\n\
         set lock_timeout = '5s';\n",
        one_line(&report.about.database),
        report.about.examined_at,
        report.grade.letter()
    );
    for finding in &report.findings {
        let Some(fix) = &finding.fix_sql else { continue };
        // Writing to a string does not fail.
        let _ = write!(out, "\n-- {} ({})\n", one_line(&finding.summary), one_line(&finding.id));
        if let Some(undo) = &finding.undo_sql {
            let _ = writeln!(out, "-- undo: {}", one_line(undo));
        }
        let mark = if runs_by_itself(finding) { "" } else { "-- " };
        let lines: Vec<&str> = fix.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let end = if number + 1 == lines.len() { ";" } else { "" };
            let _ = writeln!(out, "{mark}{line}{end}");
        }
    }
    out
}

fn runs_by_itself(finding: &Finding) -> bool {
    !matches!(finding.remedy, Remedy::Manual | Remedy::Named)
}

/// A name with a line break in it must not end the comment that it stands in.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
