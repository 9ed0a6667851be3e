//! What came out: as a table for the terminal, as Markdown, and as JSON.

use serde::{Deserialize, Serialize};

use super::script::Scripts;
use super::timing::Timing;
use crate::bench::report::figure;

/// A scenario, before and after.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) name: String,
    /// Whether the app asks otherwise than before.
    pub(super) is_changed: bool,
    /// The report's figures in milliseconds: before and after.
    pub(super) report_ms: Option<(f64, f64)>,
    pub(super) before: Timing,
    /// Through Courant, its cache off.
    pub(super) off: Timing,
    /// Through Courant with its cache, others writing meanwhile.
    pub(super) on: Timing,
}

/// Everything else that the reports claim, by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) before: Option<f64>,
    pub(super) after: f64,
    pub(super) goal: String,
    pub(super) met: bool,
}

/// The requests of people who visit all pages, as often as they are visited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixed {
    pub(super) p50_ms: f64,
    pub(super) p95_ms: f64,
    pub(super) p99_ms: f64,
    /// As many people as there may be at once.
    pub(super) users: u64,
}

/// The whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) calls: u64,
    pub(super) messages: u64,
    /// One way, as asked for.
    pub(super) delay_ms: f64,
    pub(super) lines: Vec<Line>,
    pub(super) claims: Vec<Claim>,
    /// What the doctor said: its grade before and after.
    pub(super) grades: (String, String),
    /// What became of what it advised, each time it was let at the database.
    pub(super) treatments: Vec<String>,
    /// How long each part of the run took.
    pub(super) seconds: Vec<(String, f64)>,
}

impl Line {
    pub(super) fn new(scripts: &Scripts, before: Timing, off: Timing, on: Timing) -> Line {
        let (name, report_ms) = (scripts.scenario.name.clone(), scripts.scenario.report_ms);
        Line { name, is_changed: scripts.is_changed, report_ms, before, off, on }
    }

    /// How many times faster the report's became.
    pub(super) fn report_ratio(&self) -> Option<f64> {
        self.report_ms.map(|(before, after)| before / after)
    }

    /// How many times faster ours became, without the cache and with it.
    pub(super) fn ratios(&self) -> (f64, f64) {
        (self.before.p50_ms / self.off.p50_ms, self.before.p50_ms / self.on.p50_ms)
    }

    /// At least the report's ratio without the cache, and at least twice that with it.
    pub(super) fn met(&self) -> Option<(bool, bool)> {
        let (off, on) = self.ratios();
        self.report_ratio().map(|report| (off >= report, on >= 2.0 * report))
    }
}

const HEAD: [&str; 12] = [
    "scenario",
    "report ms",
    "x",
    "before ms",
    "cache off",
    "cache on",
    "x off",
    "x on",
    "p95",
    "p99",
    "req, kB",
    "hits",
];

fn cells(line: &Line) -> [String; 12] {
    let (off, on) = line.ratios();
    let mark = |met: Option<bool>| if met == Some(false) { " MISSED" } else { "" };
    let met = line.met();
    let at_least = if line.before.given_up > 0 { "> " } else { "" };
    let traffic = |timing: Timing| format!("{:.0}, {}", timing.requests, figure(timing.wire_bytes / 1e3));
    [
        format!("{}{}", line.name, if line.is_changed { " *" } else { "" }),
        line.report_ms.map(|(before, after)| format!("{before:.0} → {after:.0}")).unwrap_or_default(),
        line.report_ratio().map(figure).unwrap_or_default(),
        format!("{at_least}{}", figure(line.before.p50_ms)),
        figure(line.off.p50_ms),
        figure(line.on.p50_ms),
        format!("{}{}", figure(off), mark(met.map(|(off, _)| off))),
        format!("{}{}", figure(on), mark(met.map(|(_, on)| on))),
        format!("{} → {}", figure(line.before.p95_ms), figure(line.on.p95_ms)),
        format!("{} → {}", figure(line.before.p99_ms), figure(line.on.p99_ms)),
        format!("{} → {}", traffic(line.before), traffic(line.on)),
        format!("{:.0} of {:.0} %", line.on.hit_share * 100.0, line.on.oracle_share * 100.0),
    ]
}

/// For the terminal.
pub(super) fn table(outcome: &Outcome) -> String {
    let rows: Vec<[String; 12]> =
        std::iter::once(HEAD.map(str::to_owned)).chain(outcome.lines.iter().map(cells)).collect();
    let widths: Vec<usize> =
        (0..12).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let padded = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let gap = " ".repeat(width - cell.chars().count());
            if column == 0 { format!("{cell}{gap}") } else { format!("{gap}{cell}") }
        });
        text += padded.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text.push('\n');
    text += &claims(outcome);
    text
}

/// For a page.
pub(super) fn markdown(outcome: &Outcome) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = row(&HEAD.map(str::to_owned));
    text += &row(&HEAD.map(|_| "---".to_owned()));
    for line in &outcome.lines {
        text += &row(&cells(line));
    }
    text + "\n```\n" + &claims(outcome) + "```\n"
}

fn claims(outcome: &Outcome) -> String {
    let Outcome { calls, messages, delay_ms, grades: (before, after), .. } = outcome;
    let mut text = format!(
        "{calls} calls, {messages} messages; {delay_ms} ms each way; times are medians of a page or request, in ms;\n\
         * the app asks otherwise; > the database gave some up at its time limit\n\
         doctor: {before} before, {after} after; applied: {}\n",
        outcome.treatments.join("; then ")
    );
    for claim in &outcome.claims {
        let before = claim.before.map(|before| format!("{} → ", figure(before))).unwrap_or_default();
        let met = if claim.met { "met" } else { "MISSED" };
        let figures = format!("{before}{} {}", figure(claim.after), claim.unit);
        text += &format!("{:34} {figures:>28}  goal {:12} {met}\n", claim.name, claim.goal);
    }
    let seconds: Vec<String> =
        outcome.seconds.iter().map(|(part, seconds)| format!("{part} {seconds:.0} s")).collect();
    text + &format!("took: {}\n", seconds.join(", "))
}
