//! The grade: a weighted mean of the indicators, with caps, and every lost point beside the findings that win it back.
//!
//! Pure. Measured values and findings come from the examination.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity};
use crate::kpi::{ALL, Kpi};

/// Below this share of the weight the grade is incomplete.
const MEASURED_MIN: f64 = 60.0;
/// Below so many calls the statistics say little.
const CALLS_MIN: f64 = 1000.0;
/// What one check may cost at most, however many objects it finds: a habit is one mistake.
const CHECK_PENALTY_MAX: f64 = 30.0;

/// A grade, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// 90 points and more.
    A,
    /// 80 and more.
    B,
    /// 70 and more.
    C,
    /// 60 and more.
    D,
    /// Less.
    F,
    /// Incomplete: too little was measured to say.
    I,
}

impl Grade {
    fn of(score: f64) -> Grade {
        match score {
            _ if score >= 90.0 => Grade::A,
            _ if score >= 80.0 => Grade::B,
            _ if score >= 70.0 => Grade::C,
            _ if score >= 60.0 => Grade::D,
            _ => Grade::F,
        }
    }

    /// Its letter.
    pub fn letter(self) -> char {
        match self {
            Grade::A => 'A',
            Grade::B => 'B',
            Grade::C => 'C',
            Grade::D => 'D',
            Grade::F => 'F',
            Grade::I => 'I',
        }
    }

    /// The grade with that letter.
    pub fn read(text: &str) -> Option<Grade> {
        [Grade::A, Grade::B, Grade::C, Grade::D, Grade::F]
            .into_iter()
            .find(|grade| text.len() == 1 && text.starts_with(grade.letter()))
    }
}

/// A finding under which the grade cannot be better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// The best grade that is left.
    pub grade: Grade,
    /// The finding that says so.
    pub finding: String,
}

/// What an indicator is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KpiScore {
    /// Which.
    pub kpi: Kpi,
    /// Its value, where it could be measured.
    pub value: Option<f64>,
    /// Whether the value is estimated.
    pub estimated: bool,
    /// From 0 to 1.
    pub score: Option<f64>,
    /// Its weight among the 100 points.
    pub weight: f64,
    /// Points of the grade that it costs.
    pub lost: f64,
    /// The findings that would win them back, the most valuable first.
    pub won_back_by: Vec<String>,
}

/// What was measured: the indicators' values, and of how many calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// A value, and whether it is estimated.
    pub(crate) values: Vec<(Kpi, f64, bool)>,
    pub(crate) calls: f64,
}

/// The grade and its reasons.
#[derive(Clone, Debug)]
pub(crate) struct Graded {
    pub(crate) grade: Grade,
    pub(crate) score: f64,
    pub(crate) kpis: Vec<KpiScore>,
    pub(crate) caps: Vec<Cap>,
}

/// Grades, and gives each finding the points that stand to be won by it.
pub(crate) fn grade(measured: &Measured, findings: &mut [Finding]) -> Graded {
    let penalties = penalties(findings);
    let own = 100.0 - penalties.iter().sum::<f64>();
    let value_of = |kpi| match kpi {
        Kpi::Findings => Some((own.max(0.0), false)),
        _ => {
            measured.values.iter().find(|(k, ..)| *k == kpi).map(|(_, value, estimated)| (*value, *estimated))
        }
    };
    let weight: f64 = ALL.iter().filter(|kpi| value_of(**kpi).is_some()).map(|kpi| kpi.weight()).sum();
    let mut kpis: Vec<KpiScore> = ALL
        .iter()
        .map(|&kpi| {
            let value = value_of(kpi);
            let score = value.map(|(value, _)| kpi.score(value));
            let lost = score.map_or(0.0, |score| (1.0 - score) * kpi.weight() / weight * 100.0);
            KpiScore {
                kpi,
                value: value.map(|(value, _)| value),
                estimated: value.is_some_and(|(_, estimated)| estimated),
                score,
                weight: kpi.weight(),
                lost,
                won_back_by: Vec::new(),
            }
        })
        .collect();
    give_points(&kpis, findings, &penalties);
    name_the_fixes(&mut kpis, findings);
    let score = 100.0 - kpis.iter().map(|kpi| kpi.lost).sum::<f64>();
    let caps = caps(findings);
    let best = caps.iter().map(|cap| cap.grade).max();
    let grade = match best {
        _ if weight < MEASURED_MIN || measured.calls < CALLS_MIN => Grade::I,
        Some(best) => Grade::of(score).max(best),
        None => Grade::of(score),
    };
    Graded { grade, score, kpis, caps }
}

/// What each finding takes from the findings' indicator.
fn penalties(findings: &[Finding]) -> Vec<f64> {
    findings
        .iter()
        .map(|finding| {
            let same = findings.iter().filter(|other| other.check() == finding.check());
            let sum: f64 = same.map(|other| other.severity.penalty()).sum();
            let scale = if sum > CHECK_PENALTY_MAX { CHECK_PENALTY_MAX / sum } else { 1.0 };
            finding.severity.penalty() * scale
        })
        .collect()
}

/// An indicator's lost points are shared by the findings that raise it, by how much they matter.
fn give_points(kpis: &[KpiScore], findings: &mut [Finding], penalties: &[f64]) {
    let mut points = vec![0.0; findings.len()];
    for kpi in kpis {
        let share = |(finding, penalty): (&Finding, &f64)| match kpi.kpi {
            Kpi::Findings => *penalty,
            other if finding.wins.contains(&other) => finding.severity.penalty(),
            _ => 0.0,
        };
        let shares: Vec<f64> = findings.iter().zip(penalties).map(share).collect();
        let sum: f64 = shares.iter().sum();
        if sum > 0.0 {
            for (points, share) in points.iter_mut().zip(shares) {
                *points += kpi.lost * share / sum;
            }
        }
    }
    for (finding, points) in findings.iter_mut().zip(points) {
        finding.points = points;
    }
}

fn name_the_fixes(kpis: &mut [KpiScore], findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.points.total_cmp(&a.points).then(b.severity.cmp(&a.severity)).then_with(|| a.id.cmp(&b.id))
    });
    for kpi in kpis.iter_mut().filter(|kpi| kpi.lost > 0.0) {
        let wins = |finding: &&Finding| match kpi.kpi {
            Kpi::Findings => finding.severity > Severity::Info,
            other => finding.wins.contains(&other) && finding.severity > Severity::Info,
        };
        kpi.won_back_by = findings.iter().filter(wins).map(|finding| finding.id.clone()).collect();
    }
}

fn caps(findings: &[Finding]) -> Vec<Cap> {
    let cap = |finding: &Finding| {
        let grade = match (finding.check(), finding.severity) {
            ("wraparound", Severity::Critical) => Grade::D,
            ("exposed-table" | "policy-always-true" | "policy-without-rls", Severity::Critical) => Grade::C,
            ("invalid-index", _) => Grade::B,
            _ => return None,
        };
        Some(Cap { grade, finding: finding.id.clone() })
    };
    findings.iter().filter_map(cap).collect()
}

#[cfg(test)]
mod tests;
