//! The report for a terminal: the grade, the indicators as bars, the five most valuable actions, and then everything.
//!
//! Text only; whether colours are shown is the caller's to say.

use std::fmt::Write as _;

use super::{Report, WIDTH, cost};
use crate::checks::{Remedy, explanations};
use crate::finding::{Finding, Severity};
use crate::grade::{Grade, KpiScore};
use crate::workload::text::short;

const BAR: usize = 24;
/// Findings of one check that are listed one by one.
const LISTED: usize = 6;

/// Escape sequences, or nothing.
struct Ink {
    on: bool,
}

impl Ink {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn severity(&self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Critical => "1;31",
            Severity::Warning => "33",
            Severity::Notice => "36",
            Severity::Info => "2",
        };
        self.paint(code, text)
    }

    fn score(&self, score: f64, text: &str) -> String {
        let code = match score {
            _ if score >= 0.9 => "32",
            _ if score >= 0.7 => "33",
            _ => "31",
        };
        self.paint(code, text)
    }
}

/// The whole report, as lines.
pub fn terminal(report: &Report, colour: bool) -> String {
    let ink = Ink { on: colour };
    let mut out = String::new();
    head(&mut out, report, &ink);
    for kpi in &report.kpis {
        indicator(&mut out, kpi, &ink);
    }
    actions(&mut out, report, &ink);
    everything(&mut out, report, &ink);
    statements(&mut out, report, &ink);
    limits(&mut out, report, &ink);
    out
}

/// Writing to a string does not fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($part:tt)*) => {{ let _ = writeln!($out, $($part)*); }};
}

fn head(out: &mut String, report: &Report, ink: &Ink) {
    let about = &report.about;
    let letter = report.grade.letter();
    let grade = ink
        .score(if report.grade == Grade::I { 0.8 } else { report.score / 100.0 }, &format!("  {letter}  "));
    line!(out);
    line!(
        out,
        "{}  {:.0} of 100   {}",
        ink.paint("1;7", &grade),
        report.score,
        ink.paint("1", &about.database)
    );
    line!(
        out,
        "       PostgreSQL {}, {}, {:.0} calls counted",
        about.server_version,
        about.examined_at,
        about.calls
    );
    if report.grade == Grade::I {
        line!(
            out,
            "       I: incomplete. Too little was measured or too few calls were seen (1,000 are needed) for a grade."
        );
    }
    for cap in &report.caps {
        line!(out, "       No better than {} while {} stands.", cap.grade.letter(), cap.finding);
    }
    line!(out);
}

fn indicator(out: &mut String, kpi: &KpiScore, ink: &Ink) {
    let (Some(value), Some(score)) = (kpi.value, kpi.score) else {
        line!(out, "  {:28} {}", kpi.kpi.title(), ink.paint("2", "not measured"));
        return;
    };
    // A bar of so many blocks, as f64 from 0 to 1.
    let full = (score * BAR as f64).round() as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
    let digits = if value < 10.0 { 2 } else { 0 };
    let value = format!("{}{value:.digits$} {}", if kpi.estimated { "~" } else { "" }, kpi.kpi.unit());
    let lost = if kpi.lost >= 0.05 { format!("-{:.1}", kpi.lost) } else { String::new() };
    let back = match (kpi.lost >= 0.5, kpi.won_back_by.first()) {
        (true, Some(id)) => {
            let more = kpi.won_back_by.len() - 1;
            let more = if more > 0 { format!(" +{more}") } else { String::new() };
            format!("won back by {}{more}", short(id, 44))
        }
        _ => String::new(),
    };
    line!(
        out,
        "  {:28} {} {value:>12} {lost:>6}  {}",
        kpi.kpi.title(),
        ink.score(score, &bar),
        ink.paint("2", &back)
    );
}

fn actions(out: &mut String, report: &Report, ink: &Ink) {
    let first = report.actions();
    line!(out);
    if first.is_empty() {
        line!(out, "  {}", ink.paint("32", "Nothing to do."));
        return;
    }
    line!(out, "  {}", ink.paint("1", "The most valuable actions"));
    for (number, finding) in first.iter().enumerate() {
        line!(out);
        let points = format!("{:.1} points", finding.points);
        line!(
            out,
            "  {}. {}  {}",
            number + 1,
            ink.severity(finding.severity, &finding.summary),
            ink.paint("2", &points)
        );
        line!(out, "     cost: {}   id: {}", cost(finding), ink.paint("2", &finding.id));
        if let Some(sql) = &finding.fix_sql {
            for part in sql.lines() {
                line!(out, "     {}", ink.paint("1;34", part));
            }
        }
    }
}

fn everything(out: &mut String, report: &Report, ink: &Ink) {
    for (check, title, explanation) in explanations() {
        let found: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.check() == check).collect();
        let Some(worst) = found.iter().map(|finding| finding.severity).max() else { continue };
        line!(out);
        line!(
            out,
            "  {} {} {}",
            ink.severity(worst, "●"),
            ink.paint("1", title),
            ink.paint("2", &format!("({check}, {})", found.len()))
        );
        for part in wrapped(explanation, WIDTH - 4) {
            line!(out, "    {}", ink.paint("2", &part));
        }
        for finding in found.iter().take(LISTED) {
            line!(
                out,
                "    {} {}",
                ink.severity(finding.severity, &format!("{:8}", finding.severity.name())),
                finding.summary
            );
        }
        if found.len() > LISTED {
            line!(out, "    and {} more (--json has all of them)", found.len() - LISTED);
        }
    }
    let by_itself = |finding: &&Finding| {
        finding.fix_sql.is_some() && !matches!(finding.remedy, Remedy::Manual | Remedy::Named)
    };
    let applicable = report.findings.iter().filter(by_itself).count();
    if applicable > 0 {
        line!(out);
        line!(
            out,
            "  courant doctor apply tries {applicable} of these fixes, measures each, and keeps what helps."
        );
    }
}

fn statements(out: &mut String, report: &Report, ink: &Ink) {
    if report.statements.is_empty() {
        return;
    }
    line!(out);
    line!(out, "  {}", ink.paint("1", "Where the time goes"));
    line!(out, "  {}", ink.paint("2", "   total ms      calls    mean ms  statement"));
    for statement in report.statements.iter().take(10) {
        line!(
            out,
            "  {:>11.0} {:>10.0} {:>10.2}  {}",
            statement.total_ms,
            statement.calls,
            statement.mean_ms,
            short(&statement.text, WIDTH - 40)
        );
    }
}

fn limits(out: &mut String, report: &Report, ink: &Ink) {
    if report.limits.is_empty() {
        return;
    }
    line!(out);
    line!(out, "  {}", ink.paint("1", "What this report lacks"));
    for limit in &report.limits {
        for (number, part) in wrapped(&format!("{}: {}", limit.what, limit.why), WIDTH - 6).iter().enumerate()
        {
            line!(out, "  {} {part}", if number == 0 { "-" } else { " " });
        }
    }
}

/// Lines of at most so many characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.chars().count() + word.chars().count() < width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
